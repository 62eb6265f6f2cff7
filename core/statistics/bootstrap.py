"""Bootstrap intervals of all metrics at once.

The Bayesian bootstrap (Rubin 1981, The Bayesian Bootstrap, Annals of Statistics 9) draws a weight for each row instead
of drawing rows, so that no class is ever missing from a resample. Half of the resamples carry half a row against the
model, half of them half a row for it (``half_rows``); the lower end of an interval comes from the first, the upper end
from the second, so that a few rows that are all correct do not promise that the next one is.

Where rows were sampled in clusters (``clusters``), the clusters get the weights; the half row then counts for as
many rows as the design effect says (Kish 1965), and the interval is widened as Student's distribution is wider than
the normal one, with as many degrees of freedom as there are clusters, but one (Hesterberg 2015, What Teachers Should
Know About the Bootstrap, American Statistician 69).

Up to ``MOST_ROWS`` rows every resample has all rows. Of more rows a random part is resampled, and the deviations are
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
from headrace.core.statistics.intervals import TAIL, BootstrapDeviations, bounds, interval
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import (
    EvaluatedRows,
    compute_metrics,
    further_metrics,
    losses,
    mean_metric_function,
    metric_function,
)

RESAMPLES = 2000
MOST_ROWS = 20_000

# Limit of resamples x rows x classes: above a few thousand rows fewer than RESAMPLES are drawn, but at least
# _FEWEST_RESAMPLES.
_WORK = 200_000_000
_MANY_CLASSES = 10
_FEWEST_RESAMPLES = 200

# Weights in memory at a time: as float64 they fill 4 MiB, which stays in the cache.
_WEIGHTS_AT_A_TIME = 1 << 19


@dataclass(frozen=True)
class BootstrapSample:
    """Bootstrap values of each metric for one or two models, on the same resamples of the same rows.

    Attributes:
        values: For each model the metrics' values, each (b,). The first half of the resamples has half a row against
            the first model and for the others, the second half the reverse.
        plain: The same, each (b,), without half rows, for metrics that are means; empty for a single model.
        centres: For each model the metrics of the rows that were resampled.
        scales: Factors from the spread of the resamples to that of all rows, for the first model and for the
            difference; 1 unless a part was resampled or a widening was set.
        clusters: The sampling units.
    """

    values: tuple[dict[str, Floats], ...]
    plain: tuple[dict[str, Floats], ...]
    centres: tuple[dict[str, float], ...]
    scales: tuple[float, float]
    clusters: RowClusters

    def deviations(self, name: str) -> BootstrapDeviations:
        """Return deviations of the first model's metric, scaled to all rows, without undefined ones."""
        widened = self.scales[0] * (1.0 if self.clusters.by == "row" else self._widening)
        return _halves(name, (self.values[0][name] - self.centres[0][name]) * widened)

    def deviations_of_difference(self, name: str) -> BootstrapDeviations:
        """Return the same of the first model's metric minus the second's.

        Differences of means are resampled without half rows, which would be much larger than the difference of two
        models, and are widened instead.
        """
        plain = name in self.plain[0]
        values = self.plain if plain else self.values
        differences = values[0][name] - values[1][name] - (self.centres[0][name] - self.centres[1][name])
        widened = self._widening if plain or self.clusters.by != "row" else 1.0
        differences = differences * (self.scales[1] * widened)
        return (
            BootstrapDeviations(differences[np.isfinite(differences)], differences[np.isfinite(differences)])
            if plain
            else _halves(name, differences)
        )

    @property
    def _widening(self) -> float:
        """Factor from the spread of the weights to Student's distribution of a mean with an estimated variance."""
        n = self.clusters.count
        if n < 2:
            return 1.0
        return float(stdtrit(n - 1, 1 - TAIL) / NormalDist().inv_cdf(1 - TAIL) * np.sqrt((n + 1) / (n - 1)))


def _halves(name: str, deviations: Floats) -> BootstrapDeviations:
    """Split deviations for both ends: half a row against a model lowers an area and raises a loss."""
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
    """Resample rows, or clusters of rows, and measure each model on the same resamples.

    Args:
        outcomes: Predictions of one or two models for the same n rows in the same order, n > 0.
        seed: Seed of the draws.
        resamples: Largest number of resamples.
        clusters: Clusters of rows that were sampled together; None for independent rows.
        widening: Factor that widens the intervals, for uncertainty that the rows do not show.

    Returns:
        The metrics of each model on each resample.
    """
    # Independent streams: the choice of a part does not shift the weights, nor do half rows.
    of_part, of_rows, of_half = np.random.default_rng(seed).spawn(3)
    # One choice of rows and one set of weights for all models: their common noise cancels in the difference.
    units = clusters or by_row(len(outcomes[0]))
    part, shrinks = cluster_sample.select_part(outcomes, units, most=MOST_ROWS, rng=of_part)
    part_outcomes = [outcome.take(part) for outcome in outcomes] if len(part) < len(units.codes) else list(outcomes)
    part_units = units.take(part) if len(part) < len(units.codes) else units
    halves = [half_rows.make(outcome) for outcome in part_outcomes]
    half_row_weights = [
        cluster_sample.design_effect(cluster_sample.loss(outcome), part_units) * shrinks[0] for outcome in part_outcomes
    ]
    full = [
        metric_function(o, more=half.outcome, more_losses=half.losses)
        for o, half in zip(part_outcomes, halves, strict=True)
    ]
    plain = [
        mean_metric_function(losses(outcome), task=outcome.task, further=further_metrics(outcome))
        for outcome in part_outcomes[1:] and part_outcomes
    ]
    count = _count(part_outcomes[0], resamples)
    blocks: list[list[dict[str, Floats]]] = []
    for start, size in _blocks(count, len(part)):
        weights = _weights(part_units, size, of_rows, more=len(halves[0].favours))
        # Half rows at both ends in turn, so that a perfect score has an interval too.
        favoured = np.arange(start, start + size) >= count // 2
        # The weight of a row is Gamma(1); these parts of half a row add up to Gamma(1/2).
        half_weights = of_half.gamma(halves[0].share, size=(size, len(halves[0].favours)))
        metrics = []
        for place, (compute, half) in enumerate(zip(full, halves, strict=True)):
            side = ~favoured if place else favoured
            weights[:, len(part) :] = np.where(
                half.favours == side[:, np.newaxis], half_weights * half_row_weights[place], 0.0
            )
            metrics.append(compute(weights))
        blocks.append(metrics + [compute(weights[:, : len(part)]) for compute in plain])
    values = tuple(
        {name: np.concatenate([block[i][name] for block in blocks]) for name in blocks[0][i]}
        for i in range(len(blocks[0]))
    )
    return BootstrapSample(
        values=values[: len(part_outcomes)],
        plain=values[len(part_outcomes) :],
        centres=tuple(compute_metrics(outcome) for outcome in part_outcomes),
        scales=(shrinks[0] * widening, shrinks[1] * widening),
        clusters=units,
    )


def _blocks(count: int, rows: int) -> Iterator[tuple[int, int]]:
    """Iterate over the start and the size of each block of resamples."""
    block = max(1, _WEIGHTS_AT_A_TIME // rows)
    return ((start, min(block, count - start)) for start in range(0, count, block))


def _count(outcome: EvaluatedRows, resamples: int) -> int:
    """Return the number of resamples, an even one."""
    classes = 1 if outcome.probabilities is None else outcome.probabilities.shape[1]
    affordable = _WORK // (min(len(outcome), MOST_ROWS) * max(classes, _MANY_CLASSES))
    # Even, because the two halves bound the two ends.
    return max(min(resamples, _FEWEST_RESAMPLES), min(resamples, affordable)) // 2 * 2


def _weights(units: RowClusters, resamples: int, rng: np.random.Generator, *, more: int) -> Floats:
    """Draw the weight of each row, or of its cluster, with room for those of ``more`` half rows behind them."""
    if units.by == "row":
        return rng.standard_exponential((resamples, units.count + more))
    return rng.standard_exponential((resamples, units.count))[:, np.append(units.codes, np.zeros(more, dtype=np.int64))]


def intervals(outcome: EvaluatedRows, sample: BootstrapSample) -> dict[str, Interval]:
    """Compute each metric that the rows define, with its interval.

    Args:
        outcome: Predictions for n rows, n > 0, and their actual values.
        sample: Resamples whose first model it is.

    Returns:
        Intervals by name of the metric; a metric that is not defined on these rows, or on hardly any resample of them,
        is left out.
    """
    classes = 0 if outcome.probabilities is None else outcome.probabilities.shape[1]
    values = {name: value for name, value in compute_metrics(outcome).items() if np.isfinite(value)}
    by_name = {
        name: interval(value, sample.deviations(name), reach=bounds(name, classes=classes))
        for name, value in values.items()
    }
    return {name: bounded for name, bounded in by_name.items() if bounded is not None}
