"""Whether one model is better than another on the same rows, or was lucky."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.bootstrap import BootstrapSample
from headrace.core.statistics.delong import delong
from headrace.core.statistics.intervals import LEVEL, BootstrapDeviations, bounds, interval
from headrace.core.statistics.metrics import HIGHER_IS_BETTER, Flags
from headrace.core.statistics.weighted_metrics import EvaluatedRows, measure

Labels = NDArray[np.int64]

_CHANCE = 0.5


@dataclass(frozen=True)
class MetricDifference:
    """The difference of a metric between two models on the same rows.

    Attributes:
        metric: Name of the metric.
        difference: The first model's value minus the second's.
        low: Lower end of its 95 % interval (paired bootstrap).
        high: Upper end.
        p_value: Two-sided probability of so large a difference between equal models.
        test: What gave ``p_value``.
    """

    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    test: str

    @property
    def better(self) -> bool:
        """Whether the first model is better by more than chance."""
        return self._beyond_chance and (self.difference > 0) == HIGHER_IS_BETTER[self.metric]

    @property
    def worse(self) -> bool:
        """Whether the first model is worse by more than chance."""
        return self._beyond_chance and (self.difference > 0) != HIGHER_IS_BETTER[self.metric]

    @property
    def _beyond_chance(self) -> bool:
        return self.p_value < 1 - LEVEL and (self.low > 0 or self.high < 0)


def _reach(metric: str, second: EvaluatedRows) -> tuple[float, float]:
    """The least and the largest difference that there can be to a model."""
    classes = 0 if second.probabilities is None else second.probabilities.shape[1]
    least, most = bounds(metric, classes=classes)
    if metric == "roc_auc" and second.probabilities is not None and (np.ptp(second.probabilities, axis=0) == 0).all():
        return least - _CHANCE, most - _CHANCE  # scores that are all the same have this area in any table
    return least - most, most - least


def compare(first: EvaluatedRows, second: EvaluatedRows, *, metric: str, drawn: BootstrapSample) -> MetricDifference:
    """Compare two models on one metric.

    The interval is a paired bootstrap's (both models are measured on the same resamples, of clusters where rows were
    drawn together). The p-value is DeLong's for the area under a ROC curve, else the bootstrap's own.

    Args:
        first: Predictions of the first model for n rows.
        second: Predictions of the second for the same rows in the same order.
        metric: A metric that both define on these rows.
        drawn: Resamples of the two, in this order.
    """
    value = measure(first)[metric] - measure(second)[metric]
    deviations = drawn.deviations_of_difference(metric)
    found = interval(value, deviations, reach=_reach(metric, second))
    if found is None:
        return MetricDifference(metric, value, value, value, p_value=1.0, test="none: too few rows")
    by = drawn.clusters.by
    if metric == "roc_auc" and first.task == "binary":
        test, p_value = "DeLong", delong(first, second, clusters=drawn.clusters)
    else:
        test, p_value = "paired bootstrap", _bootstrap_p(value, deviations)
    test = test if by == "row" else f"{test} by {by}"
    return MetricDifference(metric, value, found.low, found.high, p_value=p_value, test=test)


def compare_main(
    first: EvaluatedRows, second: EvaluatedRows, *, metrics: Sequence[str], drawn: BootstrapSample
) -> dict[str, Any]:
    """Compare two models on the first metric that both define, with McNemar's test of the labels beside it.

    Args:
        first: Predictions of the first model for n rows.
        second: Predictions of the second for the same rows in the same order.
        metrics: Names of metrics, the preferred one first.
        drawn: Resamples of the two, in this order.

    Returns:
        ``metric``, ``difference``, ``low``, ``high``, ``p_value``, ``test``, ``better``, ``worse``, and ``mcnemar_p``
        (classification); empty if no metric is defined by both.
    """
    values = measure(first), measure(second)
    defined = [name for name in metrics if all(np.isfinite(found.get(name, np.nan)) for found in values)]
    if not defined:
        return {}
    found = compare(first, second, metric=defined[0], drawn=drawn)
    result = {**asdict(found), "better": found.better, "worse": found.worse}
    if first.labels is not None and second.labels is not None:
        result["mcnemar_p"] = mcnemar(
            np.asarray(first.actual, dtype=np.int64), first.labels, second.labels, clusters=drawn.clusters
        )
    return result


def _bootstrap_p(value: float, deviations: BootstrapDeviations) -> float:
    """Share of resamples on the far side of no difference, twice (Davison and Hinkley 1997, section 4.4)."""
    if value == 0:
        return 1.0
    beyond = value + deviations.low <= 0 if value > 0 else value + deviations.high >= 0
    return min(1.0, 2 * (1 + float(beyond.sum())) / (1 + len(beyond)))


def mcnemar(actual: Labels, first: Labels, second: Labels, *, clusters: RowClusters | None = None) -> float:
    """Two-sided p-value that two models are right equally often.

    Exact (McNemar 1947, binomial form); of clusters, the chi-square form of Durkalski et al. 2003, Analysis of
    Clustered Matched-Pair Data, Statistics in Medicine 22.

    Args:
        actual: True classes (n,).
        first: Classes predicted by the first model.
        second: Classes predicted by the second.
        clusters: Which rows were drawn together; None for each by itself.
    """
    only_first, only_second = (first == actual) & (second != actual), (first != actual) & (second == actual)
    if clusters is not None and clusters.by != "row":
        return _clustered_mcnemar(only_first, only_second, clusters)
    return _exact_mcnemar(int(only_first.sum()), int(only_second.sum()))


def _clustered_mcnemar(only_first: Flags, only_second: Flags, clusters: RowClusters) -> float:
    surplus = np.bincount(clusters.codes, weights=only_first.astype(np.float64) - only_second)
    shares = surplus / np.bincount(clusters.codes)
    spread = float(np.square(shares).sum())
    return math.erfc(abs(float(shares.sum())) / math.sqrt(2 * spread)) if spread > 0 else 1.0


def _exact_mcnemar(only_first: int, only_second: int) -> float:
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    if discordant == 0:
        return 1.0
    logs = [_log_binomial(discordant, i) for i in range(fewer + 1)]
    largest = max(logs)
    tail = math.exp(largest - discordant * math.log(2)) * math.fsum(math.exp(log - largest) for log in logs)
    return min(1.0, 2 * tail)


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
