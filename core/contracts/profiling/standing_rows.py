"""The rows that a contract lets stand, so that those it sets aside do not shape it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import polars as pl

from headrace.core.base.notes import Note
from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column
from headrace.core.contracts.profiling import missing_marks
from headrace.core.contracts.profiling.column_defaults import input_column
from headrace.core.contracts.profiling.column_profile import HEAD_ROWS, MOST_CATEGORIES, ColumnProfile, candidates
from headrace.core.contracts.profiling.column_trials import TOLERATED, drop_missing
from headrace.core.contracts.profiling.missing_marks import TableSurvey, is_plain

_ROW = "\0row"


def survey_standing_rows(
    table: pl.LazyFrame, *, target: str, survey: TableSurvey, ignored: Collection[str] = ()
) -> tuple[pl.LazyFrame, dict[str, ColumnProfile], list[Note]]:
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
    left, facts, told = missing_marks.survey_with_marks(left, survey=survey)
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
    rest, gone = _without(left, broken)
    again = survey(rest, known=find_unchanged(facts, gone, head=rest.head(HEAD_ROWS).collect(), target=target))
    if not next(iter(again.values())).rows:
        return left, facts, told
    kept = {item.name: replace(again[item.name], failed=item.failed, infinite=item.infinite) for item in broken}
    same = all(again[item.name].dtype == item.dtype and again[item.name].format == item.format for item in broken)
    return (rest, again | kept, told) if same else (left, facts, told)


def _is_looked_at(item: ColumnProfile, target: str) -> bool:
    return item.name == target or input_column(item).role != "ignore"


def find_unchanged(
    facts: Mapping[str, ColumnProfile], gone: pl.DataFrame, *, head: pl.DataFrame, target: str
) -> dict[str, ColumnProfile]:
    """The columns of which a survey would tell the same without a few rows, so that none is needed.

    Args:
        facts: What is known of the columns by all rows.
        gone: The rows that are taken away.
        head: The first of the rows that stay.
        target: Column that is predicted.

    Returns:
        The facts by the rows that stay: of columns without a notation or a doubt, whose dtype the first rows settle,
        and whose bounds and listed values do not depend on the rows that go.
    """
    if gone.height > TOLERATED * facts[target].rows:
        return {}
    ideas = candidates(head, head.schema, texts=frozenset([target]))
    clean = [replace(item, failed=0, infinite=0) for item in facts.values()]
    settled = [item for item in clean if is_plain(item) and ideas[item.name][0].dtype == item.dtype]
    casts_of = {item.name: cast_of(item, head, sample=head) for item in settled if not item.nested}
    taken, left = gone.select(**casts_of), head.select(**casts_of)
    made = {}
    for item in settled:
        if item.nested or _is_untouched(item, taken[item.name], left[item.name]):
            raw = gone[item.name]
            missing = raw.null_count() + (raw.is_nan().arg_true().len() if raw.dtype.is_float() else 0)
            texts = tuple(drop_missing(head[item.name].head(200)).head(50)) if raw.dtype == pl.String else ()
            made[item.name] = replace(item, rows=item.rows - gone.height, missing=item.missing - missing, head=texts)
    return made


def _is_untouched(item: ColumnProfile, gone: pl.Series, head: pl.Series) -> bool:
    """Whether bounds and values of a column are the same without some values."""
    gone = gone.drop_nulls()
    gone = gone.filter(gone.is_finite()) if item.dtype == "number" else gone
    if not gone.len() or gone.is_in(head.implode()).all():
        return not item.clock or head.drop_nulls().dt.time().n_unique() > 1
    if item.values is not None or item.distinct <= 1.1 * MOST_CATEGORIES + gone.len():
        return False
    if item.dtype in {"string", "boolean"}:
        return True
    inside = item.least < gone.min() and gone.max() < item.most
    return bool(inside) and (not item.clock or head.drop_nulls().dt.time().n_unique() > 1)


def cast_of(item: ColumnProfile, raw: pl.DataFrame | pl.Schema, *, sample: pl.DataFrame) -> pl.Expr:
    """The values of a column in its dtype, missing where one cannot be cast.

    Args:
        item: What is known of the column.
        raw: The raw table, or its schema.
        sample: Rows of it, whose first time tells in which form of ISO 8601 times are written.
    """
    schema = raw.schema if isinstance(raw, pl.DataFrame) else raw
    column = Column(item.name, item.dtype, "ignore", format=item.format)
    return casting.cast(pl.col(item.name), schema[item.name], casting.with_format(column, sample))


def _without(table: pl.LazyFrame, broken: Sequence[ColumnProfile]) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """A table without the rows in which a value of some columns is not of their dtype or is infinite, and those."""
    schema, names = table.collect_schema(), [item.name for item in broken]
    sample = table.select(names).head(HEAD_ROWS).collect()
    doubts = []
    for item in broken:
        value, cast = pl.col(item.name), cast_of(item, schema, sample=sample)
        doubts.append(cast.is_null() & value.is_not_null())
        doubts += [cast.is_infinite()] if item.dtype == "number" else []
    numbered = table.with_row_index(_ROW)
    doubted = numbered.filter(pl.any_horizontal(doubts)).collect(engine="streaming")
    columns = [Column(item.name, item.dtype, "ignore", format=item.format) for item in broken]
    typed = casting.cast_columns(doubted, columns, missing_values=())
    bad = [*typed.failed.values(), *(typed.frame[item.name].is_infinite() for item in broken if item.dtype == "number")]
    gone = doubted.filter(pl.any_horizontal(pl.lit(mask.fill_null(value=False)) for mask in bad))
    return numbered.filter(~pl.col(_ROW).is_in(gone[_ROW].implode())).drop(_ROW), gone.drop(_ROW)
