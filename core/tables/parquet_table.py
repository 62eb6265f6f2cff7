"""The table artifact: a folder of Parquet parts that is complete or absent.

A table is a folder that holds ``part-00000.parquet``, ``part-00001.parquet`` and so on, all of one schema, at
least one even when the table has no rows. A writer fills a hidden folder next to it, then renames that folder.
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
    """Writes a table part by part; the folder appears only if the ``with`` block succeeds.

    Attributes:
        rows: Rows written so far.
        schema: Names and dtypes of the table; None until the first part is known.
        hints: Further metadata for JSON; stored in the parts that are written from then on.
    """

    def __init__(
        self, folder: Path, *, schema: pl.Schema | None = None, compression: Literal["zstd", "snappy"] = "zstd"
    ) -> None:
        """Prepare to write.

        Args:
            folder: The table; an older one there is replaced.
            schema: Names and dtypes, for a table that may get no rows; else those of the first part.
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
        """Create the hidden folder.

        Raises:
            InputError: If the parent folder cannot be written.
        """
        parent = self._folder.parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._hidden = Path(tempfile.mkdtemp(prefix=f".{self._folder.name[:80]}.", dir=parent))
        except OSError as error:
            raise InputError(f"cannot write in the folder {parent}: {error.strerror}.") from error
        # mkdtemp grants access to the owner alone, but other accounts read the table.
        self._hidden.chmod(0o755)
        return self

    def write(self, frame: pl.DataFrame) -> None:
        """Append one part; a frame without rows only defines the schema.

        The table is widened if the frame holds numbers where it holds whole numbers, or values where it has none.

        Args:
            frame: Rows (n) of the table's schema.

        Raises:
            InternalError: If the frame's schema is not compatible.
        """
        if self.schema is None:
            self.schema = frame.schema
        elif frame.schema != self.schema:
            self._widen(frame)
        if frame.height:
            self._append(frame.cast(self.schema) if frame.schema != self.schema else frame)

    def _widen(self, frame: pl.DataFrame) -> None:
        """Adopt the wider types of a frame, also in the parts that are written already."""
        previous, schema = self.schema or pl.Schema(), widen_schema(self.schema or pl.Schema(), frame)
        if schema is None:
            raise InternalError(f"a part of {self._folder.name} must have {previous}; got {frame.schema} instead.")
        for path in sorted(self._hidden.iterdir()) if self._hidden and schema != previous else ():
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
        """Publish the table, or remove every trace of it after an error."""
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
        older = hidden.with_name(f"{hidden.name}.old")  # renaming twice is faster than deleting first
        self._folder.replace(older)
        try:
            hidden.replace(self._folder)
        except BaseException:
            older.replace(self._folder)
            raise
        shutil.rmtree(older, ignore_errors=True)


def parts(folder: Path) -> list[Path]:
    """Return the Parquet parts of a table, in order.

    Raises:
        MissingError: If there is no such table.
    """
    paths = sorted(folder.glob("part-*.parquet"))
    if not paths:
        raise MissingError(f"there is no table in {folder}; run the step that writes it again.")
    return paths


def hints(folder: Path) -> dict[str, Any]:
    """Return what a table's writer recorded: units and ids of the source, and missing-value marks of the user.

    Returns:
        ``units`` by column, ``ids`` (columns), ``texts`` (columns without missing-value marks), ``missing_values``;
        unknown ones are absent.

    Raises:
        MissingError: If there is no such table.
    """
    return dict(json.loads(pl.read_parquet_metadata(parts(folder)[0]).get(_HINTS, "{}")))


def scan(folder: Path) -> pl.LazyFrame:
    """Return a table, lazily, its rows in the order they were written.

    Raises:
        MissingError: If there is no such table.
    """
    return pl.scan_parquet(parts(folder), glob=False)


def read(folder: Path) -> pl.DataFrame:
    """Read a whole table into memory, its rows in the order they were written.

    Raises:
        MissingError: If there is no such table.
    """
    return scan(folder).collect()
