"""The table artifact: a folder of Parquet parts that is whole or absent.

A table is a folder that holds ``part-00000.parquet``, ``part-00001.parquet`` and so on, all of one schema, at
least one even when the table has no rows. A writer fills a hidden folder beside it, then renames that.
"""

import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import polars as pl

from headrace.core.base.errors import InputError, InternalError, MissingError
from headrace.core.tables.widening import widen_schema

_HINTS = "headrace"


class TableWriter:
    """Writes a table part by part; the folder appears only when the block ends well.

    Attributes:
        rows: Rows written so far.
        schema: Names and dtypes of the table; None until the first part is known.
        hints: What else is known of it, as JSON holds it; stands in the parts that are written from then on.
    """

    def __init__(
        self, folder: Path, *, schema: pl.Schema | None = None, compression: Literal["zstd", "snappy"] = "zstd"
    ) -> None:
        """Prepare to write.

        Args:
            folder: The table; an older one at that place is replaced.
            schema: Names and dtypes, for a table that may get no part; else the first part's.
            compression: ``zstd`` for small parts, ``snappy`` for fast ones.
        """
        self.rows = 0
        self.schema = schema
        self.hints: dict[str, Any] = {}
        self._folder = folder
        self._compression = compression
        self._parts = 0
        self._hidden: Path | None = None

    def __enter__(self) -> Self:
        """Make the hidden folder.

        Raises:
            InputError: If the folder beside which the table is to stand cannot be written.
        """
        parent = self._folder.parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._hidden = Path(tempfile.mkdtemp(prefix=f".{self._folder.name[:80]}.", dir=parent))
        except OSError as error:
            raise InputError(f"cannot write in the folder {parent}: {error.strerror}.") from error
        self._hidden.chmod(0o755)
        return self

    def write(self, frame: pl.DataFrame) -> None:
        """Append one part; frames without rows only tell the schema.

        Args:
            frame: Rows of the table's schema.

        A frame may hold numbers where the table holds whole numbers, or values where it holds none: it is widened.

        Raises:
            InternalError: If the frame's schema is another.
        """
        if self.schema is None:
            self.schema = frame.schema
        elif frame.schema != self.schema:
            self._widen(frame)
        if frame.height:
            self._append(frame.cast(self.schema) if frame.schema != self.schema else frame)

    def _widen(self, frame: pl.DataFrame) -> None:
        """Take the wider types of a frame over, in the parts that are written too."""
        before, schema = self.schema or pl.Schema(), widen_schema(self.schema or pl.Schema(), frame)
        if schema is None:
            raise InternalError(f"a part of {self._folder.name} must have {before}; got {frame.schema} instead.")
        for path in sorted(self._hidden.iterdir()) if self._hidden and schema != before else ():
            part = pl.read_parquet(path, glob=False).cast(schema)
            hints = {name: text for name, text in pl.read_parquet_metadata(path).items() if name == _HINTS}
            part.write_parquet(path, compression=self._compression, metadata=hints or None)
        self.schema = schema

    def _append(self, frame: pl.DataFrame) -> None:
        if self._hidden is None:
            raise InternalError("a table is written inside a `with` block only.")
        path = self._hidden / f"part-{self._parts:05d}.parquet"
        try:
            frame.write_parquet(
                path,
                compression=self._compression,
                compression_level=1 if self._compression == "zstd" else None,
                metadata={_HINTS: json.dumps(self.hints, sort_keys=True)} if self.hints else None,
            )
        except OSError as error:
            raise InputError(f"cannot write the table {self._folder}: {error}; free some space and retry.") from error
        self._parts += 1
        self.rows += frame.height

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the table in its place, or remove every trace of it after an error."""
        if self._hidden is None:
            return
        try:
            if kind is None:
                self._finish(self._hidden)
        finally:
            shutil.rmtree(self._hidden, ignore_errors=True)

    def _finish(self, hidden: Path) -> None:
        if self.schema is None:
            raise InternalError(f"the table {self._folder.name} was closed before its columns were known.")
        if not self._parts:
            self._append(pl.DataFrame(schema=self.schema))
        if not self._folder.is_dir():
            hidden.replace(self._folder)
            return
        older = hidden.with_name(f"{hidden.name}.old")  # two renames, for to remove it first takes long
        self._folder.replace(older)
        try:
            hidden.replace(self._folder)
        except BaseException:
            older.replace(self._folder)
            raise
        shutil.rmtree(older, ignore_errors=True)


def parts(folder: Path) -> list[Path]:
    """The Parquet parts of a table, in order.

    Raises:
        MissingError: If there is no such table.
    """
    found = sorted(folder.glob("part-*.parquet"))
    if not found:
        raise MissingError(f"there is no table in {folder}; run the step that writes it again.")
    return found


def hints(folder: Path) -> dict[str, Any]:
    """What a table's writer knew of it: units and ids by the source's own word, the marks that a person chose.

    Returns:
        ``units`` by column, ``ids`` (columns), ``missing_values``; what is not known is absent.

    Raises:
        MissingError: If there is no such table.
    """
    return dict(json.loads(pl.read_parquet_metadata(parts(folder)[0]).get(_HINTS, "{}")))


def scan(folder: Path) -> pl.LazyFrame:
    """A table, lazily, its rows in the order they were written.

    Raises:
        MissingError: If there is no such table.
    """
    return pl.scan_parquet(parts(folder), glob=False)


def read(folder: Path) -> pl.DataFrame:
    """A whole table in memory, its rows in the order they were written.

    Raises:
        MissingError: If there is no such table.
    """
    return scan(folder).collect()
