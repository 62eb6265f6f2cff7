"""The monitor of degradation: whether a loss has risen above that of the test part, by a test that may be read daily.

The mean loss of the days so far has a confidence sequence (``core/statistics/confidence_sequence``): with the promised
probability it holds the true mean on all days together. Days are the units, and where blocks of a week or of four
weeks vary by more than their days would make them, blocks: seasons and slow waves are no degradation, once they were
seen. The mean loss of the test part is uncertain too, but once only, and gets a quarter of the promise for an interval
of its own; both widths add up.

A sequence that began years ago has much to forget before it notices a change. Every four weeks a new one begins, and
the other three quarters are divided among them: the sequence k gets 6 / (pi k)**2 of it, which adds up to all of it
for any number.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from headrace.core.base.errors import InputError
from headrace.core.base.quantities import describe_count
from headrace.core.drift.output_profile import LossRecord, OutputProfile
from headrace.core.monitors.performance.daily_losses import DailyLosses
from headrace.core.monitors.performance.metric_texts import describe_value, name_of, name_within
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.statistics.confidence_sequence import half_width

MONITOR = "degradation"
FEWEST_DAYS = 14
RESTART_DAYS = 28
_BLOCKS = (1, 7, 28)
_FEWEST_BLOCKS = 8
_TIGHT_DAYS = 28.0
_REFERENCE_PART = 0.25

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LossDifference:
    """How much a loss exceeds that of the test part, since some day.

    Attributes:
        since: Index of the first day.
        effect: Mean loss since then minus that of the test part.
        low: Lower end of its confidence sequence.
        high: Upper end.
    """

    since: int
    effect: float
    low: float
    high: float


def main_losses(profile: OutputProfile) -> tuple[str, ...]:
    """Return the loss that is tested unless others are named: log loss, or squared error."""
    return ("mse",) if profile.labels is None else ("log_loss",)


def degradation_results(
    profile: OutputProfile,
    history: DailyLosses,
    *,
    losses: Sequence[str] = (),
    plan: PerformancePlan | None = None,
) -> tuple[MonitorResult, ...]:
    """Test whether losses have risen, as often as anybody likes.

    Args:
        profile: Losses of the test part.
        history: Sums of the losses of each day since the model went into service; all days, not the last window's.
        losses: Names of losses; empty for the main one. The promise is divided among them.
        plan: ``alpha`` is the chance of any false alarm over the whole time of service, however long; ``tolerance``
            the least rise that matters.

    Returns:
        One result for each loss; ``unknown`` before there are 14 days with labels.

    Raises:
        InputError: If a loss is not one of the profile's.
    """
    plan, names = plan or PerformancePlan(), tuple(losses) or main_losses(profile)
    return tuple(_test(_find(profile, name), profile.rows, history, plan, len(names)) for name in names)


def _find(profile: OutputProfile, name: str) -> LossRecord:
    record = next((one for one in profile.losses if one.name == name), None)
    if record is None:
        known = ", ".join(one.name for one in profile.losses)
        raise InputError(f"a loss must be one of {known}; got {name} instead.")
    return record


def _test(
    reference: LossRecord, reference_rows: int, history: DailyLosses, plan: PerformancePlan, tests: int
) -> MonitorResult:
    name = reference.name
    days, totals, rows = history.series(name)
    if len(days) < FEWEST_DAYS or reference_rows < 2:
        sentence = (
            f"Whether {name_within(name)} has risen is not known yet: "
            f"{describe_count(len(days), 'day', 'has', 'have')} labels, and {FEWEST_DAYS} are the fewest."
        )
        return MonitorResult(MONITOR, name, "unknown", sentence, rows=int(rows.sum()))
    mean = reference.total / reference_rows
    variance = max(0.0, reference.squares / reference_rows - mean**2) / (reference_rows - 1)
    found = find_rise(totals, rows, reference=(mean, variance), alpha=plan.alpha / tests)
    worse = found.low > plan.tolerance
    verdict = "has risen" if worse else "has not risen beyond chance"
    sentence = (
        f"{name_of(name)} {verdict}: since {days[found.since]} it exceeds {mean:.4g} on the test part by "
        f"{describe_value(found.effect, found.low, found.high)}, a range that holds on all days together"
    )
    return MonitorResult(
        MONITOR,
        name,
        "violated" if worse else "ok",
        f"{sentence}.",
        value=found.effect,
        low=found.low,
        high=found.high,
        reference=mean,
        bound=plan.tolerance,
        rows=int(rows[found.since :].sum()),
        since=f"{days[found.since]}T00:00:00Z",
    )


def find_rise(totals: Floats, rows: Floats, *, reference: tuple[float, float], alpha: float) -> LossDifference:
    """Find the sequence that shows the largest rise by now.

    Args:
        totals: Sum (n,) of the loss over the rows of each day, n at least 14.
        rows: Rows (n,) of each day.
        reference: Mean loss of the test part, and the variance of that mean.
        alpha: Probability that any of the sequences ever misses its true difference.

    Returns:
        That of the sequences, one for each four weeks, whose lower end is highest.
    """
    return max(_differences(totals, rows, reference, alpha), key=lambda one: one.low)


def _differences(
    totals: Floats, rows: Floats, reference: tuple[float, float], alpha: float
) -> Iterator[LossDifference]:
    mean, mean_variance = reference
    margin = float(norm.isf(alpha * _REFERENCE_PART / 2)) * math.sqrt(mean_variance)
    usual, rest = float(rows.mean()), alpha * (1 - _REFERENCE_PART)
    for number, since in enumerate(range(0, len(totals) - FEWEST_DAYS + 1, RESTART_DAYS), 1):
        spread, freedom = _daily_variance(totals, rows, since)
        tight = spread / (usual**2 * _TIGHT_DAYS)
        count, size = len(totals) - since, float(rows[since:].sum())
        effect = float(totals[since:].sum()) / size - mean
        variance = spread * count / size**2
        half = half_width(variance, alpha=rest * 6 / (math.pi * number) ** 2, tight_variance=tight)
        half = _widen(half, variance, freedom) + margin
        yield LossDifference(since, effect, effect - half, effect + half)


def _widen(half: float, variance: float, freedom: int) -> float:
    """Widen an interval as Student's distribution is wider than the normal one at the same probability."""
    if variance <= 0:
        return half
    error = math.sqrt(variance)
    return error * float(-t.ppf(norm.sf(half / error), freedom))


def _daily_variance(totals: Floats, rows: Floats, since: int) -> tuple[float, int]:
    """Return the variance of a day's surplus of the loss, and its degrees of freedom.

    It is the largest that days, weeks and four weeks show, if there are at least eight of them. The days before and
    after ``since`` have a mean of their own: a rise between them is no variance.
    """
    parts = [slice(since), slice(since, None)] if since else [slice(None)]
    surplus = [totals[part] - totals[part].sum() / rows[part].sum() * rows[part] for part in parts]
    best = (0.0, len(totals) - len(parts))
    for length in _BLOCKS:
        sums = [_sum_blocks(part, length) for part in surplus]
        count = sum(map(len, sums))
        if length == 1 or count >= _FEWEST_BLOCKS:
            freedom = count - sum(len(part) > 0 for part in sums)
            squares = sum(float(np.square(part).sum()) for part in sums)
            best = max(best, (squares / freedom / length, freedom))
    return best


def _sum_blocks(values: Floats, length: int) -> Floats:
    """Return the sums (n // length,) of blocks of consecutive values (n,), the last ones of which may be left out."""
    count = len(values) // length
    return np.asarray(values[: count * length].reshape(count, length).sum(axis=1))
