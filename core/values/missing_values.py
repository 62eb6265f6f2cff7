"""Missing-value marks in tables: which columns hold some, and a table without them."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from headrace.core.values.missing_marks import COMMON, DEFAULT, NUMBERS, RARE, as_numbers, is_code_column, reader_marks


def find_marks(sample: pl.DataFrame, missing: Sequence[str]) -> dict[str, list[str]]:
    """Return the marks in some rows, by column.

    Args:
        sample: Rows (n) of texts, in which only the empty text is missing.
        missing: The marks.
    """
    marks = [mark for mark in missing if mark]
    texts = [name for name, dtype in sample.schema.items() if dtype == pl.String]
    if not marks or not texts:
        return {}
    has_marks = sample.select(pl.col(name).is_in(marks).any() for name in texts).row(0)
    return {
        name: sorted(set(sample.get_column(name).drop_nulls().unique().to_list()).intersection(marks))
        for name, marked in zip(texts, has_marks, strict=True)
        if marked
    }


def codes(sample: pl.DataFrame, marked: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the columns in which NA is a code, of those that hold it or may hold it further down."""
    texts = [name for name, dtype in sample.schema.items() if dtype == pl.String]
    short = [name for name in texts if _is_short(sample.get_column(name), marked.get(name, ()))]
    return [name for name in short if is_code_column(sample.get_column(name).drop_nulls().unique().to_list())]


def _is_short(values: pl.Series, marks: Sequence[str]) -> bool:
    """Check whether the first text that is not a mark has two capital letters."""
    for value in values.drop_nulls().head(len(marks) + 20):
        if value not in DEFAULT:
            return bool(re.fullmatch(r"[A-Z]{2}", value))
    return False


def clear_marks(table: pl.LazyFrame, marks: Mapping[str, Sequence[str]]) -> pl.LazyFrame:
    """Return the table with marks turned into missing values, by column of texts."""
    return table.with_columns(
        pl.when(~pl.col(name).is_in(list(texts))).then(pl.col(name)).alias(name) for name, texts in marks.items()
    )


def columns_with_marks(table: pl.LazyFrame, names: Sequence[str]) -> list[str]:
    """Return the columns of texts that hold a mark."""
    if not names:
        return []
    row = table.select(pl.col(name).is_in(list(DEFAULT)).any().alias(name) for name in names).collect(
        engine="streaming"
    )
    return [name for name, marked in row.row(0, named=True).items() if marked]


__all__ = [
    "COMMON",
    "DEFAULT",
    "NUMBERS",
    "RARE",
    "as_numbers",
    "clear_marks",
    "codes",
    "columns_with_marks",
    "find_marks",
    "is_code_column",
    "reader_marks",
]  # fmt: skip
