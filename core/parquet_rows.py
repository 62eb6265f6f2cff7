"""Parquet files as frames of plain types."""

from collections import Counter
from collections.abc import Iterator

import polars as pl

from headrace.core.blanks import trimmed
from headrace.core.csv_notes import Told
from headrace.core.errors import InputError
from headrace.core.notes import Note
from headrace.core.plain import TIMESTAMP, plain
from headrace.core.source import ReadOptions, SourceFile
from headrace.core.wide_numbers import narrowed


def batches(file: SourceFile, *, options: ReadOptions, told: Told | None = None) -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time; at least one frame, even without rows.

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
        wanted = options.wanted(present)
        lazy = lazy.select(wanted).with_columns(
            pl.lit(None, pl.String).alias(name) for name in options.drop if name in wanted
        )
        lazy, notes = narrowed(lazy, schema=lazy.collect_schema())
        if told:
            told.add(*notes)
        given, beyond = False, Counter[str]()
        step = max(1_000, options.batch_cells // max(1, len(wanted)))
        for frame in lazy.collect_batches(chunk_size=step, maintain_order=True, engine="streaming"):
            given = True
            typed = plain(frame, name=file.name)
            beyond.update({name: typed[name].null_count() - frame[name].null_count() for name in _times(typed)})
            yield trimmed(typed)
        if told:
            told.add(*(_beyond(name, count) for name, count in beyond.items() if count))
        if not given:
            yield plain(lazy.head(0).collect(), name=file.name)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{file.name} is a truncated or damaged Parquet file ({str(error).splitlines()[0][:120]}); write it again."
        ) from error


def _times(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if dtype == TIMESTAMP]


def _beyond(name: str, count: int) -> Note:
    sentence = (
        f"{count} of its times lie before the year 1 or after 9999, as a database's infinity does; they are missing."
    )
    return Note("warning", name, "times_beyond", count, sentence, "Write such times as missing values.")
