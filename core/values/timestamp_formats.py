"""Formats in which tables write dates and times, and detection of those that texts have."""

import functools
import re
from collections.abc import Iterable, Sequence

import polars as pl

from headrace.core.values.timestamps import ISO_FORMATS, SEPARATOR, parse_time

_DATES = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%Y.%m.%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d/%b/%Y",
    "%d-%b-%y",
    "%d %b %y",
    "%b %d, %Y",
    "%b %d %Y",
    "%Y %b %d",
    "%Y-%b-%d",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", ":%H:%M:%S")
_COMPACT = ("%Y%m%dT%H%M%S", "%Y%m%d %H%M%S", "%Y%m%dT%H%M%S%#z")
FORMS = tuple(dict.fromkeys((*ISO_FORMATS, *(f"{day}{clock}" for day in _DATES for clock in _CLOCKS), *_COMPACT)))
_DAY = r"\d{1,4}(?:st|nd|rd|th|er|º|ª)?"
_DATE = re.compile(
    rf"\d{{1,4}}[-/.][^\W_]{{1,4}}[-/.]\d{{2,4}}"
    rf"|{_DAY}[-/. ]+(?:de |of )?[^\W\d_]{{3,12}}\.?[-/., ]+(?:de |del )?\d{{2,4}}"
    rf"|[^\W\d_]{{3,12}}\.? {_DAY},? \d{{4}}|\d{{4}}-\d{{2}}-\d{{2}}|\d{{8}}[T ]\d{{6}}"
)
_MOST = 3
_SHARE = 0.05


def may_be_times(texts: Iterable[str]) -> bool:
    """Check whether one of some texts may hold a date."""
    return any(_DATE.search(text) for text in texts)


def likely_forms(texts: pl.Series) -> list[str]:
    """Return the forms that at least half of the texts have, at most three.

    Args:
        texts: Column of texts (n,).
    """
    fits = _fits(texts)
    return [form for form, count in fits.items() if 2 * count >= len(texts)][:_MOST]


def combine_forms(texts: pl.Series) -> str:
    """Return two or three forms that together fit some texts, as one format; empty if none do.

    Args:
        texts: Column of texts (n,). Two forms that differ only in the order of day and month are never combined,
            because some dates would fit both.
    """
    fits = sorted(_fits(texts).items(), key=lambda fit: -fit[1])
    chosen: list[str] = []
    for form, count in fits:
        if (
            count >= max(1, _SHARE * len(texts))
            and swapped_form(form) not in chosen
            and not _is_covered(form, chosen, texts)
        ):
            chosen.append(form)
    return SEPARATOR.join(chosen[:_MOST]) if len(chosen) > 1 else ""


def swapped_form(form: str) -> str:
    """Return the form with day and month swapped; empty if they cannot be confused."""
    if SEPARATOR in form or "%d" not in form or "%m" not in form or form.startswith("%Y"):
        return ""
    return form.replace("%d", "%*").replace("%m", "%d").replace("%*", "%m")


def _is_covered(form: str, chosen: Sequence[str], texts: pl.Series) -> bool:
    """Check whether the chosen forms fit all texts that a form fits."""
    if not chosen:
        return False
    frame = texts.to_frame("text")
    before = parse_time(pl.col("text"), SEPARATOR.join(chosen)).null_count()
    after = parse_time(pl.col("text"), SEPARATOR.join([*chosen, form])).null_count()
    failures = frame.select(before.alias("before"), after.alias("after")).row(0)
    return bool(failures[0] == failures[1])


def _fits(texts: pl.Series) -> dict[str, int]:
    """Return how many texts have each possible form."""
    sample = "\n".join(texts.head(20))
    forms = [form for form in FORMS if _may_fit(form, sample)]
    expressions = [parse_time(pl.col("text"), form).is_not_null().sum().alias(form) for form in forms]
    counts = texts.to_frame("text").select(expressions).row(0) if expressions else ()
    return {form: int(count) for form, count in zip(forms, counts, strict=True) if count}


@functools.lru_cache(maxsize=256)
def _required_patterns(form: str) -> tuple[str, ...]:
    """Return patterns that texts of a form must match."""
    needed = ["[^\\W\\d_]{3}"] if "%b" in form else []
    needed += [":"] if ":" in form else []
    needed += ["(?i)[ap]\\.?\\s?m"] if "%p" in form else []
    between = form[2] if len(form) > 2 else ""
    return (*needed, re.escape(between)) if between in "/.-," else tuple(needed)


def _may_fit(form: str, sample: str) -> bool:
    return all(re.search(pattern, sample) for pattern in _required_patterns(form))
