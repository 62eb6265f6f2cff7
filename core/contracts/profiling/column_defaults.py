"""Defaults of the contract for a profiled column: bounds, allowed missing values, role, row features."""

import math
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from headrace.core.contracts.contract import Column, RowFeature
from headrace.core.contracts.picture_columns import guess_picture
from headrace.core.contracts.profiling.column_profile import MOST_CATEGORIES, ColumnProfile
from headrace.core.contracts.profiling.personal_data import guess

ALWAYS_CATEGORIES = 200
_ROWS_PER_CATEGORY = 20
_MOST_TIMES = 6
_MOST_PAIRS = 3
_ID = re.compile(r"(?:.*[\W_])?(id|uuid|guid|key|index|row|row_?(id|no|num|number)|nr|record)(?:[\W_]*\d*)?|id[\W_].*")
_UNNAMED = re.compile(r"|unnamed\W.*|column_0|_duplicated_0")


def is_named_like_id(name: str) -> bool:
    """Check whether a column is named like an identifier or a row number."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return bool(_ID.fullmatch(plain) or _UNNAMED.fullmatch(plain))


def allowed_missing(profile: ColumnProfile) -> float:
    """Return the allowed share of missing values: 0 if none is missing, else the observed share plus slack."""
    share = profile.missing / profile.rows if profile.rows else 0.0
    return min(1.0, math.ceil(100 * (share + max(0.05, 0.5 * share))) / 100) if share else 0.0


def bounds(profile: ColumnProfile) -> tuple[float | None, float | None]:
    """Return the least and largest allowed value: the observed ones, with their whole span as slack on either side.

    A number that was never negative must stay so; two whole numbers are a code without further values.
    """
    if profile.dtype not in {"integer", "number"} or profile.least is None or profile.most is None:
        return None, None
    low, high = profile.least, profile.most
    span = float(high) - float(low)
    if span <= 0 or not math.isfinite(span):
        return None, None
    if profile.dtype == "integer" and profile.distinct == 2:
        return low, high
    # Bounds are rounded outwards to two digits of the span, so that people read short numbers.
    digits = 1 - math.floor(math.log10(span))
    step = 10.0**-digits
    wide_low = 0.0 if low >= 0 else math.floor((low - span) / step) * step
    wide_high = 0.0 if high <= 0 else math.ceil((high + span) / step) * step
    return _round_bound(wide_low, digits, profile), _round_bound(wide_high, digits, profile)


def _round_bound(value: float, digits: int, profile: ColumnProfile) -> float:
    rounded = round(value, max(digits, 0))
    return int(rounded) if profile.dtype == "integer" or float(rounded).is_integer() else rounded


def input_column(profile: ColumnProfile) -> Column:
    """Return the contract's column for a column that may become a feature.

    Args:
        profile: The profile of the column.

    Returns:
        The column, with the role ``ignore`` and the reason as description where no model could use it.
    """
    missing = allowed_missing(profile)
    if profile.present == 0:
        return _ignored_column(profile, "All its values are missing.", missing=1.0)
    if profile.nested:
        return _ignored_column(profile, "It holds lists, records or bytes, which no model takes.")
    personal = guess(profile.name, profile.head)
    if personal:
        text = f"It seems to hold {personal}, so it is left out of the typed table; set personal to keep to keep it."
        return Column(
            profile.name, profile.dtype, "ignore", text, personal="drop", format=profile.format, missing=missing
        )
    if profile.dtype == "timestamp":
        return Column(profile.name, "timestamp", "timestamp", _caveat(profile), missing=missing, format=profile.format)
    if profile.dtype == "string":
        return guess_picture(profile.name, profile.head) or _text_column(profile, missing)
    low, high = bounds(profile)
    return Column(
        profile.name,
        profile.dtype,
        "feature",
        _caveat(profile),
        unit=profile.unit,
        minimum=low,
        maximum=high,
        missing=missing,
        format=profile.format,
    )


def _text_column(profile: ColumnProfile, missing: float) -> Column:
    repeats = profile.present >= _ROWS_PER_CATEGORY * profile.distinct
    is_short = profile.distinct <= ALWAYS_CATEGORIES and not (
        profile.distinct > 20 and profile.distinct >= 0.5 * profile.present
    )
    if profile.values is not None and (is_short or (repeats and profile.distinct <= MOST_CATEGORIES)):
        return Column(profile.name, "string", "feature", _caveat(profile), categories=profile.values, missing=missing)
    if profile.nearly_dtype:
        remedy = "write all in one form" if profile.nearly_dtype == "timestamp" else "add the texts to missing_values"
        text = f"Most of its values are of dtype {profile.nearly_dtype}, but too many are not; {remedy}."
        return _ignored_column(profile, text, missing=missing)
    text = f"It has about {profile.distinct} different texts in {profile.rows} rows, too many for categories."
    return _ignored_column(profile, text, missing=missing)


def _ignored_column(profile: ColumnProfile, why: str, *, missing: float = 1.0) -> Column:
    return Column(profile.name, profile.dtype, "ignore", why, missing=missing, format=profile.format)


def _caveat(profile: ColumnProfile) -> str:
    """Return what a reader should know about a column's values."""
    if profile.failed:
        return f"{profile.failed} values are not of this dtype; their rows are quarantined."
    if profile.infinite:
        return f"{profile.infinite} values are infinite; their rows are quarantined."
    return ""


def row_features(times: list[ColumnProfile], *, country: str, taken: Iterable[str]) -> tuple[RowFeature, ...]:
    """Return the row features that are useful for a table's timestamps.

    Args:
        times: The timestamps.
        country: ISO 3166 code of the country whose public holidays apply; empty for none.
        taken: Names that are already used.

    Returns:
        For each of the first six timestamps its day of week and weekend; its month and hour where they vary; holidays
        if a country is given; and the minutes between consecutive timestamps.
    """
    used, features = set(taken), []
    for name, kind, columns in _ideas(times, country):
        unique = name
        while unique in used:
            unique += "_"
        used.add(unique)
        features.append(RowFeature(unique, kind, columns, country if kind == "holiday" else ""))  # type: ignore[arg-type]
    return tuple(features)


def _ideas(times: list[ColumnProfile], country: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for item in times[:_MOST_TIMES]:
        kinds = ["day_of_week", "weekend"]
        kinds += ["month"] if (item.least.year, item.least.month) != (item.most.year, item.most.month) else []
        kinds += ["hour"] if item.has_time_of_day else []
        kinds += ["holiday"] if country else []
        yield from ((f"{item.name}_{kind}", kind, (item.name,)) for kind in kinds)
    ordered = sorted(times[: _MOST_PAIRS + 1], key=lambda item: item.least)
    for first, second in pairwise(ordered):
        yield f"{first.name}_to_{second.name}_minutes", "elapsed", (first.name, second.name)
