"""The rows that a contract lets stand, so that those it sets aside do not shape it."""

from collections.abc import Callable, Collection
from dataclasses import replace

import polars as pl

from headrace.core import casts
from headrace.core.contract import Column
from headrace.core.suggest import input_column
from headrace.core.survey import Facts

Survey = Callable[[pl.LazyFrame], dict[str, Facts]]


def surveyed(
    table: pl.LazyFrame, *, target: str, survey: Survey, ignored: Collection[str] = ()
) -> tuple[pl.LazyFrame, dict[str, Facts]]:
    """Survey the rows of a table that validation will not set aside.

    Rows without a target go first. Then those go that hold a value which is not of its column's dtype or is infinite,
    such as a row of totals, and the rest is surveyed again.

    Args:
        table: Raw table.
        target: Column that is predicted.
        survey: Finds out what the columns of a table hold.
        ignored: Columns that the contract will not look at.

    Returns:
        The rows that stand, and the facts of their columns; ``failed`` and ``infinite`` count the values of the others
        too, since their rows will be quarantined.
    """
    raw = table.collect_schema()
    there = pl.col(target).is_not_null()
    if raw[target].is_float():
        there &= pl.col(target).is_not_nan()
    counted = table.select(there.sum().alias("there"), pl.len().alias("rows")).collect(engine="streaming").row(0)
    left = table.filter(there) if 0 < counted[0] < counted[1] else table
    facts = survey(left)
    broken = [
        item
        for item in facts.values()
        if (item.failed or item.infinite) and item.name not in ignored and _is_looked_at(item, target)
    ]
    if not broken:
        return left, facts
    stands = [_stands(item, raw[item.name]) for item in broken]
    rest = left.filter(pl.all_horizontal(stands))
    again = survey(rest)
    if not next(iter(again.values())).rows:
        return left, facts
    kept = {item.name: replace(again[item.name], failed=item.failed, infinite=item.infinite) for item in broken}
    same = all(again[item.name].dtype == item.dtype and again[item.name].format == item.format for item in broken)
    return (rest, again | kept) if same else (left, facts)


def _is_looked_at(item: Facts, target: str) -> bool:
    return item.name == target or input_column(item).role != "ignore"


def _stands(item: Facts, raw: pl.DataType) -> pl.Expr:
    """Whether a value is missing, or a finite one of the column's dtype."""
    value = pl.col(item.name)
    cast = casts.cast(value, raw, Column(item.name, item.dtype, "ignore", format=item.format))
    stands = cast.is_not_null() | value.is_null()
    if item.dtype != "number":
        return stands
    return (cast.is_finite().fill_null(value=True) & stands) | (
        value.is_nan() if raw.is_float() else pl.lit(value=False)
    )
