"""Parquet files as frames of plain types."""

from collections.abc import Iterator

import polars as pl

from headrace.core.blanks import trimmed
from headrace.core.csv_notes import Told
from headrace.core.errors import InputError
from headrace.core.plain import plain
from headrace.core.source import ReadOptions, SourceFile
from headrace.core.wide_numbers import narrowed


def batches(file: SourceFile, *, options: ReadOptions, told: Told | None = None) -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time; at least one frame, even without rows.

    Args:
        file: The file.
        options: What is read: values of its dropped columns do not count, they are nulls.
        told: Takes what numbers lose where they are wider than 64 bits.

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
        given = False
        step = max(1_000, options.batch_cells // max(1, len(wanted)))
        for frame in lazy.collect_batches(chunk_size=step, maintain_order=True, engine="streaming"):
            given = True
            yield trimmed(plain(frame, name=file.name))
        if not given:
            yield plain(lazy.head(0).collect(), name=file.name)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{file.name} is a truncated or damaged Parquet file ({str(error).splitlines()[0][:120]}); write it again."
        ) from error
