"""Parquet files as frames of plain types."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.dtypes import TIMESTAMP, plain
from headrace.core.tables.source import ReadOptions, SourceFile
from headrace.core.values.timestamps import beyond_note
from headrace.core.values.whitespace import trim_texts
from headrace.core.values.wide_numbers import narrow_columns


def batches(file: SourceFile, *, options: ReadOptions, told: NoteCollector | None = None) -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time; at least one frame, even without rows; a column of nulls stays one.

    Args:
        file: The file.
        options: What is read: values of its dropped columns do not count, they are nulls.
        told: Takes what numbers lose where they are wider than 64 bits, and which times no calendar has.

    Raises:
        InputError: If the file is truncated or damaged, or a column is of a type that no table has.
    """
    try:
        lazy = pl.scan_parquet(file.path, glob=False)
        present = lazy.collect_schema().names()
        wanted = options.select_columns(present)
        lazy = lazy.select(wanted).with_columns(
            pl.lit(None, pl.String).alias(name) for name in options.drop if name in wanted
        )
        lazy, notes = narrow_columns(lazy, schema=lazy.collect_schema())
        if told:
            told.add(*notes)
        given, beyond = False, Counter[str]()
        step = max(1_000, options.batch_cells // max(1, len(wanted)))
        for frame in lazy.collect_batches(chunk_size=step, maintain_order=True, engine="streaming"):
            given = True
            typed = _plain(frame, file.name)
            beyond.update({name: typed[name].null_count() - frame[name].null_count() for name in _times(typed)})
            yield trim_texts(typed)
        if told:
            told.add(*(beyond_note(name, count) for name, count in beyond.items() if count))
        if not given:
            yield _plain(lazy.head(0).collect(), file.name)
    except pl.exceptions.DuplicateError as error:
        twice = re.search(r"'([^']+)'|\"([^\"]+)\"|`([^`]+)`", str(error))
        which = f" {quote(next(filter(None, twice.groups())))}" if twice else ""
        raise InputError(f"{file.name} has two columns of one name{which}; rename one of them.") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{file.name} is a truncated or damaged Parquet file ({str(error).splitlines()[0][:120]}); write it again."
        ) from error


def _plain(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Plain types; a column whose type is that of missing values keeps it, for another file may have values there."""
    nulls = [pl.lit(None, pl.Null).alias(column) for column, dtype in frame.schema.items() if dtype == pl.Null]
    found = plain(frame, name=name)
    return found.with_columns(nulls) if nulls else found


def stored_indexes(file: SourceFile) -> list[str]:
    """Columns that hold the index of the data frame that pandas wrote, as its own metadata say.

    Args:
        file: A Parquet file; one that cannot be read has none.
    """
    try:
        told: Any = json.loads(pl.read_parquet_metadata(file.path).get("pandas", "{}"))
        names = told.get("index_columns", [])
        fields = {column.get("field_name"): column for column in told.get("columns", [])}
        return [name for name in names if isinstance(name, str) and name in fields]
    except (pl.exceptions.PolarsError, OSError, ValueError, AttributeError):
        return []


def _times(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if dtype == TIMESTAMP]
