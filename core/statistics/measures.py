"""What statistics find, as values of a document: no arrays, nothing to import."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval.

    Attributes:
        value: The metric on all rows.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelComparison:
    """Comparison of two models on the same rows.

    Attributes:
        metric: Name of the compared metric.
        difference: The first model's value minus the second's.
        low: Lower end of its 95 % interval (paired bootstrap).
        high: Upper end.
        p_value: Two-sided probability of a difference this large between equal models.
        test: Name of the test that gave ``p_value``.
        better: Whether the first model is significantly better.
        worse: Whether it is significantly worse.
        mcnemar_p: P-value of McNemar's test of the labels; absent for a regression.
    """

    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    test: str
    better: bool
    worse: bool
    mcnemar_p: float | None = None


@dataclass(frozen=True)
class RocPoint:
    """A point of a ROC curve.

    Attributes:
        fpr: Share of the negative rows that are predicted positive.
        tpr: Share of the positive rows that are predicted positive.
        threshold: Lowest probability that is predicted positive; 1 or more where nothing is.
    """

    fpr: float
    tpr: float
    threshold: float


@dataclass(frozen=True)
class PrecisionRecallPoint:
    """A point of a precision-recall curve.

    Attributes:
        recall: Share of the positive rows that are predicted positive.
        precision: Share of the predicted positive rows that are positive.
        threshold: Lowest probability that is predicted positive.
    """

    recall: float
    precision: float
    threshold: float


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of about the same predicted probability.

    Attributes:
        predicted: Mean of their predicted probabilities.
        observed: Share of them whose predicted event happened.
        rows: Number of rows.
    """

    predicted: float
    observed: float
    rows: float


@dataclass(frozen=True)
class PredictedRow:
    """A row of a regression.

    Attributes:
        actual: Its actual value, in the target's unit.
        predicted: Its predicted value, in the same unit.
    """

    actual: float
    predicted: float


@dataclass(frozen=True)
class Residuals:
    """Errors of a regression, each the actual value minus the predicted one, in the target's unit.

    Attributes:
        quantiles: Error by share of the rows that have a smaller one: ``0.05``, ``0.25``, ``0.5``, ``0.75``, ``0.95``.
        mean: Mean error.
        points: Some rows by rising prediction, to draw; absent in a bundle.
    """

    quantiles: Mapping[str, float]
    mean: float
    points: tuple[PredictedRow, ...] | None = None
