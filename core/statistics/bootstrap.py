"""Bootstrap intervals of all metrics at once.

The Bayesian bootstrap (Rubin 1981, The Bayesian Bootstrap, Annals of Statistics 9) draws a weight for each row instead
of drawing rows: no class is ever missing from a resample. Half of the resamples carry half a row against the model,
half of them half a row for it (``half_rows``); the lower end of an interval is of the first, the upper end of the
second, so that a few rows that are all right do not promise that the next one is.

Where rows were drawn together (``clusters``), it is the clusters that get the weights; the half row then counts for as
many rows as the design effect says (Kish 1965), and the interval is widened as Student's distribution is wider than
the normal one, with as many degrees of freedom as there are clusters, but one (Hesterberg 2015, What Teachers Should
Know About the Bootstrap, American Statistician 69).

Up to ``MOST_ROWS`` rows every resample has all rows. From there on a random part is resampled, and the deviations are
shrunk to what all rows would give (the m out of n bootstrap, Bickel, Götze and van Zwet 1997): a million test rows cost
no more than twenty thousand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

from headrace.core.splits.clusters import RowClusters, by_row
from headrace.core.statistics import cluster_sample, half_rows
from headrace.core.statistics.intervals import TAIL, BootstrapDeviations, Interval, bounds, interval
from headrace.core.statistics.metrics import HIGHER_IS_BETTER, Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, losses, mean_measurer, measure, measurer

RESAMPLES = 2000
MOST_ROWS = 20_000

# So many resamples of so many rows and classes are made: fewer than RESAMPLES above a few thousand rows, but not fewer
# than the second.
_WORK = 200_000_000
_MANY_CLASSES = 10
_FEWEST_RESAMPLES = 200

# So many weights are held at a time: as float64 they fill 4 MiB, which stays in the cache.
_WEIGHTS_AT_A_TIME = 1 << 19


@dataclass(frozen=True)
class BootstrapSample:
    """Bootstrap values of each metric for some outcomes over the same rows, resampled alike.

    Attributes:
        values: For each outcome the metrics' values, each (b,). The first half of the resamples has half a row against
            the first outcome and for the others, the second half the other way round.
        plain: The same without such rows, of the metrics that are made of means; empty for a single outcome.
        centres: For each outcome the metrics of the rows that were resampled.
        shrinks: Factors from the spread of the resamples to that of all rows, for the first outcome and for the
            difference; 1 unless a part was resampled, or a widening was asked for.
        clusters: What was drawn.
    """

    values: tuple[dict[str, Floats], ...]
    plain: tuple[dict[str, Floats], ...]
    centres: tuple[dict[str, float], ...]
    shrinks: tuple[float, float]
    clusters: RowClusters

    def deviations(self, name: str) -> BootstrapDeviations:
        """Deviations of the first outcome's metric, scaled to all rows, without those that are not defined."""
        widened = self.shrinks[0] * (1.0 if self.clusters.by == "row" else self._widening)
        return _halves(name, (self.values[0][name] - self.centres[0][name]) * widened)

    def deviations_of_difference(self, name: str) -> BootstrapDeviations:
        """The same of the first outcome's metric minus the second's.

        Differences of means are resampled without half rows, which would be much larger than what two models differ
        by, and are widened instead.
        """
        plain = name in self.plain[0]
        values = self.plain if plain else self.values
        found = values[0][name] - values[1][name] - (self.centres[0][name] - self.centres[1][name])
        widened = self._widening if plain or self.clusters.by != "row" else 1.0
        found = found * (self.shrinks[1] * widened)
        return (
            BootstrapDeviations(found[np.isfinite(found)], found[np.isfinite(found)]) if plain else _halves(name, found)
        )

    @property
    def _widening(self) -> float:
        """From the spread of the weights to Student's distribution of a mean with its variance estimated."""
        n = self.clusters.count
        if n < 2:
            return 1.0
        return float(stdtrit(n - 1, 1 - TAIL) / NormalDist().inv_cdf(1 - TAIL) * np.sqrt((n + 1) / (n - 1)))


def _halves(name: str, deviations: Floats) -> BootstrapDeviations:
    """Deviations for both ends: half a row against an outcome lowers an area and raises a loss."""
    against, favour = (half[np.isfinite(half)] for half in np.array_split(deviations, 2))
    return BootstrapDeviations(against, favour) if HIGHER_IS_BETTER[name] else BootstrapDeviations(favour, against)


def resample(
    outcomes: Sequence[EvaluatedRows],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    clusters: RowClusters | None = None,
    widening: float = 1.0,
) -> BootstrapSample:
    """Resample rows, or clusters of rows, and measure each outcome on the same resamples.

    Args:
        outcomes: One or two outcomes for the same n rows in the same order, n > 0.
        seed: Seed of the draws.
        resamples: How many at most.
        clusters: Which rows were drawn together; None for each by itself.
        widening: How many times as wide the intervals are to be, for what the rows cannot tell.

    Returns:
        The metrics of each outcome on each resample.
    """
    of_part, of_rows, of_half = np.random.default_rng(seed).spawn(3)
    whole = clusters or by_row(len(outcomes[0]))
    part, shrinks = cluster_sample.part(outcomes, whole, most=MOST_ROWS, rng=of_part)
    taken = [outcome.take(part) for outcome in outcomes] if len(part) < len(whole.codes) else list(outcomes)
    drawn = whole.take(part) if len(part) < len(whole.codes) else whole
    halves = [half_rows.of(outcome) for outcome in taken]
    sizes = [cluster_sample.design_effect(cluster_sample.loss(outcome), drawn) * shrinks[0] for outcome in taken]
    full = [measurer(o, more=half.outcome, more_losses=half.losses) for o, half in zip(taken, halves, strict=True)]
    plain = [mean_measurer(losses(outcome), task=outcome.task) for outcome in taken[1:] and taken]
    count = _count(taken[0], resamples)
    found: list[list[dict[str, Floats]]] = []
    for start, size in _blocks(count, len(part)):
        weights = _weights(drawn, size, of_rows, more=len(halves[0].favours))
        favoured = np.arange(start, start + size) >= count // 2
        unseen = of_half.gamma(halves[0].share, size=(size, len(halves[0].favours)))
        measured = []
        for place, (compute, half) in enumerate(zip(full, halves, strict=True)):
            side = ~favoured if place else favoured
            weights[:, len(part) :] = np.where(half.favours == side[:, np.newaxis], unseen * sizes[place], 0.0)
            measured.append(compute(weights))
        found.append(measured + [compute(weights[:, : len(part)]) for compute in plain])
    values = tuple(
        {name: np.concatenate([block[i][name] for block in found]) for name in found[0][i]}
        for i in range(len(found[0]))
    )
    return BootstrapSample(
        values=values[: len(taken)],
        plain=values[len(taken) :],
        centres=tuple(measure(outcome) for outcome in taken),
        shrinks=(shrinks[0] * widening, shrinks[1] * widening),
        clusters=whole,
    )


def _blocks(count: int, rows: int) -> Iterator[tuple[int, int]]:
    """Where each block of resamples starts, and how many it has."""
    block = max(1, _WEIGHTS_AT_A_TIME // rows)
    return ((start, min(block, count - start)) for start in range(0, count, block))


def _count(outcome: EvaluatedRows, resamples: int) -> int:
    """How many resamples are made; an even number."""
    classes = 1 if outcome.probabilities is None else outcome.probabilities.shape[1]
    affordable = _WORK // (min(len(outcome), MOST_ROWS) * max(classes, _MANY_CLASSES))
    return max(min(resamples, _FEWEST_RESAMPLES), min(resamples, affordable)) // 2 * 2


def _weights(drawn: RowClusters, resamples: int, rng: np.random.Generator, *, more: int) -> Floats:
    """The weight of each row, that of its cluster, and places for those of ``more`` half rows behind them."""
    if drawn.by == "row":
        return rng.standard_exponential((resamples, drawn.count + more))
    return rng.standard_exponential((resamples, drawn.count))[:, np.append(drawn.codes, np.zeros(more, dtype=np.int64))]


def intervals(outcome: EvaluatedRows, drawn: BootstrapSample) -> dict[str, Interval]:
    """Each metric that the rows define, with its interval.

    Args:
        outcome: Predictions for n rows, n > 0, and what was the case.
        drawn: Resamples whose first outcome it is.

    Returns:
        Intervals by name of the metric; a metric that is not defined on these rows, or on hardly any resample of them,
        is left out.
    """
    classes = 0 if outcome.probabilities is None else outcome.probabilities.shape[1]
    values = {name: value for name, value in measure(outcome).items() if np.isfinite(value)}
    found = {
        name: interval(value, drawn.deviations(name), reach=bounds(name, classes=classes))
        for name, value in values.items()
    }
    return {name: known for name, known in found.items() if known is not None}
