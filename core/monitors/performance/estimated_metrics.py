"""Metrics of predicted classes whose labels have not come, from what probabilities were worth on the test part.

What a class's probability is worth is known from the test part's calibration, with the uncertainty of a small one
(``smooth_bins``). For each draw of the calibration the rows' labels are drawn too, and the metrics are computed of
them: the spread holds what a later measurement of the same rows will vary by. Guillory et al. 2021 (Predicting with
Confidence on Unseen Distributions) and Garg et al. 2022 (Leveraging Unlabeled Data to Predict Out-of-Distribution
Performance) say what any such method rests on: that probabilities mean the same as on the test part.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from headrace.core.drift.output_profile import CalibrationRecord, OutputProfile
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.monitors.performance.smooth_bins import draw_logit_deviations
from headrace.core.statistics.weighted_metrics import metric_function

DRAWS = 400
MOST_ROWS = 10_000
_WEIGHTS_AT_A_TIME = 1 << 20
_LARGEST_CLIP = 1e-4
_SMALLEST = 1e-12
_OTHER_METRICS = ("pr_auc",)
"""Metrics that are not estimated: average precision of few positives is biased."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MetricDraws:
    """What a metric may turn out to be.

    Attributes:
        name: Name of the metric.
        values: Draws (b,); NaN for one whose labels do not define the metric.
        reason: Why they must not be relied on; empty if they may.
    """

    name: str
    values: Floats
    reason: str = ""

    @property
    def defined(self) -> Floats:
        """The draws (d,) that define the metric."""
        return self.values[np.isfinite(self.values)]

    @property
    def value(self) -> float:
        """Mean of the draws that define the metric."""
        return float(self.defined.mean())

    def interval(self, level: float) -> tuple[float, float]:
        """Return the ends between which the metric lies with probability ``level``."""
        low, high = np.quantile(self.defined, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def draw_metrics(
    profile: OutputProfile, rows: PredictedRows, *, seed: int = 0, draws: int = DRAWS
) -> list[MetricDraws]:
    """Draw what the metrics of n classified rows may turn out to be.

    Of more than 10,000 rows every second, third and so on in the order of the scores stands for its neighbours too.

    Args:
        profile: Predictions and actual values of the test part.
        rows: The predictions, n > 0.
        seed: Seed of the draws.
        draws: Number b of draws.

    Returns:
        ``accuracy``, ``precision``, ``recall``, ``f1``, ``roc_auc``, ``log_loss`` and ``brier``.
    """
    rng = np.random.default_rng(seed)
    stride = -(-len(rows) // MOST_ROWS)
    kept = rows.take(np.argsort(rows.scores, kind="stable")[stride // 2 :: stride]) if stride > 1 else rows
    calibrated = _Calibration.of(profile, kept, draws=draws, rng=rng)
    compute = metric_function(kept.with_each_class())
    blocks: list[dict[str, Floats]] = []
    size = max(1, _WEIGHTS_AT_A_TIME // calibrated.width)
    for start in range(0, draws, size):
        weights = np.stack([rng.multinomial(stride, shares).T.ravel() for shares in calibrated.shares(start, size)])
        blocks.append(compute(weights.astype(np.float64)))
    names = [name for name in blocks[0] if name not in _OTHER_METRICS]
    return [MetricDraws(name, np.concatenate([block[name] for block in blocks])) for name in names]


@dataclass(frozen=True, eq=False)
class _Calibration:
    """Draws of the probabilities of n rows, each class calibrated by itself.

    Attributes:
        logits: Predicted logits (n, c) of the calibrated classes.
        bins: Bin (n, c) of each of them in its class's calibration.
        deviations: For each of the c classes draws (b, k) by bin.
        positive: Index of the class for two; None for more.
    """

    logits: Floats
    bins: NDArray[np.int64]
    deviations: list[Floats]
    positive: int | None

    @classmethod
    def of(cls, profile: OutputProfile, rows: PredictedRows, *, draws: int, rng: np.random.Generator) -> "_Calibration":
        positive = rows.positive if rows.task == "binary" else None
        scores = rows.scores[:, None] if positive is not None else rows.probabilities
        if scores is None:
            raise TypeError("only a classification has probabilities")
        clip = min(_LARGEST_CLIP, 0.5 / max(1, profile.rows))
        edges = [np.array(record.edges) for record in profile.calibration]
        bins = [np.searchsorted(edge, column) for edge, column in zip(edges, scores.T, strict=True)]
        deviations = [_draw_deviations(record, clip, draws=draws, rng=rng) for record in profile.calibration]
        return cls(logit(np.clip(scores, clip, 1 - clip)), np.stack(bins, axis=1), deviations, positive)

    @property
    def width(self) -> int:
        """Number of weights of one draw."""
        rows, classes = self.logits.shape
        return int(rows * max(2, classes))

    def shares(self, start: int, size: int) -> Iterator[Floats]:
        """Yield probabilities (n, k) of the classes, which add up to 1, for some of the draws."""
        for draw in range(start, min(start + size, len(self.deviations[0]))):
            offsets = [one[draw, bins] for one, bins in zip(self.deviations, self.bins.T, strict=True)]
            shares = expit(self.logits + np.stack(offsets, axis=1))
            if self.positive is None:
                yield shares / np.maximum(shares.sum(axis=1, keepdims=True), _SMALLEST)
            else:
                others = 1 - shares
                yield np.concatenate([others, shares] if self.positive == 1 else [shares, others], axis=1)


def _draw_deviations(record: CalibrationRecord, clip: float, *, draws: int, rng: np.random.Generator) -> Floats:
    rows, sums = np.array(record.rows, dtype=np.float64), np.array(record.probabilities)
    edges = np.array(record.edges)
    # A bin without rows has the probability of its nearer edge.
    of_empty = np.append(edges, edges[-1] if len(edges) else 0.5)
    means = np.clip(np.where(rows > 0, sums / np.maximum(rows, 1), of_empty), clip, 1 - clip)
    actual = np.array(record.actual, dtype=np.float64)
    return draw_logit_deviations(rows, actual, np.asarray(logit(means)), draws=draws, rng=rng)
