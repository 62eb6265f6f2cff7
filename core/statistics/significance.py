"""Significance: whether one model is better than another on the same rows, or was lucky."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.bootstrap import BootstrapSample
from headrace.core.statistics.delong import delong
from headrace.core.statistics.intervals import LEVEL, BootstrapDeviations, bounds, interval
from headrace.core.statistics.measures import ModelComparison
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER
from headrace.core.statistics.metrics import Flags
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics

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
        p_value: Two-sided probability of a difference this large between equal models.
        test: Name of the test that gave ``p_value``.
    """

    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    test: str

    def as_comparison(self, *, mcnemar_p: float | None = None) -> ModelComparison:
        """Return the difference as the comparison that a document holds."""
        return ModelComparison(**asdict(self), better=self.better, worse=self.worse, mcnemar_p=mcnemar_p)

    @property
    def better(self) -> bool:
        """Whether the first model is significantly better."""
        return self._beyond_chance and (self.difference > 0) == HIGHER_IS_BETTER[self.metric]

    @property
    def worse(self) -> bool:
        """Whether the first model is significantly worse."""
        return self._beyond_chance and (self.difference > 0) != HIGHER_IS_BETTER[self.metric]

    @property
    def _beyond_chance(self) -> bool:
        return self.p_value < 1 - LEVEL and (self.low > 0 or self.high < 0)


def _reach(metric: str, second: EvaluatedRows) -> tuple[float, float]:
    """Return the lowest and the highest possible difference to a model."""
    classes = 0 if second.probabilities is None else second.probabilities.shape[1]
    least, most = bounds(metric, classes=classes)
    if metric == "roc_auc" and second.probabilities is not None and (np.ptp(second.probabilities, axis=0) == 0).all():
        return least - _CHANCE, most - _CHANCE  # constant scores have an area of 0.5 in any table
    return least - most, most - least


def compare(first: EvaluatedRows, second: EvaluatedRows, *, metric: str, sample: BootstrapSample) -> MetricDifference:
    """Compare two models on one metric.

    The interval is a paired bootstrap's (both models are measured on the same resamples, of clusters where rows were
    sampled in clusters). The p-value is DeLong's for the area under a ROC curve, otherwise the bootstrap's.

    Args:
        first: Predictions of the first model for n rows.
        second: Predictions of the second model for the same rows in the same order.
        metric: Name of a metric that is defined for both on these rows.
        sample: Resamples of the two, in this order.
    """
    value = compute_metrics(first)[metric] - compute_metrics(second)[metric]
    deviations = sample.deviations_of_difference(metric)
    limits = interval(value, deviations, reach=_reach(metric, second))
    if limits is None:
        return MetricDifference(metric, value, value, value, p_value=1.0, test="none: too few rows")
    by = sample.clusters.by
    if metric == "roc_auc" and first.task == "binary":
        test, p_value = "DeLong", delong(first, second, clusters=sample.clusters)
    else:
        test, p_value = "paired bootstrap", _bootstrap_p(value, deviations)
    test = test if by == "row" else f"{test} by {by}"
    return MetricDifference(metric, value, limits.low, limits.high, p_value=p_value, test=test)


def compare_main(
    first: EvaluatedRows, second: EvaluatedRows, *, metrics: Sequence[str], sample: BootstrapSample
) -> ModelComparison | None:
    """Compare two models on the first metric that is defined for both, with McNemar's test of the labels beside it.

    Args:
        first: Predictions of the first model for n rows.
        second: Predictions of the second model for the same rows in the same order.
        metrics: Names of metrics, the preferred one first.
        sample: Resamples of the two, in this order.

    Returns:
        The comparison; None if no metric is defined for both.
    """
    values = compute_metrics(first), compute_metrics(second)
    defined = [name for name in metrics if all(np.isfinite(of_model.get(name, np.nan)) for of_model in values)]
    if not defined:
        return None
    compared = compare(first, second, metric=defined[0], sample=sample)
    mcnemar_p = None
    if first.labels is not None and second.labels is not None:
        mcnemar_p = mcnemar(
            np.asarray(first.actual, dtype=np.int64), first.labels, second.labels, clusters=sample.clusters
        )
    return compared.as_comparison(mcnemar_p=mcnemar_p)


def _bootstrap_p(value: float, deviations: BootstrapDeviations) -> float:
    """Return twice the share of resamples on the far side of no difference (Davison and Hinkley 1997, section 4.4)."""
    if value == 0:
        return 1.0
    beyond = value + deviations.low <= 0 if value > 0 else value + deviations.high >= 0
    # Counting the observed value as a resample keeps p above 0.
    return min(1.0, 2 * (1 + float(beyond.sum())) / (1 + len(beyond)))


def mcnemar(actual: Labels, first: Labels, second: Labels, *, clusters: RowClusters | None = None) -> float:
    """Compute the two-sided p-value that two models are right equally often.

    Exact (McNemar 1947, binomial form); for clusters, the chi-square form of Durkalski et al. 2003, Analysis of
    Clustered Matched-Pair Data, Statistics in Medicine 22.

    Args:
        actual: True classes (n,).
        first: Classes (n,) predicted by the first model.
        second: Classes (n,) predicted by the second model.
        clusters: Clusters of rows that were sampled together; None for independent rows.
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
    # In logarithms, since binomial coefficients of a thousand rows overflow float64.
    logs = [_log_binomial(discordant, i) for i in range(fewer + 1)]
    largest = max(logs)
    tail = math.exp(largest - discordant * math.log(2)) * math.fsum(math.exp(log - largest) for log in logs)
    return min(1.0, 2 * tail)


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
