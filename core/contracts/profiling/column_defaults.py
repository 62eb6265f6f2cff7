"""What a contract says of a column that was surveyed: bounds, allowed missing values, role, row features."""

import math
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from headrace.core.contracts.contract import Column, RowFeature
from headrace.core.contracts.profiling.column_profile import MOST_CATEGORIES, ColumnProfile
from headrace.core.contracts.profiling.personal_data import guess

ALWAYS_CATEGORIES = 200
_ROWS_PER_CATEGORY = 20
_MOST_TIMES = 6
_MOST_PAIRS = 3
_ID = re.compile(r"(?:.*[\W_])?(id|uuid|guid|key|index|row|row_?(id|no|num|number)|nr|record)(?:[\W_]*\d*)?|id[\W_].*")
_UNNAMED = re.compile(r"|unnamed\W.*|column_0|_duplicated_0")


def is_named_like_id(name: str) -> bool:
    """Whether a column is called like an identifier or a row number."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return bool(_ID.fullmatch(plain) or _UNNAMED.fullmatch(plain))


def allowed_missing(facts: ColumnProfile) -> float:
    """The share of missing values to allow: none if there are none, else what was seen with slack, in hundredths."""
    share = facts.missing / facts.rows if facts.rows else 0.0
    return min(1.0, math.ceil(100 * (share + max(0.05, 0.5 * share))) / 100) if share else 0.0


def bounds(facts: ColumnProfile) -> tuple[float | None, float | None]:
    """Least and largest value to allow: what was seen, with its whole span as slack on either side.

    A number that was never negative must not become so, and two whole numbers are a code that has no others.
    """
    if facts.dtype not in {"integer", "number"} or facts.least is None or facts.most is None:
        return None, None
    low, high = facts.least, facts.most
    span = float(high) - float(low)
    if span <= 0 or not math.isfinite(span):
        return None, None
    if facts.dtype == "integer" and facts.distinct == 2:
        return low, high
    digits = 1 - math.floor(math.log10(span))
    step = 10.0**-digits
    wide_low = 0.0 if low >= 0 else math.floor((low - span) / step) * step
    wide_high = 0.0 if high <= 0 else math.ceil((high + span) / step) * step
    return _tidy(wide_low, digits, facts), _tidy(wide_high, digits, facts)


def _tidy(value: float, digits: int, facts: ColumnProfile) -> float:
    tidy = round(value, max(digits, 0))
    return int(tidy) if facts.dtype == "integer" or float(tidy).is_integer() else tidy


def input_column(facts: ColumnProfile) -> Column:
    """The contract's column for a column that may become a feature.

    Args:
        facts: What is known of it.

    Returns:
        The column, with the role ``ignore`` and the reason as description where no model could use it.
    """
    missing = allowed_missing(facts)
    if facts.present == 0:
        return _ignored_column(facts, "All its values are missing.", missing=1.0)
    if facts.nested:
        return _ignored_column(facts, "It holds lists, records or bytes, which no model takes.")
    personal = guess(facts.name, facts.head)
    if personal:
        text = f"It seems to hold {personal}, so it is left out of the typed table; set personal to keep to keep it."
        return Column(facts.name, facts.dtype, "ignore", text, personal="drop", format=facts.format, missing=missing)
    if facts.dtype == "timestamp":
        return Column(facts.name, "timestamp", "timestamp", _caveat(facts), missing=missing, format=facts.format)
    if facts.dtype == "string":
        return _text_column(facts, missing)
    low, high = bounds(facts)
    return Column(
        facts.name,
        facts.dtype,
        "feature",
        _caveat(facts),
        unit=facts.unit,
        minimum=low,
        maximum=high,
        missing=missing,
        format=facts.format,
    )


def _text_column(facts: ColumnProfile, missing: float) -> Column:
    often = facts.present >= _ROWS_PER_CATEGORY * facts.distinct
    few = facts.distinct <= ALWAYS_CATEGORIES and not (facts.distinct > 20 and facts.distinct >= 0.5 * facts.present)
    if facts.values is not None and (few or (often and facts.distinct <= MOST_CATEGORIES)):
        return Column(facts.name, "string", "feature", _caveat(facts), categories=facts.values, missing=missing)
    if facts.almost:
        remedy = "write all in one form" if facts.almost == "timestamp" else "add the texts to missing_values"
        text = f"Most of its values are of dtype {facts.almost}, but too many are not; {remedy}."
        return _ignored_column(facts, text, missing=missing)
    text = f"It has about {facts.distinct} different texts in {facts.rows} rows, too many for categories."
    return _ignored_column(facts, text, missing=missing)


def _ignored_column(facts: ColumnProfile, why: str, *, missing: float = 1.0) -> Column:
    return Column(facts.name, facts.dtype, "ignore", why, missing=missing, format=facts.format)


def _caveat(facts: ColumnProfile) -> str:
    """What a person should know of a column's values."""
    if facts.failed:
        return f"{facts.failed} values are not of this dtype; their rows are quarantined."
    if facts.infinite:
        return f"{facts.infinite} values are infinite; their rows are quarantined."
    return ""


def row_features(times: list[ColumnProfile], *, country: str, taken: Iterable[str]) -> tuple[RowFeature, ...]:
    """Row features worth having of a table's timestamps.

    Args:
        times: The timestamps.
        country: ISO 3166 code of the country whose public holidays matter; empty for none.
        taken: Names that are in use.

    Returns:
        For each of the first six timestamps its day of week and weekend, month, hour and holiday where they vary or are
        wanted, and the minutes between each two that follow one another.
    """
    used, made = set(taken), []
    for name, kind, columns in _ideas(times, country):
        free = name
        while free in used:
            free += "_"
        used.add(free)
        made.append(RowFeature(free, kind, columns, country if kind == "holiday" else ""))  # type: ignore[arg-type]
    return tuple(made)


def _ideas(times: list[ColumnProfile], country: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for item in times[:_MOST_TIMES]:
        kinds = ["day_of_week", "weekend"]
        kinds += ["month"] if (item.least.year, item.least.month) != (item.most.year, item.most.month) else []
        kinds += ["hour"] if item.clock else []
        kinds += ["holiday"] if country else []
        yield from ((f"{item.name}_{kind}", kind, (item.name,)) for kind in kinds)
    ordered = sorted(times[: _MOST_PAIRS + 1], key=lambda item: item.least)
    for first, second in pairwise(ordered):
        yield f"{first.name}_to_{second.name}_minutes", "elapsed", (first.name, second.name)
