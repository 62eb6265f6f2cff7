"""The profile of a model's predictions on rows that it has not seen, beside what was true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.drift.error_model import ErrorModel
from headrace.core.drift.input_bins import choose_edges
from headrace.core.drift.input_counts import ColumnCounts, ColumnRecord, InputCounts
from headrace.core.features.bins import ColumnBins
from headrace.core.statistics.weighted_metrics import EvaluatedRows, losses

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationRecord:
    """How often a class came true, by bin of its predicted probability.

    Attributes:
        label: The class.
        edges: Ascending upper edges of the probability's bins.
        rows: Rows in each bin.
        probabilities: Sum of the predicted probabilities of the rows in each bin.
        actual: Rows in each bin that are of the class.
    """

    label: str
    edges: tuple[float, ...]
    rows: tuple[int, ...]
    probabilities: tuple[float, ...]
    actual: tuple[int, ...]


@dataclass(frozen=True)
class LossRecord:
    """Sums of a loss over rows.

    Attributes:
        name: ``log_loss``, ``brier`` and ``errors`` (share of wrong labels), or ``mae`` and ``mse``.
        total: Sum of the loss.
        squares: Sum of its squares.
    """

    name: str
    total: float
    squares: float


@dataclass(frozen=True)
class OutputProfile:
    """What a model predicted for rows that it had not seen, and what was true.

    Attributes:
        rows: Number of rows.
        prediction: Counts of the probability of the positive class, of the largest probability (more than two classes),
            of the predicted value, or of the anomaly score.
        labels: Counts of the predicted classes; absent for a regression.
        actual: Counts of the actual classes or values.
        calibration: How often each class came true; that of the positive class alone for two; empty for a regression.
        errors: How large the errors of a regression are by its inputs; absent for a classification, and in a profile of
            format 1.
        losses: Sums of the losses.
    """

    rows: int
    prediction: ColumnRecord
    labels: ColumnRecord | None
    actual: ColumnRecord
    calibration: tuple[CalibrationRecord, ...]
    errors: ErrorModel | None
    losses: tuple[LossRecord, ...]


def describe_outputs(
    outcome: EvaluatedRows, classes: Sequence[str], inputs: tuple[Floats, InputCounts] | None = None
) -> OutputProfile:
    """Describe predictions for n rows that the model had not seen, with their actual values.

    Args:
        outcome: The predictions.
        classes: Labels in the order of the probabilities; empty for a regression.
        inputs: Profiled columns (n, p) of the model matrix, and the training part's counts of them; None to describe a
            regression's errors by the predicted value alone.
    """
    actual = np.asarray(outcome.actual, dtype=np.float64)
    if outcome.task == "anomaly" and outcome.values is not None:
        return OutputProfile(
            rows=len(outcome),
            prediction=_count_numbers("value", outcome.values),
            labels=None,
            actual=ColumnCounts.of(actual, ColumnBins("actual", edges=(0.5,))).record(),
            calibration=(),
            errors=None,
            losses=(),
        )
    if outcome.values is not None:
        prediction = _count_numbers("value", outcome.values)
        matrix, counts = inputs or (np.empty((len(outcome), 0)), InputCounts((), len(outcome)))
        return OutputProfile(
            rows=len(outcome),
            prediction=prediction,
            labels=None,
            actual=_count_numbers("actual", actual),
            calibration=(),
            errors=ErrorModel.fit(
                [outcome.values, *matrix.T],
                [ColumnCounts.of_record(prediction), *counts.columns],
                actual - outcome.values,
            ),
            losses=sum_losses(outcome),
        )
    if outcome.probabilities is None or outcome.labels is None:
        raise TypeError("an outcome holds values, or probabilities and labels")
    binary = outcome.task == "binary"
    shown = [outcome.positive] if binary else range(len(classes))
    scores = outcome.probabilities[:, outcome.positive] if binary else outcome.probabilities.max(axis=1)
    labels = outcome.labels.astype(np.float64)
    return OutputProfile(
        rows=len(outcome),
        prediction=_count_numbers("probability", scores),
        labels=ColumnCounts.of(labels, ColumnBins("label", categories=tuple(classes))).record(),
        actual=ColumnCounts.of(actual, ColumnBins("actual", categories=tuple(classes))).record(),
        calibration=tuple(
            _calibrate(classes[index], outcome.probabilities[:, index], outcome.actual == index) for index in shown
        ),
        errors=None,
        losses=sum_losses(outcome),
    )


def sum_losses(outcome: EvaluatedRows) -> tuple[LossRecord, ...]:
    """Sum the losses of n rows, as a profile and a history of days hold them."""
    columns = losses(outcome)
    if outcome.labels is None:
        return _sum("mae", columns[:, 0]), _sum("mse", columns[:, 1])
    wrong = (outcome.labels != outcome.actual).astype(np.float64)
    return _sum("log_loss", columns[:, 0]), _sum("brier", columns[:, 1]), _sum("errors", wrong)


def _count_numbers(name: str, values: Floats) -> ColumnRecord:
    return ColumnCounts.of(values, ColumnBins(name, edges=choose_edges(values))).record()


def _sum(name: str, values: Floats) -> LossRecord:
    return LossRecord(name, float(values.sum()), float(np.square(values).sum()))


def _calibrate(label: str, scores: Floats, actual: NDArray[np.bool_]) -> CalibrationRecord:
    edges = choose_edges(scores)
    bins, count = np.searchsorted(np.array(edges), scores), len(edges) + 1
    return CalibrationRecord(
        label,
        edges,
        rows=tuple(np.bincount(bins, minlength=count).tolist()),
        probabilities=tuple(np.bincount(bins, scores, count).tolist()),
        actual=tuple(np.bincount(bins[actual], minlength=count).tolist()),
    )
