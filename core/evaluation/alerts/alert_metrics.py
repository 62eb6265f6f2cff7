"""Metrics of anomaly scores: of the few rows with a label, and of the alerts that a budget allows."""

import math

import numpy as np
from numpy.typing import NDArray

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.intervals import BootstrapDeviations, interval
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics

ALERTS = "alerts_per_1000"
OF_LABELS = ("pr_auc", "roc_auc", "precision", "recall")
"""Metrics of labelled rows: of the ranking by score, and of the alerts by the threshold."""

_PER_ROWS = 1000.0
_MOST_RESAMPLES, _FEWEST_RESAMPLES, _WORK = 1000, 200, 100_000_000
_CELLS = 4_000_000
_HALF = 0.5


def select_labelled(outcome: EvaluatedRows, *, threshold: float) -> EvaluatedRows | None:
    """Return the rows with a label as those of a binary task, whose probabilities are the ranks of their scores.

    Ranking metrics are the same for scores and for their ranks; metrics of probabilities would mean nothing.

    Args:
        outcome: Scores and labels (n,) of an anomaly task; NaN for rows without a label.
        threshold: Lowest score that is an alert.

    Returns:
        The m labelled rows; None unless there are anomalies and others among them.
    """
    labels, scores = np.asarray(outcome.actual, dtype=np.float64), outcome.values
    known = np.flatnonzero(~np.isnan(labels))
    if scores is None or len(np.unique(labels[known])) < 2:
        return None
    level = np.unique(scores[known], return_inverse=True)[1] + 1.0
    ranks = level / (len(known) + 1)
    return EvaluatedRows(
        task="binary",
        actual=labels[known].astype(np.int64),
        probabilities=np.stack([1 - ranks, ranks], axis=1),
        labels=(scores[known] >= threshold).astype(np.int64),
        positive=1,
    )


def compute_label_metrics(outcome: EvaluatedRows, *, threshold: float = math.inf) -> dict[str, float]:
    """Compute the metrics of labelled rows; NaN where they are not defined."""
    labelled = select_labelled(outcome, threshold=threshold)
    values = {} if labelled is None else compute_metrics(labelled)
    return {name: values.get(name, math.nan) for name in OF_LABELS}


def measure_alerts(
    outcome: EvaluatedRows, *, threshold: float, share: float, clusters: RowClusters, seed: int, widening: float = 1.0
) -> dict[str, Interval]:
    """Measure alerts with their 95 % intervals, by a bootstrap of rows or clusters with half a row at either end.

    Args:
        outcome: Scores and labels (n,), n > 0; NaN for rows without a label.
        threshold: Lowest score that is an alert.
        share: Share of rows that may be alerts.
        clusters: Clusters of rows that were sampled together.
        seed: Seed of the draws.
        widening: Factor that widens the intervals, for uncertainty that the rows do not show.

    Returns:
        ``alerts_per_1000``; ``precision_at_k``, the share of anomalies among the labelled of the k highest scores;
        ``recall_at_k``, the share of the labelled anomalies that are among them. Those that the labels do not define
        are left out.
    """
    scores = np.asarray(outcome.values, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    rows = _OrderedRows(
        alert=(scores >= threshold)[order].astype(np.float64),
        anomaly=(np.asarray(outcome.actual) == 1)[order].astype(np.float64),
        other=(np.asarray(outcome.actual) == 0)[order].astype(np.float64),
        share=share,
    )
    codes = clusters.codes[order]
    value = rows.measure(np.ones((1, len(order))), np.zeros(1), favour=False)
    count = int(min(_MOST_RESAMPLES, max(_FEWEST_RESAMPLES, _WORK // len(order)))) // 2 * 2
    ends = [_resample(rows, codes, clusters.count, count // 2, seed=seed, favour=favour) for favour in (False, True)]
    found = {}
    for name, single in value.items():
        centre = float(single[0])
        if not math.isfinite(centre):
            continue
        low, high = ((end[name][np.isfinite(end[name])] - centre) * widening for end in ends)
        reach = (0.0, _PER_ROWS if name == ALERTS else 1.0)
        bounded = interval(centre, BootstrapDeviations(low, high), reach=reach)
        if bounded is not None:
            found[name] = bounded
    return found


def _resample(
    rows: "_OrderedRows", codes: NDArray[np.int64], clusters: int, resamples: int, *, seed: int, favour: bool
) -> dict[str, Floats]:
    rng = np.random.default_rng([seed, int(favour)])
    size = max(1, _CELLS // len(codes))
    blocks = []
    for start in range(0, resamples, size):
        count = min(size, resamples - start)
        weights = rng.standard_exponential((count, clusters))[:, codes]
        blocks.append(rows.measure(weights, rng.gamma(_HALF, size=count), favour=favour))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


class _OrderedRows:
    """Rows by falling score, measured under many weightings."""

    def __init__(self, alert: Floats, anomaly: Floats, other: Floats, share: float) -> None:
        self._alert, self._anomaly, self._other, self._share = alert, anomaly, other, share

    def measure(self, weights: Floats, half: Floats, *, favour: bool) -> dict[str, Floats]:
        """Measure b weightings (b, n), each with half a row more (b,) that is for the metric or against it."""
        total = weights.sum(axis=1) + half
        alerts = _PER_ROWS * (weights @ self._alert + half * favour) / total
        # The k highest by weight: the row at the limit counts with the part that still fits.
        before = np.cumsum(weights, axis=1) - weights
        room = self._share * weights.sum(axis=1, keepdims=True) - before
        top = np.clip(room, 0.0, weights)
        found, wrong = top @ self._anomaly, top @ self._other
        present = weights @ self._anomaly
        return {
            "precision_at_k": _ratio(found + half * favour, found + wrong + half, found + wrong > 0),
            "recall_at_k": _ratio(found + half * favour, present + half, present > 0),
            ALERTS: alerts,
        }


def _ratio(above: Floats, below: Floats, defined: NDArray[np.bool_]) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=defined & (below > 0))
