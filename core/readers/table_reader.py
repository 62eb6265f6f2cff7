"""One pass over a source: frames of rows, and metadata at the end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl

from headrace.core.base import notes
from headrace.core.base.errors import DataError, InputError
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.readers.file_readers import file_frames, query_frames
from headrace.core.tables.pseudonyms import hash_columns
from headrace.core.tables.row_blocks import BLOCK_BYTES
from headrace.core.tables.source import MISSING_VALUES, QuerySource, ReadOptions, Source, check_names, check_selected
from headrace.core.tables.text_stream import SourceDigest


class TableReader:
    """Reads a source once, in bounded memory.

    Attributes:
        source: The source.
        options: Options of the reader.
        rows: Number of rows so far.
        columns: Names of the columns; empty before the first frame.
        collector: Notes so far on what was skipped or assumed.
    """

    def __init__(
        self, source: Source, options: ReadOptions, *, block_bytes: int = BLOCK_BYTES, digest: bool = True
    ) -> None:
        """Prepare to read.

        Args:
            source: What to read.
            options: How to read it.
            block_bytes: Approximate size of the blocks of text; it has no influence on values.
            digest: Whether to compute the digest, which ``facts`` needs.
        """
        self.source = source
        self.options = options
        self.rows = 0
        self.columns: list[str] = []
        self.collector = NoteCollector()
        self._block_bytes = block_bytes
        self._digest = SourceDigest(enabled=digest)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in order, some thousands at a time, of one schema, without the dropped columns.

        Columns of a CSV are texts, stripped and null where missing; other sources keep their types, as the five
        plain ones. Personal columns are hashed.

        Raises:
            InputError: If the source cannot be read as a table.
            DataError: If the table has no rows.
        """
        for frame in self._raw():
            if not self.columns:
                self._start(frame.columns)
            self.rows += frame.height
            yield hash_columns(
                frame if frame.columns == self.columns else frame.select(self.columns), self.options.hash_columns
            )
        if not self.rows:
            raise DataError(f"{self.source.name} has no rows; give a table with at least one row below its header.")

    def hints(self) -> dict[str, Any]:
        """Return what the source records for the contract; see ``parquet_table.hints``."""
        chosen = self.options.missing_values != MISSING_VALUES
        marks = {"missing_values": list(self.options.missing_values)} if chosen else {}
        return {**self.collector.hints, **marks}

    def facts(self) -> dict[str, Any]:
        """Return metadata after the pass: rows, columns, bytes, source, digest (SHA-256), time (UTC).

        If the user chose options, ``read`` holds them as JSON; if something was skipped or assumed, ``notes`` says
        what (``notes.as_json``).
        """
        chosen: dict[str, Any] = {"read": self.options.chosen_options} if self.options.chosen_options else {}
        collected = notes.as_json(self.collector.notes())
        chosen |= {"notes": collected} if collected else {}
        return {
            **chosen,
            "rows": self.rows,
            "columns": len(self.columns),
            "bytes": self._digest.bytes,
            "source": self.source.name,
            "digest": self._digest.hexdigest(),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _raw(self) -> Iterator[pl.DataFrame]:
        if isinstance(self.source, QuerySource):
            return query_frames(self.source, self.options, digest=self._digest, collector=self.collector)
        return file_frames(
            self.source, self.options, digest=self._digest, block_bytes=self._block_bytes, collector=self.collector
        )

    def _start(self, names: list[str]) -> None:
        options, source = self.options, self.source.name
        check_names(names, where=source)
        check_selected(options.drop_columns, columns=names, what="drop", source=source)
        check_selected(options.hash_columns, columns=names, what="hash", source=source)
        self.columns = [name for name in options.select_columns(names) if name not in options.drop_columns]
        if not self.columns:
            raise InputError(f"all columns of {source} are dropped; keep at least the target and a feature.")
