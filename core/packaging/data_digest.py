"""The rows that a model was fitted and measured on: their digest, and copies on request."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headrace.core.packaging.provenance_document import RecordedRows
from headrace.core.tables import parquet_table
from headrace.core.validation.table import blocks

FOLDER = "data"


@dataclass(frozen=True)
class DataPart:
    """Training or test rows.

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
        digest: SHA-256 of its rows, see ``describe_frames``.
        files: Parquet files that hold the rows; empty if they are not copied.
    """

    rows: int
    columns: int
    digest: str
    files: tuple[Path, ...] = ()

    def record(self, copy: str = "") -> RecordedRows:
        """Return the part without its files; ``copy`` is the folder of the bundle that holds them."""
        return RecordedRows(self.rows, self.columns, self.digest, copy)


def describe_table(folder: Path, *, copy: bool = False) -> DataPart:
    """Describe a table, read block by block.

    Args:
        folder: The table.
        copy: Whether its files are copied into the bundle.

    Raises:
        MissingError: If there is no such table.
    """
    return describe_frames(blocks(folder), files=parquet_table.parts(folder) if copy else ())


def describe_frames(frames: Iterable[pl.DataFrame], *, files: Iterable[Path] = ()) -> DataPart:
    r"""Describe frames of one schema, at least one, with all rows in order.

    Its digest is that of one line of JSON with each column's name and type, and of the rows as CSV (RFC 4180) without
    a header: texts in double quotes, ``\\N`` for a missing value. It does not depend on how the rows are spread over
    files.

    Args:
        frames: The rows, in order.
        files: Files that hold the same rows.
    """
    state, rows, columns = hashlib.sha256(), 0, 0
    for frame in frames:
        if not columns:
            columns = frame.width
            schema = [[name, str(dtype)] for name, dtype in frame.schema.items()]
            state.update(json.dumps(schema).encode() + b"\n")
        rows += frame.height
        state.update(frame.write_csv(include_header=False, null_value="\\N", quote_style="non_numeric").encode())
    return DataPart(rows, columns, state.hexdigest(), tuple(files))
