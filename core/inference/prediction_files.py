"""Where predictions are written: a folder of Parquet parts, or one file; whole or absent."""

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

# Probabilities hardly get smaller: zstd would save a fifth of the bytes, and take half as long again to write.
_COMPRESSION: Final = "snappy"
_PART = re.compile(r"part-\d+\.parquet")


class PredictionWriter(Protocol):
    """Takes a table part by part."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append some rows."""


def open_writer(path: Path) -> contextlib.AbstractContextManager[PredictionWriter]:
    """What writes to ``path``; the block's end puts it there, in place of an older one.

    Args:
        path: A file that ends in ``.parquet`` or ``.csv``, or a folder.

    Raises:
        InputError: If something else lies there, which nobody meant to replace.
    """
    ending = path.suffix.lower()
    if ending in {".parquet", ".csv"}:
        if path.is_dir():
            raise InputError(f"{path} must be a file; it is a folder.")
        return _csv(path) if ending == ".csv" else _parquet(path)
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} must be a folder, or a file that ends in .parquet or .csv; it is another file.")
    other = next((found.name for found in _entries(path) if not _PART.fullmatch(found.name)), "")
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
        self._begun = False

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_csv(self._stream, include_header=not self._begun)
        self._begun = True

    def close(self) -> None:
        self._stream.close()


@contextlib.contextmanager
def _csv(path: Path) -> Iterator[PredictionWriter]:
    with whole(path) as part, contextlib.closing(_Csv(part)) as writer:
        yield writer


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[PredictionWriter]:
    """Parts are joined at the end, in a stream, for Polars cannot append to a file."""
    with whole(path) as joined, tempfile.TemporaryDirectory(prefix=f".{path.name[:80]}.", dir=path.parent) as scratch:
        folder = Path(scratch) / "parts"
        with TableWriter(folder, compression=_COMPRESSION) as writer:
            yield writer
        table = pl.scan_parquet(parts(folder), glob=False)
        table.sink_parquet(joined, compression=_COMPRESSION)
