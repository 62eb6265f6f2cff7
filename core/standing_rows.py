"""The rows that a contract lets stand, so that those it sets aside do not shape it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import polars as pl

from headrace.core import casts, marked_survey
from headrace.core.contract import Column
from headrace.core.marked_survey import Survey
from headrace.core.notes import Note
from headrace.core.suggest import input_column
from headrace.core.survey import HEAD_ROWS, Facts

_ROW = "\0row"


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
    rest = _without(left, broken)
    again = survey(rest)
    if not next(iter(again.values())).rows:
        return left, facts, told
    kept = {item.name: replace(again[item.name], failed=item.failed, infinite=item.infinite) for item in broken}
    same = all(again[item.name].dtype == item.dtype and again[item.name].format == item.format for item in broken)
    return (rest, again | kept, told) if same else (left, facts, told)


def _is_looked_at(item: Facts, target: str) -> bool:
    return item.name == target or input_column(item).role != "ignore"


def cast_of(item: Facts, raw: pl.DataFrame | pl.Schema, *, sample: pl.DataFrame) -> pl.Expr:
    """The values of a column in its dtype, missing where one cannot be cast.

    Args:
        item: What is known of the column.
        raw: The raw table, or its schema.
        sample: Rows of it, whose first time tells in which form of ISO 8601 times are written.
    """
    schema = raw.schema if isinstance(raw, pl.DataFrame) else raw
    column = Column(item.name, item.dtype, "ignore", format=item.format)
    return casts.cast(pl.col(item.name), schema[item.name], casts.with_format(column, sample))


def _without(table: pl.LazyFrame, broken: Sequence[Facts]) -> pl.LazyFrame:
    """A table without the rows in which a value of some columns is not of their dtype, or is infinite."""
    schema, names = table.collect_schema(), [item.name for item in broken]
    sample = table.select(names).head(HEAD_ROWS).collect()
    doubts = []
    for item in broken:
        value, cast = pl.col(item.name), cast_of(item, schema, sample=sample)
        doubts.append(cast.is_null() & value.is_not_null())
        doubts += [cast.is_infinite()] if item.dtype == "number" else []
    numbered = table.with_row_index(_ROW)
    doubted = numbered.select(_ROW, *names).filter(pl.any_horizontal(doubts)).collect(engine="streaming")
    columns = [Column(item.name, item.dtype, "ignore", format=item.format) for item in broken]
    typed = casts.typed(doubted, columns, missing_values=())
    bad = [*typed.failed.values(), *(typed.frame[item.name].is_infinite() for item in broken if item.dtype == "number")]
    rows = doubted.filter(pl.any_horizontal(pl.lit(mask.fill_null(value=False)) for mask in bad))[_ROW]
    return numbered.filter(~pl.col(_ROW).is_in(rows.implode())).drop(_ROW)
