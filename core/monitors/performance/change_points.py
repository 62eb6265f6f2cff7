"""The monitor of change points: days on which a loss changed its level.

The history is cut where that lowers the squared distance from the levels by more than a penalty for each cut
(Killick, Fearnhead and Eckley 2012, Optimal Detection of Changepoints With a Linear Computational Cost, Journal of the
American Statistical Association 107), by ``ruptures``. Its ``KernelCPD`` with a linear kernel gives the cuts of its
``Pelt`` with squared distances (1.1.10), a hundred times faster.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.quantities import describe_count
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.monitors.performance.daily_losses import DailyLosses
from headrace.core.monitors.performance.degradation import main_losses
from headrace.core.monitors.performance.metric_texts import name_of, name_within
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_report import MonitorResult

MONITOR = "change_point"
FEWEST_DAYS = 28
MOST_DAYS = 1500
SHORTEST = 7
"""Fewest days between two changes."""
# Simulated for 28 to 1,500 days of one level: at this penalty at most 1 in 100 histories is cut. With another penalty
# the chance falls as a chi-square variable's (`benchmarks/estimated_performance.py changes`).
_PENALTY, _PENALTY_ALPHA = 14.5, 0.01
# 95 % point of twice the likelihood ratio of a change's place (Hansen 2000, Sample Splitting and Threshold Estimation,
# Econometrica 68, table 1).
_PLACE = 7.35
_MOST_NAMED = 5
_BLOCKS, _FEWEST_BLOCKS = (1, 7, 14, 28), 8

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LevelChange:
    """A change of a loss's level.

    Attributes:
        index: Index of the first day of the new level.
        low: Index of the first day of the 95 % interval of that.
        high: Index of its last day.
        before: Mean loss between the change before, or the beginning, and this one.
        after: Mean loss from then on, to the next change or the end.
    """

    index: int
    low: int
    high: int
    before: float
    after: float


def change_point_results(
    profile: OutputProfile,
    history: DailyLosses,
    *,
    losses: Sequence[str] = (),
    plan: PerformancePlan | None = None,
) -> tuple[MonitorResult, ...]:
    """Find the days on which losses changed.

    Args:
        profile: Says which loss is the main one.
        history: Sums of the losses of each day; of more than 1,500 days the latest are looked at.
        losses: Names of losses; empty for the main one.
        plan: ``alpha`` is the chance that a history without a change is cut, for one reading of it: who reads it
            daily reads ``degradation`` for the promise over time, and this for the day.

    Returns:
        One result for each loss, of its latest change: ``violated`` if it rose then; ``unknown`` before there are 28
        days with labels.
    """
    plan, names = plan or PerformancePlan(), tuple(losses) or main_losses(profile)
    return tuple(_describe(name, history, plan.alpha / len(names)) for name in names)


def _describe(name: str, history: DailyLosses, alpha: float) -> MonitorResult:
    days, totals, rows = history.series(name)
    days, totals, rows = _merge_sparse(days[-MOST_DAYS:], totals[-MOST_DAYS:], rows[-MOST_DAYS:])
    count = int(rows.sum())
    if len(days) < FEWEST_DAYS:
        sentence = (
            f"Changes of {name_within(name)} are not known yet: {describe_count(len(days), 'day', 'has', 'have')} "
            f"enough labels, and {FEWEST_DAYS} are the fewest."
        )
        return MonitorResult(MONITOR, name, "unknown", sentence, rows=count)
    changes = find_changes(totals / rows, alpha=alpha)
    if not changes:
        sentence = f"{name_of(name)} has kept its level on the {len(days):,} days since {days[0]}."
        return MonitorResult(MONITOR, name, "ok", sentence, rows=count)
    texts = [
        f"on {days[one.index]} ({days[one.low]} to {days[one.high]}) from {one.before:.4g} to {one.after:.4g}"
        for one in changes[-_MOST_NAMED:]
    ]
    more = f", {len(changes) - len(texts)} earlier ones aside" if len(changes) > len(texts) else ""
    latest = changes[-1]
    return MonitorResult(
        MONITOR,
        name,
        "violated" if latest.after > latest.before else "ok",
        f"{name_of(name)} changed its level {'; '.join(texts)}{more}.",
        value=latest.after - latest.before,
        reference=latest.before,
        rows=count,
        since=f"{days[latest.index]}T00:00:00Z",
    )


def find_changes(means: Floats, *, alpha: float) -> tuple[LevelChange, ...]:
    """Find where the mean loss of a day changed its level.

    Args:
        means: Mean loss (n,) of each day, n at least 28.
        alpha: Chance that days of one level are cut.

    Returns:
        The changes, the earliest first.
    """
    import ruptures  # noqa: PLC0415 - it is slow to import

    noise = _noise(means)
    if noise <= 0:
        return ()
    scaled = (means - means.mean()) / noise
    penalty = _PENALTY + 2 * math.log(_PENALTY_ALPHA / alpha)
    search = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(scaled[:, None])
    cuts = [0, *(int(cut) for cut in search.predict(pen=penalty))]
    return tuple(
        _locate(means, noise, first, cut, last) for first, cut, last in zip(cuts, cuts[1:], cuts[2:], strict=False)
    )


def _locate(means: Floats, noise: float, first: int, cut: int, last: int) -> LevelChange:
    """Return a change with the places that are nearly as likely as its own."""
    part = means[first:last] / noise
    places = np.arange(1, len(part))
    sums = np.cumsum(part)[:-1]
    # What a cut at each place gains: the squared distance that two levels explain.
    gains = np.square(sums) / places + np.square(part.sum() - sums) / (len(part) - places)
    likely = places[gains >= gains[cut - first - 1] - _PLACE]
    return LevelChange(
        cut,
        first + int(min(likely[0], cut - first)),
        first + int(max(likely[-1], cut - first)),
        before=float(means[first:cut].mean()),
        after=float(means[cut:last].mean()),
    )


def _noise(means: Floats) -> float:
    """Return the standard deviation of independent days that would move a level's mean as much as these do.

    It is estimated from differences of neighbours, which a change of the level hardly touches (von Neumann 1941): of
    days, and of weeks and longer blocks, which differ by more where days depend on one another.
    """
    variances = []
    for length in _BLOCKS:
        blocks = means[len(means) % length :].reshape(-1, length).mean(axis=1)
        if length == 1 or len(blocks) >= _FEWEST_BLOCKS:
            variances.append(float(np.square(np.diff(blocks)).mean()) / 2 * length)
    return math.sqrt(max(variances))


def _merge_sparse(days: list[str], totals: Floats, rows: Floats) -> tuple[list[str], Floats, Floats]:
    """Merge a day with few labels with the next ones, until they have half as many as the median day."""
    fewest = float(np.median(rows)) / 2 if len(rows) else 0.0
    kept: list[tuple[str, float, float]] = []
    for day, total, count in zip(days, totals, rows, strict=True):
        if kept and kept[-1][2] < fewest:
            first, sum_so_far, count_so_far = kept[-1]
            kept[-1] = (first, sum_so_far + total, count_so_far + count)
        else:
            kept.append((day, total, count))
    return (
        [day for day, _, _ in kept],
        np.array([total for _, total, _ in kept]),
        np.array([count for _, _, count in kept]),
    )
