"""Writers of predictions: a folder of Parquet parts, or one file; complete or absent."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import whole
from headrace.core.tables.parquet_table import TableWriter, parts

# Probabilities hardly compress: zstd would save a fifth of the bytes and take half as long again to write.
_COMPRESSION: Final = "snappy"
_PART = re.compile(r"part-\d+\.parquet")


class PredictionWriter(Protocol):
    """Write a table part by part."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append some rows."""


def open_writer(path: Path) -> contextlib.AbstractContextManager[PredictionWriter]:
    """Open a writer to ``path``; the end of the block puts the table there, in place of an older one.

    Args:
        path: A file that ends in ``.parquet`` or ``.csv``, or a folder.

    Raises:
        InputError: If ``path`` holds something else, which must not be replaced by accident.
    """
    ending = path.suffix.lower()
    if ending in {".parquet", ".csv"}:
        if path.is_dir():
            raise InputError(f"{path} must be a file; it is a folder.")
        return _csv(path) if ending == ".csv" else _parquet(path)
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} must be a folder, or a file that ends in .parquet or .csv; it is another file.")
    other = next((entry.name for entry in _entries(path) if not _PART.fullmatch(entry.name)), "")
    if other:
        raise InputError(
            f"the folder {path} must be new, empty or an older table of parts, for it is replaced; it holds "
            f"{quote(other)}: name another folder."
        )
    return TableWriter(path, compression=_COMPRESSION)


def _entries(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


class _Csv:
    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._has_header = False

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_csv(self._stream, include_header=not self._has_header)
        self._has_header = True

    def close(self) -> None:
        self._stream.close()


@contextlib.contextmanager
def _csv(path: Path) -> Iterator[PredictionWriter]:
    with whole(path) as part, contextlib.closing(_Csv(part)) as writer:
        yield writer


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[PredictionWriter]:
    """Write parts and join them at the end, in a stream, since Polars cannot append to a file."""
    with whole(path) as joined, tempfile.TemporaryDirectory(prefix=f".{path.name[:80]}.", dir=path.parent) as scratch:
        folder = Path(scratch) / "parts"
        with TableWriter(folder, compression=_COMPRESSION) as writer:
            yield writer
        table = pl.scan_parquet(parts(folder), glob=False)
        table.sink_parquet(joined, compression=_COMPRESSION)
