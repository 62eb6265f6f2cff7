"""The rows that a contract lets stand, so that those it sets aside do not shape it."""

from collections.abc import Collection
from dataclasses import replace

import polars as pl

from headrace.core import casts, marked_survey, times
from headrace.core.contract import Column
from headrace.core.marked_survey import Survey
from headrace.core.notes import Note
from headrace.core.suggest import input_column
from headrace.core.survey import Facts


def surveyed(
    table: pl.LazyFrame, *, target: str, survey: Survey, ignored: Collection[str] = ()
) -> tuple[pl.LazyFrame, dict[str, Facts], list[Note]]:
    """Survey the rows of a table that validation will not set aside.

    Rows without a target go first. Then those go that hold a value which is not of its column's dtype or is infinite,
    such as a row of totals, and the rest is surveyed again.

    Args:
        table: Raw table.
        target: Column that is predicted.
        survey: Finds out what the columns of a table hold.
        ignored: Columns that the contract will not look at.

    Returns:
        The rows that stand, without marks for missing values, the facts of their columns, and what is to be told;
        ``failed`` and ``infinite`` count the values of the others too, since their rows will be quarantined.
    """
    raw = table.collect_schema()
    there = pl.col(target).is_not_null()
    if raw[target].is_float():
        there &= pl.col(target).is_not_nan()
    counted = table.select(there.sum().alias("there"), pl.len().alias("rows")).collect(engine="streaming").row(0)
    left = table.filter(there) if 0 < counted[0] < counted[1] else table
    left, facts, told = marked_survey.surveyed(left, survey=survey)
    if 0 < facts[target].missing < facts[target].rows:
        left = left.filter(pl.col(target).is_not_null())
        facts = survey(left)
    broken = [
        item
        for item in facts.values()
        if (item.failed or item.infinite) and item.name not in ignored and _is_looked_at(item, target)
    ]
    if not broken:
        return left, facts, told
    stands = [_stands(item, raw[item.name]) for item in broken]
    rest = left.filter(pl.all_horizontal(stands))
    again = survey(rest)
    if not next(iter(again.values())).rows:
        return left, facts, told
    kept = {item.name: replace(again[item.name], failed=item.failed, infinite=item.infinite) for item in broken}
    same = all(again[item.name].dtype == item.dtype and again[item.name].format == item.format for item in broken)
    return (rest, again | kept, told) if same else (left, facts, told)


def _is_looked_at(item: Facts, target: str) -> bool:
    return item.name == target or input_column(item).role != "ignore"


def cast_of(item: Facts, raw: pl.DataType) -> pl.Expr:
    """The values of a column in its dtype, missing where one cannot be cast; a time in any form of ISO 8601.

    Args:
        item: What is known of the column.
        raw: Its dtype in the raw table.
    """
    value = pl.col(item.name)
    if item.dtype == "timestamp" and raw == pl.String and not item.format:
        return pl.coalesce(times.parse_time(value, form) for form in times.ISO_FORMATS)
    return casts.cast(value, raw, Column(item.name, item.dtype, "ignore", format=item.format))


def _stands(item: Facts, raw: pl.DataType) -> pl.Expr:
    """Whether a value is missing, or a finite one of the column's dtype."""
    value, cast = pl.col(item.name), cast_of(item, raw)
    stands = cast.is_not_null() | value.is_null()
    if item.dtype != "number":
        return stands
    return (cast.is_finite().fill_null(value=True) & stands) | (
        value.is_nan() if raw.is_float() else pl.lit(value=False)
    )
