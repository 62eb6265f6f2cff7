"""Folders named ``column=value`` above a table's files, the layout of Hive, Spark and others."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.base.notes import Note
from headrace.core.readers.csv.notes import NoteCollector

_PART = re.compile(r"([^=]+)=(.*)")
_MISSING = "__HIVE_DEFAULT_PARTITION__"


def partition_values(name: str) -> dict[str, str | None]:
    """Return the columns that the folders right above a file define.

    Args:
        name: The file's path or address.

    Returns:
        Values by column, as text with percent-encoding decoded; None for Hive's name of a missing value.

    Raises:
        InputError: If two folders name the same column.
    """
    values: dict[str, str | None] = {}
    for folder in reversed(re.split(r"[/\\\\]", name.split("?", maxsplit=1)[0])[:-1]):
        part = _PART.fullmatch(folder)
        if part is None:
            break
        column, value = unquote(part[1]), unquote(part[2])
        if column in values:
            raise InputError(f"the folders above {name} name the column {quote(column)} twice; rename one of them.")
        values[column] = None if value in {_MISSING, ""} else value
    return dict(reversed(values.items()))


def with_partitions(frames: Iterator[pl.DataFrame], *, name: str, collector: NoteCollector) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file, with the columns that its folders define, as texts, at the end.

    A column that the file holds itself stays as it is.

    Args:
        frames: The rows of the file.
        name: Its path or address.
        collector: Receives notes on the added columns.
    """
    values = partition_values(name)
    if not values:
        yield from frames
        return
    for frame in frames:
        new = {column: value for column, value in values.items() if column not in frame.columns}
        collector.add(*(_note(column) for column in new))
        yield frame.with_columns(pl.lit(value, pl.String).alias(column) for column, value in new.items())


def _note(column: str) -> Note:
    return Note(
        "info",
        column,
        "partition",
        0,
        f"The column {quote(column)} comes from folders named {column}=VALUE above the files.",
        "Give --drop-column with its name, if it is not a column.",
    )
