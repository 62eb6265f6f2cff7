"""Reader of Parquet files: yields frames of plain types."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from headrace.core.base import settings
from headrace.core.base.errors import InputError, quote
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.dtypes import TIMESTAMP, normalize_dtypes
from headrace.core.tables.source import ReadOptions, SourceFile
from headrace.core.values.timestamps import beyond_note
from headrace.core.values.whitespace import trim_texts
from headrace.core.values.wide_numbers import narrow_columns

_OFFSET = re.compile(rb"[+-]\d\d:?\d\d")


def batches(
    file: SourceFile, *, options: ReadOptions, collector: NoteCollector | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file in batches; at least one frame, even without rows; a column of nulls stays one.

    Args:
        file: The file.
        options: Options of the reader; values of dropped columns are read as nulls.
        collector: Receives notes on numbers that lose digits in 64 bits, and on times outside the calendar.

    Raises:
        InputError: If the file is truncated or damaged, or a column is of an unsupported type.
    """
    try:
        _accept_fixed_offsets(file)
        lazy = pl.scan_parquet(file.path, glob=False)
        present = lazy.collect_schema().names()
        selected = options.select_columns(present)
        lazy = lazy.select(selected).with_columns(
            pl.lit(None, pl.String).alias(name) for name in options.drop_columns if name in selected
        )
        lazy, notes = narrow_columns(lazy, schema=lazy.collect_schema())
        if collector:
            collector.add(*notes)
        has_frames, beyond = False, Counter[str]()
        step = max(1_000, options.batch_cells // max(1, len(selected)))
        for frame in lazy.collect_batches(chunk_size=step, maintain_order=True, engine="streaming"):
            has_frames = True
            typed = _plain(frame, file.name)
            beyond.update({name: typed[name].null_count() - frame[name].null_count() for name in _times(typed)})
            yield trim_texts(typed)
        if collector:
            collector.add(*(beyond_note(name, count) for name, count in beyond.items() if count))
        # collect_batches yields nothing for a file without rows, but the schema is needed.
        if not has_frames:
            yield _plain(lazy.head(0).collect(), file.name)
    except pl.exceptions.DuplicateError as error:
        duplicate = re.search(r"'([^']+)'|\"([^\"]+)\"|`([^`]+)`", str(error))
        name_hint = f" {quote(next(filter(None, duplicate.groups())))}" if duplicate else ""
        raise InputError(f"{file.name} has two columns of one name{name_hint}; rename one of them.") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(
            f"{file.name} is a truncated or damaged Parquet file, or has a column of a type that cannot be read "
            f"({str(error).splitlines()[0][:120]}); write it again, with numbers, texts, booleans or timestamps."
        ) from error


def _accept_fixed_offsets(file: SourceFile) -> None:
    """Let Polars read a file one of whose zones is an offset such as +05:30, which pandas writes.

    Polars 2.1.0 knows zones by name only, and panics at another one unless a variable keeps it from looking.
    """
    schema = pl.read_parquet_metadata(file.path).get("ARROW:schema", "")
    if _OFFSET.search(base64.b64decode(schema)):
        settings.accept_zone_offsets()


def _plain(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return plain types; a column of nulls keeps its type, because another file may have values there."""
    nulls = [pl.lit(None, pl.Null).alias(column) for column, dtype in frame.schema.items() if dtype == pl.Null]
    normalized = normalize_dtypes(frame, name=name)
    return normalized.with_columns(nulls) if nulls else normalized


def stored_indexes(file: SourceFile) -> list[str]:
    """Return the columns with the index of the data frame that pandas wrote, by its metadata.

    Args:
        file: A Parquet file; an unreadable one has no index.
    """
    try:
        metadata: Any = json.loads(pl.read_parquet_metadata(file.path).get("pandas", "{}"))
        names = metadata.get("index_columns", [])
        fields = {column.get("field_name"): column for column in metadata.get("columns", [])}
        return [name for name in names if isinstance(name, str) and name in fields]
    except (pl.exceptions.PolarsError, OSError, ValueError, AttributeError):
        return []


def _times(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if dtype == TIMESTAMP]
