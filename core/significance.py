"""Whether one model is better than another on the same rows, or was lucky."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core import bootstrap
from headrace.core.bootstrap import Resampled
from headrace.core.measures import Outcome, measure
from headrace.core.metrics import HIGHER_IS_BETTER, Floats

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Difference:
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
        return self.p_value < 1 - bootstrap.LEVEL and (self.low > 0 or self.high < 0)


def compare(first: Outcome, second: Outcome, *, metric: str, drawn: Resampled) -> Difference:
    """Compare two models on one metric.

    The interval is a paired bootstrap's (both models are measured on the same resamples). The p-value is DeLong's for
    the area under a ROC curve, else the bootstrap's own.

    Args:
        first: Predictions of the first model for n rows.
        second: Predictions of the second for the same rows in the same order.
        metric: A metric that both define on these rows.
        drawn: Resamples of the two, in this order.
    """
    value = measure(first)[metric] - measure(second)[metric]
    deviations = drawn.deviations_of_difference(metric)
    found = bootstrap.interval(value, deviations)
    if found is None:
        return Difference(metric, value, value, value, p_value=1.0, test="none: too few rows")
    if metric == "roc_auc" and first.task == "binary":
        test, p_value = "DeLong", delong(first, second)
    else:
        test, p_value = "paired bootstrap", _bootstrap_p(value, deviations)
    return Difference(metric, value, found.low, found.high, p_value=p_value, test=test)


def compare_main(first: Outcome, second: Outcome, *, metrics: Sequence[str], drawn: Resampled) -> dict[str, Any]:
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
        result["mcnemar_p"] = mcnemar(np.asarray(first.actual, dtype=np.int64), first.labels, second.labels)
    return result


def _bootstrap_p(value: float, deviations: Floats) -> float:
    """Share of resamples on the far side of no difference, twice (Davison and Hinkley 1997, section 4.4)."""
    if value == 0 and not deviations.any():
        return 1.0
    resampled = value + deviations
    smaller = min((resampled <= 0).sum(), (resampled >= 0).sum())
    return min(1.0, 2 * (1 + float(smaller)) / (1 + len(deviations)))


def mcnemar(actual: Labels, first: Labels, second: Labels) -> float:
    """Two-sided exact p-value that two models are right equally often (McNemar 1947, exact binomial form).

    Args:
        actual: True classes (n,).
        first: Classes predicted by the first model.
        second: Classes predicted by the second.
    """
    only_first = int(((first == actual) & (second != actual)).sum())
    only_second = int(((first != actual) & (second == actual)).sum())
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    if discordant == 0:
        return 1.0
    logs = [_log_binomial(discordant, i) for i in range(fewer + 1)]
    largest = max(logs)
    tail = math.exp(largest - discordant * math.log(2)) * math.fsum(math.exp(log - largest) for log in logs)
    return min(1.0, 2 * tail)


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def delong(first: Outcome, second: Outcome) -> float:
    """Two-sided p-value that two areas under ROC curves are equal.

    Source: DeLong, DeLong and Clarke-Pearson 1988, in the fast form of Sun and Xu 2014.

    Args:
        first: Binary predictions of the first model for n rows, some positive, some negative.
        second: Those of the second for the same rows.
    """
    positive = np.asarray(first.actual) == first.positive
    parts = [_placements(positive, outcome) for outcome in (first, second)]
    difference = parts[0][0].mean() - parts[1][0].mean()
    of_positives, of_negatives = (parts[0][i] - parts[1][i] for i in (0, 1))
    if len(of_positives) < 2 or len(of_negatives) < 2:
        return 1.0
    variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    if variance <= 0:
        return 1.0 if difference == 0 else 0.0
    return math.erfc(abs(difference) / math.sqrt(2 * variance))


def _placements(positive: NDArray[np.bool_], outcome: Outcome) -> tuple[Floats, Floats]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    if outcome.probabilities is None:
        raise TypeError("areas under ROC curves are of probabilities")
    scores = outcome.probabilities[:, outcome.positive]
    ours, theirs = scores[positive], scores[~positive]
    return _below(ours, np.sort(theirs)), 1.0 - _below(theirs, np.sort(ours))


def _below(scores: Floats, others: Floats) -> Floats:
    """Share of the sorted others that lie below each score, ties counted half."""
    lower, upper = np.searchsorted(others, scores, side="left"), np.searchsorted(others, scores, side="right")
    return np.asarray((lower + upper) / 2 / len(others))
