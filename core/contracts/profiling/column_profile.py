"""What each column of a raw table holds, inferred by casting all rows in a few passes of bounded memory."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import polars as pl

from headrace.core.contracts import casting, vocabulary
from headrace.core.contracts.contract import Column, Dtype
from headrace.core.contracts.profiling.column_trials import (
    TOLERATED,
    ColumnProfile,
    build_profile,
    drop_missing,
    trial_column,
    try_candidates,
)
from headrace.core.contracts.profiling.conventions import WritingConventions
from headrace.core.contracts.profiling.second_look import refine_profiles
from headrace.core.values.timestamp_formats import likely_forms, may_be_times
from headrace.core.values.timestamps import ISO_FORMATS

HEAD_ROWS = 2_000
MOST_CATEGORIES = 1_000
_TRIED = 20
_NUMBERS: tuple[Dtype, ...] = ("integer", "number")
_BOOLEAN_WORDS = [word for word in (*vocabulary.TRUE, *vocabulary.FALSE) if not word[0].isdigit()]


def profile_columns(
    table: pl.LazyFrame,
    *,
    texts: Iterable[str] = (),
    conventions: WritingConventions | None = None,
    known_profiles: Mapping[str, ColumnProfile] | None = None,
) -> dict[str, ColumnProfile]:
    """Return the profile of each column.

    A text column is a boolean, integer, number or timestamp if all its values are, up to one in a hundred; numbers with
    leading zeros, such as postal codes, stay texts.

    Args:
        table: Raw table.
        texts: Columns of text whose yes and no, or true and false, stay texts.
        conventions: How the user says that numbers and dates are written; None to infer it.
        known_profiles: Profiles from an earlier survey of these, or nearly these, rows that need no new one.

    Returns:
        The profile by column, in the order of the table.
    """
    schema = table.collect_schema()
    head = table.head(HEAD_ROWS).collect()
    known_profiles = known_profiles or {}
    remaining = candidates(head, schema, texts=frozenset(texts))
    profiles: dict[str, ColumnProfile] = dict(known_profiles)
    almost: dict[str, str] = {}
    while len(profiles) < len(remaining):  # ends, because the last candidate, string, always fits
        trials = [options.pop(0) for name, options in remaining.items() if name not in profiles]
        for trial, counts in try_candidates(table, schema, trials):
            failed = int(counts.get("failed", 0))
            is_empty = not counts["present"] and schema[trial.name] == pl.String
            if (
                failed > TOLERATED * int(counts["present"])
                or counts.get("zeros")
                or (is_empty and trial.dtype != "string")
            ):
                almost.setdefault(trial.name, "" if counts.get("zeros") else trial.dtype)
            else:
                profiles[trial.name] = build_profile(
                    trial, counts, head.get_column(trial.name), almost.get(trial.name, "")
                )
    profiles = refine_profiles(table, head, profiles, conventions=conventions or WritingConventions())
    changed = [profiles[name] for name in schema if profiles[name] is not known_profiles.get(name)]
    return {name: profiles[name] for name in schema} | _list_values(table, schema, changed)


def candidates(head: pl.DataFrame, schema: pl.Schema, *, texts: frozenset[str]) -> dict[str, list[Column]]:
    """Return what each column may hold, the likeliest first, as far as the first rows show.

    Args:
        head: The first rows of a table.
        schema: The table's dtypes.
        texts: Columns of text whose yes and no, or true and false, stay texts.
    """
    ideas = [
        trial
        for name, raw in schema.items()
        if raw == pl.String
        for trial in _ideas(head.get_column(name), words=name in texts)
    ]
    null_counts = [
        casting.cast(pl.col(trial.name), schema[trial.name], trial).null_count().alias(f"{position}")
        for position, trial in enumerate(ideas)
    ]
    nulls_after = head.select(null_counts).row(0) if null_counts else ()
    nulls_before = dict(zip(head.columns, head.null_count().row(0), strict=True))
    options: dict[str, list[Column]] = {
        name: [] if raw == pl.String else [trial_column(name, _native(raw))] for name, raw in schema.items()
    }
    for trial, nulls in zip(ideas, nulls_after, strict=True):
        if 2 * (nulls - nulls_before[trial.name]) <= head.height - nulls_before[trial.name]:
            options[trial.name].append(trial)
    return {
        name: [*trials, trial_column(name, "string")] if schema[name] == pl.String else trials
        for name, trials in options.items()
    }


def _ideas(head: pl.Series, *, words: bool) -> Iterator[Column]:
    """Yield what a column of text may hold, judging by its first values."""
    values = drop_missing(head)
    first = values[0].lower() if values.len() else ""
    if not words and first in _BOOLEAN_WORDS:
        boolean_count = int(values.str.to_lowercase().is_in(_BOOLEAN_WORDS).sum())
        if boolean_count > (1 - 5 * TOLERATED) * values.len():
            yield trial_column(head.name, "boolean")
    yield from (trial_column(head.name, dtype) for dtype in _NUMBERS)
    if not values.len():
        yield from (trial_column(head.name, "timestamp", form) for form in ISO_FORMATS[:3])
    elif may_be_times(values.head(5).to_list()):
        yield from (trial_column(head.name, "timestamp", form) for form in likely_forms(values.head(_TRIED)))


def _native(raw: pl.DataType) -> Dtype:
    if raw.is_integer():
        return "integer"
    if raw.is_numeric():
        return "number"
    if raw == pl.Boolean:
        return "boolean"
    return "timestamp" if raw == pl.Date or isinstance(raw, pl.Datetime) else "string"


def _list_values(table: pl.LazyFrame, schema: pl.Schema, profiles: Iterable[ColumnProfile]) -> dict[str, ColumnProfile]:
    """Return the profiles of columns with few values, with their values listed, in one pass."""
    short = [item for item in profiles if not item.nested and item.distinct <= 1.1 * MOST_CATEGORIES]
    short = [item for item in short if item.dtype != "timestamp"]
    if not short:
        return {}
    lists = table.select(
        casting.cast(pl.col(item.name), schema[item.name], trial_column(item.name, item.dtype, item.format))
        .drop_nulls()
        .unique()
        .sort()
        .cast(pl.String)
        .implode()
        .alias(item.name)
        for item in short
    ).collect(engine="streaming")
    complete = {}
    for item in short:
        values = tuple(lists.get_column(item.name)[0])
        listed = values if len(values) <= MOST_CATEGORIES else None
        complete[item.name] = replace(item, distinct=len(values), values=listed)
    return complete


def looks_like_data(names: Iterable[str]) -> bool:
    """Check whether a header holds numbers or repeated values, as a first row of data would."""
    texts = list(names)
    numbers = [text for text in texts if re.fullmatch(r"[+-]?\d+(\.\d+)?(_duplicated_\d+)?", text.strip())]
    return len(numbers) >= max(1, len(texts) // 5)


__all__ = [
    "HEAD_ROWS",
    "MOST_CATEGORIES",
    "TOLERATED",
    "ColumnProfile",
    "candidates",
    "looks_like_data",
    "profile_columns",
]
