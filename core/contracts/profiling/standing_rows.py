"""The rows that a contract keeps, so that those it quarantines do not shape it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import polars as pl

from headrace.core.base.notes import Note
from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column
from headrace.core.contracts.profiling import marked_columns
from headrace.core.contracts.profiling.column_defaults import input_column
from headrace.core.contracts.profiling.column_profile import HEAD_ROWS, MOST_CATEGORIES, ColumnProfile, candidates
from headrace.core.contracts.profiling.column_trials import TOLERATED, drop_missing
from headrace.core.contracts.profiling.marked_columns import TableSurvey, is_plain

_ROW = "\0row"


def profile_valid_rows(
    table: pl.LazyFrame,
    *,
    target: str,
    survey: TableSurvey,
    ignored: Collection[str] = (),
    texts: Collection[str] = (),
) -> tuple[pl.LazyFrame, dict[str, ColumnProfile], list[Note]]:
    """Profile the rows of a table that validation will not quarantine.

    Rows without a target are removed first. Then rows with a value that is infinite or not of its column's dtype, such
    as a row of totals, are removed, and the rest is profiled again.

    Args:
        table: Raw table.
        target: Column that is predicted; empty if rows without it are valid.
        survey: Profiles the columns of a table.
        ignored: Columns that the contract does not check.
        texts: Columns of texts that hold no missing-value mark.

    Returns:
        The remaining rows, without missing-value marks, the profiles of their columns, and notes; ``failed`` and
        ``infinite`` count the values of the removed rows too, since these will be quarantined.
    """
    remaining = _with_target(table, target) if target else table
    remaining, profiles, notes = marked_columns.survey_with_marks(remaining, survey=survey, texts=texts)
    if target and 0 < profiles[target].missing < profiles[target].rows:
        remaining = remaining.filter(pl.col(target).is_not_null())
        profiles = survey(remaining)
    faulty = [
        item
        for item in profiles.values()
        if (item.failed or item.infinite) and item.name not in ignored and _is_looked_at(item, target)
    ]
    if not faulty:
        return remaining, profiles, notes
    valid, removed = _without(remaining, faulty)
    updated = survey(
        valid, known_profiles=find_unchanged(profiles, removed, head=valid.head(HEAD_ROWS).collect(), target=target)
    )
    if not next(iter(updated.values())).rows:
        return remaining, profiles, notes
    with_counts = {
        item.name: replace(updated[item.name], failed=item.failed, infinite=item.infinite) for item in faulty
    }
    unchanged = all(
        updated[item.name].dtype == item.dtype and updated[item.name].format == item.format for item in faulty
    )
    return (valid, updated | with_counts, notes) if unchanged else (remaining, profiles, notes)


def _with_target(table: pl.LazyFrame, target: str) -> pl.LazyFrame:
    """Return the rows that have a target; all rows if none has."""
    present = pl.col(target).is_not_null()
    if table.collect_schema()[target].is_float():
        present &= pl.col(target).is_not_nan()
    counts = table.select(present.sum().alias("present"), pl.len().alias("rows")).collect(engine="streaming").row(0)
    return table.filter(present) if 0 < counts[0] < counts[1] else table


def _is_looked_at(item: ColumnProfile, target: str) -> bool:
    return item.name == target or input_column(item).role != "ignore"


def find_unchanged(
    profiles: Mapping[str, ColumnProfile], removed: pl.DataFrame, *, head: pl.DataFrame, target: str
) -> dict[str, ColumnProfile]:
    """Return the profiles that stay the same without a few rows, so that these columns need no new survey.

    Args:
        profiles: The profiles of the columns over all rows.
        removed: The removed rows.
        head: The first of the remaining rows.
        target: Column that is predicted.

    Returns:
        The profiles over the remaining rows: of columns without a notation or a doubt, whose dtype the first rows
        settle, and whose bounds and listed values do not depend on the removed rows.
    """
    if removed.height > TOLERATED * next(iter(profiles.values())).rows:
        return {}
    options = candidates(head, head.schema, texts=frozenset([target]))
    clean = [replace(item, failed=0, infinite=0) for item in profiles.values()]
    settled = [item for item in clean if is_plain(item) and options[item.name][0].dtype == item.dtype]
    casts_of = {item.name: cast_of(item, head, sample=head) for item in settled if not item.nested}
    removed_typed, head_typed = removed.select(**casts_of), head.select(**casts_of)
    unchanged = {}
    for item in settled:
        if item.nested or _is_untouched(item, removed_typed[item.name], head_typed[item.name]):
            raw = removed[item.name]
            missing = raw.null_count() + (raw.is_nan().arg_true().len() if raw.dtype.is_float() else 0)
            texts = tuple(drop_missing(head[item.name].head(200)).head(50)) if raw.dtype == pl.String else ()
            unchanged[item.name] = replace(
                item, rows=item.rows - removed.height, missing=item.missing - missing, head=texts
            )
    return unchanged


def _is_untouched(item: ColumnProfile, removed: pl.Series, head: pl.Series) -> bool:
    """Check whether the bounds and values of a column are the same without some values."""
    removed = removed.drop_nulls()
    removed = removed.filter(removed.is_finite()) if item.dtype == "number" else removed
    if not removed.len() or removed.is_in(head.implode()).all():
        return not item.has_time_of_day or head.drop_nulls().dt.time().n_unique() > 1
    if item.values is not None or item.distinct <= 1.1 * MOST_CATEGORIES + removed.len():
        return False
    if item.dtype in {"string", "boolean"}:
        return True
    inside = item.least < removed.min() and removed.max() < item.most
    return bool(inside) and (not item.has_time_of_day or head.drop_nulls().dt.time().n_unique() > 1)


def cast_of(item: ColumnProfile, raw: pl.DataFrame | pl.Schema, *, sample: pl.DataFrame) -> pl.Expr:
    """Return the values of a column in its dtype, missing where a value cannot be cast.

    Args:
        item: The profile of the column.
        raw: The raw table, or its schema.
        sample: Rows of it, whose first time shows in which form of ISO 8601 times are written.
    """
    schema = raw.schema if isinstance(raw, pl.DataFrame) else raw
    column = Column(item.name, item.dtype, "ignore", format=item.format)
    return casting.cast(pl.col(item.name), schema[item.name], casting.with_format(column, sample))


def _without(table: pl.LazyFrame, faulty: Sequence[ColumnProfile]) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """Split off the rows in which a value of the columns is infinite or not of its dtype."""
    schema, names = table.collect_schema(), [item.name for item in faulty]
    sample = table.select(names).head(HEAD_ROWS).collect()
    conditions = []
    for item in faulty:
        value, cast = pl.col(item.name), cast_of(item, schema, sample=sample)
        conditions.append(cast.is_null() & value.is_not_null())
        conditions += [cast.is_infinite()] if item.dtype == "number" else []
    numbered = table.with_row_index(_ROW)
    suspects = numbered.filter(pl.any_horizontal(conditions)).collect(engine="streaming")
    # The expression only preselects rows; cast_columns decides, because it also tries further forms.
    columns = [Column(item.name, item.dtype, "ignore", format=item.format) for item in faulty]
    typed = casting.cast_columns(suspects, columns, missing_values=())
    masks = [
        *typed.failed.values(),
        *(typed.frame[item.name].is_infinite() for item in faulty if item.dtype == "number"),
    ]
    removed = suspects.filter(pl.any_horizontal(pl.lit(mask.fill_null(value=False)) for mask in masks))
    return numbered.filter(~pl.col(_ROW).is_in(removed[_ROW].implode())).drop(_ROW), removed.drop(_ROW)
