"""The profile of a model's predictions on rows that it has not seen, beside what was true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.drift.input_bins import choose_edges
from headrace.core.drift.input_counts import ColumnCounts, ColumnRecord
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
class ErrorRecord:
    """The errors of a regression, actual minus predicted value, by bin of the predicted value.

    Attributes:
        edges: Ascending upper edges of the predicted value's bins.
        rows: Rows in each bin.
        values: Sum of the predicted values in each bin.
        totals: Sum of the errors in each bin, in the target's unit.
        squares: Sum of their squares.
        magnitudes: Sum of their absolute values.
        magnitude_dispersion: Variance of the absolute errors within bins over the square of their mean; 0.57 for normal
            errors.
        square_dispersion: The same of the squared errors; 2 for normal errors.
    """

    edges: tuple[float, ...]
    rows: tuple[int, ...]
    values: tuple[float, ...]
    totals: tuple[float, ...]
    squares: tuple[float, ...]
    magnitudes: tuple[float, ...]
    magnitude_dispersion: float
    square_dispersion: float


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
            or of the predicted value.
        labels: Counts of the predicted classes; absent for a regression.
        actual: Counts of the actual classes or values.
        calibration: How often each class came true; that of the positive class alone for two; empty for a regression.
        errors: Errors of a regression; absent for a classification.
        losses: Sums of the losses.
    """

    rows: int
    prediction: ColumnRecord
    labels: ColumnRecord | None
    actual: ColumnRecord
    calibration: tuple[CalibrationRecord, ...]
    errors: ErrorRecord | None
    losses: tuple[LossRecord, ...]


def describe_outputs(outcome: EvaluatedRows, classes: Sequence[str]) -> OutputProfile:
    """Describe predictions for n rows that the model had not seen, with their actual values.

    Args:
        outcome: The predictions.
        classes: Labels in the order of the probabilities; empty for a regression.
    """
    actual = np.asarray(outcome.actual, dtype=np.float64)
    if outcome.values is not None:
        return OutputProfile(
            rows=len(outcome),
            prediction=_count_numbers("value", outcome.values),
            labels=None,
            actual=_count_numbers("actual", actual),
            calibration=(),
            errors=_describe_errors(outcome.values, actual),
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


def _describe_errors(values: Floats, actual: Floats) -> ErrorRecord:
    edges = choose_edges(values)
    bins, count, errors = np.searchsorted(np.array(edges), values), len(edges) + 1, actual - values
    return ErrorRecord(
        edges,
        rows=tuple(np.bincount(bins, minlength=count).tolist()),
        values=tuple(np.bincount(bins, values, count).tolist()),
        totals=tuple(np.bincount(bins, errors, count).tolist()),
        squares=tuple(np.bincount(bins, np.square(errors), count).tolist()),
        magnitudes=tuple(np.bincount(bins, np.abs(errors), count).tolist()),
        magnitude_dispersion=_dispersion(bins, errors, 1),
        square_dispersion=_dispersion(bins, errors, 2),
    )


def _dispersion(bins: NDArray[np.int64], errors: Floats, power: int) -> float:
    """Return the variance of powers of errors (n,) within bins over the square of their mean; 0 if they do not vary."""
    # Fourth powers of errors in the target's unit may overflow; those of parts of the largest one do not.
    largest = float(np.abs(errors).max(initial=0.0))
    if not largest:
        return 0.0
    values = np.abs(errors / largest) ** power
    rows = np.bincount(bins)
    means = np.bincount(bins, values) / np.maximum(rows, 1)
    occupied = int((rows > 0).sum())
    variance = float(np.square(values - means[bins]).sum()) / max(1, len(values) - occupied)
    # The squares of means of few rows are too large by their variance.
    signal = float((rows * np.square(means)).sum()) - occupied * variance
    return len(values) * variance / signal if signal > 0 else float(len(values))
