"""Parity check of a converted model: the same predictions as the original's, of scikit-learn or H2O, or none."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from headrace.core.base.errors import BundleError
from headrace.core.features.model_matrix import Matrix
from headrace.core.inference.engine import Engine, OnnxEngine
from headrace.core.models.fitted_model import Model, predicted_probabilities, predicted_values
from headrace.core.models.h2o.h2o_estimator import MojoEstimator
from headrace.core.onnx_export import probe_rows
from headrace.core.onnx_export.export import convert
from headrace.core.onnx_export.graph import InexactError

TOLERANCE = 1e-9
"""Largest difference of a probability, or of a value relative to it where it is above 1.

Sums in another order differ by about 1e-15, a perceptron's by about 1e-12; a row on the other side of a split, or a
number rounded to float32, by far more than the tolerance.
"""


@dataclass(frozen=True)
class ParityReport:
    """Comparison of an engine with scikit-learn.

    Attributes:
        rows: Number of compared rows.
        answers: Number of compared answers: a probability for each class, or a value.
        off: Number of answers that differ by more than ``TOLERANCE``, or of which one is NaN.
        largest_difference: The largest difference of an answer; relative where a value is above 1.
        labels_differ: Number of rows with another label.
    """

    rows: int = 0
    answers: int = 0
    off: int = 0
    largest_difference: float = 0.0
    labels_differ: int = 0

    def __add__(self, other: "ParityReport") -> "ParityReport":
        """Return both comparisons together."""
        return ParityReport(
            self.rows + other.rows,
            self.answers + other.answers,
            self.off + other.off,
            max(self.largest_difference, other.largest_difference),
            self.labels_differ + other.labels_differ,
        )

    def as_json(self) -> dict[str, float]:
        """Return the measurements, the difference rounded up to a power of ten: the same on another processor."""
        return {
            "rows": self.rows,
            "largest_difference": _power_of_ten(self.largest_difference),
            "labels_differ": self.labels_differ,
        }


@dataclass(frozen=True)
class ExactModel:
    """A converted model.

    Attributes:
        content: Bytes of ``model.onnx``.
        parity: Comparison with scikit-learn.
    """

    content: bytes
    parity: ParityReport


def convert_exactly(model: Model, matrix: Matrix) -> ExactModel:
    """Convert a model, and compare it with scikit-learn's predictions.

    Args:
        model: The model.
        matrix: Model matrix (n, p) of real rows; ``probe_rows.blocks`` derives more from them.

    Returns:
        The conversion.

    Raises:
        InexactError: If there is no conversion, or an answer or a label differs; the sentence says which.
    """
    # The bytes themselves are tested, in the engine that will serve them, not the graph that was built.
    content = convert(model)
    try:
        engine = OnnxEngine(content, model.contract)
    except BundleError as error:
        raise InexactError(f"the conversion cannot be loaded: {error}") from error
    report = compare(engine, model, probe_rows.blocks(model, matrix))
    original = "scikit-learn's" if not isinstance(model.pipeline[-1], MojoEstimator) else "H2O's"
    if report.off:
        most = f"{_power_of_ten(report.largest_difference):.0e}"
        raise InexactError(f"{report.off} of {report.answers} answers differ from {original}, by less than {most}.")
    if report.labels_differ:
        raise InexactError(f"{report.labels_differ} of {report.rows} labels differ from {original}.")
    return ExactModel(content, report)


def compare(engine: Engine, model: Model, blocks: Iterable[Matrix]) -> ParityReport:
    """Compare an engine's predictions with scikit-learn's.

    Args:
        engine: The engine.
        model: The original model.
        blocks: Matrices (n, p) of rows to predict by both.
    """
    # Sums that are split over threads differ in the last bit, and with few rows threads mostly wait for one another.
    with ThreadpoolController().limit(limits=1):
        return sum((_compare(engine, model, rows) for rows in blocks), ParityReport())


def _compare(engine: Engine, model: Model, rows: Matrix) -> ParityReport:
    actual = engine(rows)
    if model.contract.answers_number:
        expected = predicted_values(model.pipeline, rows)
        # As with labels below, whether a row is an alert is compared too.
        alerts = int(((actual >= model.threshold) != (expected >= model.threshold)).sum())
        differ = alerts if model.contract.task == "anomaly" else 0
        return _measure(actual, expected, np.maximum(1.0, np.abs(expected)), labels_differ=differ)
    expected = predicted_probabilities(model.pipeline, rows, len(model.classes))
    # Labels are compared too: a difference far below the tolerance decides a tie or a threshold.
    pairs = zip(model.labels(actual), model.labels(expected), strict=True)
    return _measure(actual, expected, np.ones_like(expected), labels_differ=sum(one != other for one, other in pairs))


def _measure(
    actual: NDArray[np.float64], expected: NDArray[np.float64], unit: NDArray[np.float64], *, labels_differ: int
) -> ParityReport:
    difference = np.abs(actual - expected) / unit
    # NaN compares as false, and would pass as equal.
    difference = np.where(np.isnan(difference), np.inf, difference)
    off = int((difference > TOLERANCE).sum())
    return ParityReport(len(expected), expected.size, off, float(difference.max(initial=0.0)), labels_differ)


def _power_of_ten(value: float) -> float:
    # JSON has no infinity; 1e300 is larger than any difference of answers.
    return 0.0 if value == 0 else float(f"1e{min(300, math.ceil(math.log10(value)) if value < math.inf else 300)}")
