"""All metrics of a set of predictions, for the rows as they are or for many weightings of them at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract, Objective, Task
from headrace.core.statistics import metrics
from headrace.core.statistics.metrics import Floats, Ranking

MetricFunction = Callable[[Floats], dict[str, Floats]]


@dataclass(frozen=True)
class MetricAim:
    """What a contract asks of a model that brings metrics of its own.

    Attributes:
        objective: The objective of a regression.
        quantile: Share of the actual values below the prediction, for the objective ``quantile``.
        ordered: Whether the classes are in order, from the lowest to the highest.
    """

    objective: Objective = "mean"
    quantile: float = 0.5
    ordered: bool = False

    @classmethod
    def of(cls, contract: Contract) -> "MetricAim":
        """Return what a contract asks for."""
        return cls(contract.objective, contract.quantile, contract.has_ordered_classes)


@dataclass(frozen=True)
class EvaluatedRows:
    """Predictions for n rows, with their actual values.

    Attributes:
        task: Kind of task.
        actual: Class indices (n,), or numbers (n,).
        probabilities: Class probabilities (n, k); None for a regression.
        labels: Predicted class indices (n,); None for a regression.
        values: Predicted numbers (n,); None for a classification.
        positive: Index of the positive class (binary).
        aim: What brings metrics of its own.
        lower: Lower ends (n,) of prediction intervals; None for predictions without.
        upper: Upper ends (n,) of prediction intervals; None for predictions without.
    """

    task: Task
    actual: NDArray[np.int64] | Floats
    probabilities: Floats | None = None
    labels: NDArray[np.int64] | None = None
    values: Floats | None = None
    positive: int = 1
    aim: MetricAim = MetricAim()
    lower: Floats | None = None
    upper: Floats | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.actual)

    def take(self, rows: NDArray[np.int64]) -> "EvaluatedRows":
        """Return the predictions for the rows with these indices (m,)."""
        names = ("probabilities", "labels", "values", "lower", "upper")
        parts: dict[str, Any] = {name: getattr(self, name) for name in names}
        taken: dict[str, Any] = {name: None if part is None else part[rows] for name, part in parts.items()}
        return replace(self, actual=self.actual[rows], **taken)


def compute_metrics(outcome: EvaluatedRows) -> dict[str, float]:
    """Compute all metrics of the task over n rows; NaN for one that these rows do not define."""
    ones = np.ones((1, len(outcome)))
    return {name: float(values[0]) for name, values in metric_function(outcome)(ones).items()}


def losses(outcome: EvaluatedRows) -> Floats:
    """Compute the losses of n rows that the metrics average.

    Returns:
        For a classification columns (n, 2): log loss and Brier loss; for a regression columns (n, 4): absolute error,
        squared error, and the target's deviation from its mean and the square of that. Behind them those of
        ``further_metrics``.
    """
    further = further_losses(outcome)
    if outcome.values is not None:
        actual = np.asarray(outcome.actual, dtype=np.float64)
        # Squares of large numbers that are close together lose all digits, so that they are measured from the mean.
        centred = actual - actual.mean()
        errors = actual - outcome.values
        return np.stack([np.abs(errors), np.square(errors), centred, np.square(centred), *further], axis=1)
    if outcome.probabilities is None:
        raise TypeError("an outcome holds values, or probabilities and labels")
    classes = np.asarray(outcome.actual, dtype=np.int64)
    parts = [metrics.log_losses(classes, outcome.probabilities), metrics.brier_losses(classes, outcome.probabilities)]
    return np.stack([*parts, *further], axis=1)


def further_metrics(outcome: EvaluatedRows) -> tuple[str, ...]:
    """Return the names of the metrics that the objective, the order of classes or intervals bring, all means."""
    names = {"quantile": ["pinball_loss"], "count": ["poisson_deviance"]}.get(outcome.aim.objective, [])
    if outcome.aim.ordered:
        names = ["ranked_probability"]
    return (*names, *(["interval_coverage", "interval_width"] if outcome.lower is not None else []))


def further_losses(outcome: EvaluatedRows) -> list[Floats]:
    """Return the losses (n,) of n rows of which each of ``further_metrics`` is the mean."""
    if outcome.probabilities is not None:
        actual = np.asarray(outcome.actual, dtype=np.int64)
        return [metrics.ranked_probability_scores(actual, outcome.probabilities)] if outcome.aim.ordered else []
    found: list[Floats] = []
    numbers = np.asarray(outcome.actual, dtype=np.float64)
    if outcome.values is not None and outcome.aim.objective == "quantile":
        found.append(metrics.pinball_losses(numbers, outcome.values, outcome.aim.quantile))
    if outcome.values is not None and outcome.aim.objective == "count":
        found.append(metrics.poisson_deviances(numbers, outcome.values))
    if outcome.lower is not None and outcome.upper is not None:
        found.append(((numbers >= outcome.lower) & (numbers <= outcome.upper)).astype(np.float64))
        found.append(outcome.upper - outcome.lower)
    return found


def metric_function(
    outcome: EvaluatedRows, *, more: EvaluatedRows | None = None, more_losses: Floats | None = None
) -> MetricFunction:
    """Return a function from weights (b, n + m) to the b values of each metric.

    What does not depend on the weights is computed once, here.

    Args:
        outcome: Predictions for n rows, n > 0, and their actual values.
        more: For a classification, m artificial rows behind them.
        more_losses: Losses (m, c) of the artificial rows; see ``losses``.
    """
    columns = losses(outcome)
    if more_losses is not None:
        columns = np.concatenate([columns, more_losses])
    means = mean_metric_function(columns, task=outcome.task, further=further_metrics(outcome))
    if outcome.values is not None:
        return means
    label_metrics = _of_classes(outcome if more is None else _with(outcome, more))

    def compute(weights: Floats) -> dict[str, Floats]:
        return label_metrics(weights) | means(weights)

    return compute


def mean_metric_function(columns: Floats, *, task: Task, further: Sequence[str] = ()) -> MetricFunction:
    """Return a function from weights (b, n) to the b values of each metric that derives from means.

    Args:
        columns: Losses (n, c); see ``losses``.
        task: Kind of task.
        further: Names of the metrics that are means of the last columns.
    """
    # A target that is constant on a resample has a variance of rounding errors: R2 is not defined then.
    varies = 1e-12 * columns[:, 3].max(initial=0.0) if task == "regression" else 0.0
    first = columns.shape[1] - len(further)

    def compute(weights: Floats) -> dict[str, Floats]:
        means = (weights @ columns) / weights.sum(axis=1, keepdims=True)
        others = {name: means[:, first + place] for place, name in enumerate(further)}
        if task != "regression":
            return {"log_loss": means[:, 0], "brier": means[:, 1], **others}
        variance = means[:, 3] - np.square(means[:, 2])
        r2 = np.full(len(means), np.nan)
        np.divide(means[:, 1], variance, out=r2, where=variance > varies)
        return {"mae": means[:, 0], "rmse": np.sqrt(means[:, 1]), "r2": 1.0 - r2, **others}

    return compute


def _with(outcome: EvaluatedRows, more: EvaluatedRows) -> EvaluatedRows:
    """Append the rows of a classification to others."""
    pairs = ((outcome.actual, more.actual), (outcome.labels, more.labels), (outcome.probabilities, more.probabilities))
    actual, labels, probabilities = (np.concatenate([a, b]) for a, b in pairs if a is not None and b is not None)
    return replace(outcome, actual=actual, labels=labels, probabilities=probabilities)


def _of_classes(outcome: EvaluatedRows) -> MetricFunction:
    if outcome.probabilities is None or outcome.labels is None:
        raise TypeError("an outcome holds values, or probabilities and labels")
    actual, probabilities = np.asarray(outcome.actual, dtype=np.int64), outcome.probabilities
    k = probabilities.shape[1]
    binary = outcome.task == "binary"
    cells = actual * k + outcome.labels
    ranked = [outcome.positive] if binary else [c for c in range(k) if (actual == c).any()]
    rankings = [Ranking.of(actual == c, probabilities[:, c]) for c in ranked]

    def compute(weights: Floats) -> dict[str, Floats]:
        counts = [np.bincount(cells, weights=row, minlength=k * k) for row in weights]
        confusion = np.stack(counts).astype(np.float64).reshape(-1, k, k)
        pairs = [metrics.areas(ranking, weights) for ranking in rankings]
        agreement = {"quadratic_kappa": metrics.quadratic_kappa(confusion)} if outcome.aim.ordered else {}
        return metrics.from_confusion(confusion, positive=outcome.positive if binary else None) | {
            "roc_auc": _mean_of_defined(np.array([roc for roc, _ in pairs])),
            "pr_auc": _mean_of_defined(np.array([precision for _, precision in pairs])),
            **agreement,
        }

    return compute


def _mean_of_defined(values: Floats) -> Floats:
    """Average over the classes (k, b) that each weighting defines; a rare class is absent from many resamples."""
    defined = np.isfinite(values)
    total, count = np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0)
    means: Floats = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return means
