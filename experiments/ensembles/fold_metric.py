"""The objective on folds, fast enough to be computed thousands of times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.fold_scores import scores
from headrace.core.features.matrix_layout import positive
from headrace.core.features.model_matrix import Target
from headrace.core.splits.folds import Fold
from headrace.core.statistics import metrics
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FoldMetric:
    """A metric of the out-of-fold predictions of some rows.

    Attributes:
        target: Encoded target (n,).
        folds: The folds, whose held-out rows are measured.
        contract: The contract, for task and positive class.
        metric: Name of a metric of the task.
    """

    target: Target
    folds: tuple[Fold, ...]
    contract: Contract
    metric: str

    @property
    def higher_is_better(self) -> bool:
        """Which way the metric goes."""
        return HIGHER_IS_BETTER[self.metric]

    def measure(self, predictions: Floats, places: Sequence[int]) -> list[float]:
        """Return the metric on folds; NaN where it is not defined.

        Args:
            predictions: Out-of-fold probabilities (n, k) or values (n,).
            places: Which folds, by their place in ``folds``.
        """
        quick = _quick(self.metric, self.contract)
        chosen = [self.folds[place] for place in places]
        if quick is None:
            return scores(self.target, predictions, folds=chosen, contract=self.contract, metric=self.metric)
        return [quick(self.target[fold.held_out], predictions[fold.held_out]) for fold in chosen]

    def loss(self, predictions: Floats, places: Sequence[int]) -> float:
        """Return the mean over the folds that define the metric, as a loss: less is better; infinite if none does.

        Args:
            predictions: Out-of-fold probabilities (n, k) or values (n,).
            places: Which folds, by their place in ``folds``.
        """
        defined = [value for value in self.measure(predictions, places) if np.isfinite(value)]
        if not defined:
            return float("inf")
        mean = sum(defined) / len(defined)
        return -mean if self.higher_is_better else mean


def _quick(metric: str, contract: Contract) -> Callable[[Target, Floats], float] | None:
    """Return a function that computes nothing but this metric; None if there is none."""
    if metric == "log_loss":
        return lambda actual, given: float(metrics.log_losses(actual.astype(np.int64), given).mean())
    if metric == "brier":
        return lambda actual, given: float(metrics.brier_losses(actual.astype(np.int64), given).mean())
    if metric == "rmse":
        return lambda actual, given: float(np.sqrt(np.mean(np.square(actual - given))))
    if metric == "mae":
        return lambda actual, given: float(np.mean(np.abs(actual - given)))
    if metric == "roc_auc" and contract.task == "binary":
        place = positive(contract)
        return lambda actual, given: _area(actual == place, given[:, place])
    return None


def _area(positives: NDArray[np.bool_], given: Floats) -> float:
    """Return the area under the ROC curve: the share of pairs in the right order (Mann and Whitney 1947)."""
    count = int(positives.sum())
    if count in {0, len(positives)}:
        return float("nan")
    ranks = rankdata(given)
    return float((ranks[positives].sum() - count * (count + 1) / 2) / (count * (len(positives) - count)))
