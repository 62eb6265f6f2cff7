"""Parquet files as frames of plain types."""

from collections.abc import Iterator

import polars as pl

from headrace.core.errors import InputError
from headrace.core.plain import plain
from headrace.core.source import SourceFile

BATCH_CELLS = 4_000_000


def batches(file: SourceFile, *, drop: tuple[str, ...] = ()) -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time; at least one frame, even without rows.

    Args:
        file: The file.
        drop: Columns whose values do not count; they are nulls.

    Raises:
        InputError: If the file is truncated or damaged, or a column is of a type that no table has.
    """
    try:
        lazy = pl.scan_parquet(file.path, glob=False)
        present = lazy.collect_schema().names()
        lazy = lazy.with_columns(pl.lit(None, pl.String).alias(name) for name in drop if name in present)
        height = lazy.select(pl.len()).collect().item()
        step = max(1_000, BATCH_CELLS // max(1, len(present)))
        for start in range(0, max(1, height), step):
            yield plain(lazy.slice(start, step).collect(), name=file.name)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{file.name} is a truncated or damaged Parquet file ({str(error).splitlines()[0][:120]}); write it again."
        ) from error
