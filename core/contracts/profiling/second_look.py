"""A second pass over columns of numbers and dates, by all their values: notation, width, order of day and month."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from headrace.core.contracts.profiling.column_trials import TOLERATED, ColumnProfile, profile_trials, trial_column
from headrace.core.contracts.profiling.conventions import WritingConventions
from headrace.core.contracts.profiling.notation_choice import NotationChoice, choose_notations
from headrace.core.contracts.profiling.timestamp_choice import (
    DateOrders,
    add_date_hints,
    compact_column_form,
    settle_order,
    swapped_column_form,
)
from headrace.core.values import wide_numbers
from headrace.core.values.timestamp_formats import combine_forms, may_be_times

_LONG_TEXT = 18
_LOOKED_AT = 300


def refine_profiles(
    table: pl.LazyFrame, head: pl.DataFrame, profiles: Mapping[str, ColumnProfile], *, conventions: WritingConventions
) -> dict[str, ColumnProfile]:
    """Return the profiles after columns with a notation of their own were read in it.

    Args:
        table: Raw table.
        head: Its first rows.
        profiles: The profiles of the columns so far.
        conventions: How the user says that numbers and dates are written.
    """
    updated = dict(profiles)
    updated |= _choose_notations(table, head, updated, conventions=conventions)
    updated |= _find_wide_numbers(table, head, updated)
    updated |= _combine_forms(table, head, updated)
    updated |= _settle_dates(table, head, updated, conventions=conventions)
    return {name: add_date_hints(item) for name, item in updated.items()}


def _choose_notations(
    table: pl.LazyFrame, head: pl.DataFrame, profiles: Mapping[str, ColumnProfile], *, conventions: WritingConventions
) -> dict[str, ColumnProfile]:
    """Return the columns whose numbers are written in a notation of their own."""
    texts = [item for item in profiles.values() if head.schema[item.name] == pl.String and item.present]
    numbers = [item for item in texts if item.dtype in {"integer", "number"}]
    odd = [item.name for item in texts if item.dtype == "string"]
    broken = {item.name: item.dtype for item in numbers if item.failed}
    plain = [item.name for item in numbers if item.dtype == "number" and not item.failed]
    by_name = {
        choice.name: choice
        for choice in choose_notations(table, head, odd=odd, broken=broken, plain=plain, conventions=conventions)
    }
    updated = {name: replace(profiles[name], notes=choice.notes) for name, choice in by_name.items() if choice.text}
    trials = [
        trial_column(choice.name, "integer" if choice.whole else "number", choice.format)
        for choice in by_name.values()
        if not choice.text
    ]
    for trial, item in profile_trials(table, head, trials):
        updated[trial.name] = _better(profiles[trial.name], item, by_name[trial.name])
    return updated


def _better(old: ColumnProfile, new: ColumnProfile, choice: NotationChoice) -> ColumnProfile:
    fits = new.failed <= TOLERATED * new.present
    if fits and (old.dtype == "string" or new.failed < old.failed or not old.failed):
        return replace(new, unit=choice.unit, notes=choice.notes)
    return replace(old, nearly_dtype=old.nearly_dtype or new.dtype) if old.dtype == "string" else old


def _find_wide_numbers(
    table: pl.LazyFrame, head: pl.DataFrame, profiles: Mapping[str, ColumnProfile]
) -> dict[str, ColumnProfile]:
    """Return columns of whole numbers beyond 64 bits, as texts, and columns whose decimals a float rounds."""
    numbers = [item for item in profiles.values() if head.schema[item.name] == pl.String and item.dtype == "number"]
    counts = wide_numbers.survey_wide_numbers(table, [item.name for item in numbers if _may_be_wide(item)])
    updated = {}
    for name, count in counts.items():
        lost = {key: count[key] for key in ("lost", "texts", "numbers")}
        if count["lost"] and not count["whole"]:
            updated[name] = replace(
                profiles[name], notes=(*profiles[name].notes, wide_numbers.rounded_note(name, **lost))
            )
    texts = [trial_column(name, "string") for name, count in counts.items() if count["whole"]]
    for trial, item in profile_trials(table, head, texts):
        updated[trial.name] = replace(item, notes=(wide_numbers.long_note(trial.name),))
    return updated


def _may_be_wide(item: ColumnProfile) -> bool:
    ends = [abs(end) for end in (item.least, item.most) if end is not None]
    return any(end >= wide_numbers.MOST for end in ends) or any(len(text) > _LONG_TEXT for text in item.head)


def _combine_forms(
    table: pl.LazyFrame, head: pl.DataFrame, profiles: Mapping[str, ColumnProfile]
) -> dict[str, ColumnProfile]:
    """Return the columns of texts that are dates in several forms."""
    texts = [item.name for item in profiles.values() if item.dtype == "string" and may_be_times(item.head[:20])]
    forms = {name: combine_forms(head.get_column(name).drop_nulls().head(_LOOKED_AT)) for name in texts}
    trials = [trial_column(name, "timestamp", form) for name, form in forms.items() if form]
    trial_profiles = profile_trials(table, head, trials)
    return {trial.name: item for trial, item in trial_profiles if item.failed <= TOLERATED * item.present}


def _settle_dates(
    table: pl.LazyFrame, head: pl.DataFrame, profiles: Mapping[str, ColumnProfile], *, conventions: WritingConventions
) -> dict[str, ColumnProfile]:
    """Return the columns of dates whose order of day and month was ambiguous, and of whole numbers that are dates."""
    twins = {item.name: form for item in profiles.values() if (form := swapped_column_form(item))}
    compact_forms = {item.name: form for item in profiles.values() if (form := compact_column_form(item))}
    trial_profiles = profile_trials(
        table, head, [trial_column(name, "timestamp", form) for name, form in {**twins, **compact_forms}.items()]
    )
    pairs = [DateOrders(profiles[trial.name], item) for trial, item in trial_profiles if trial.name in twins]
    settled = {item.name: item for item in settle_order(pairs, conventions=conventions)}
    for trial, item in trial_profiles:
        if trial.name in compact_forms and not item.failed:
            settled[trial.name] = item
    return settled
