"""The gate of a converted model: the same answers as scikit-learn's, or no conversion."""

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
from headrace.core.onnx_export import probe_rows
from headrace.core.onnx_export.export import convert
from headrace.core.onnx_export.graph import InexactError

TOLERANCE = 1e-9
"""Largest difference of a probability, or of a value relative to it where it is above 1.

Sums in another order differ by some 1e-15, a perceptron's by some 1e-12; a row on the other side of a split, or a
number rounded to float32, by far more than this.
"""


@dataclass(frozen=True)
class ParityReport:
    """How an engine compares with scikit-learn.

    Attributes:
        rows: Rows on which they were compared.
        answers: Answers to them: a probability for each class, or a value.
        off: How many of these differ by more than ``TOLERANCE``, or are not both numbers.
        largest_difference: The largest difference of an answer; relative where a value is above 1.
        labels_differ: How many rows have another label.
    """

    rows: int = 0
    answers: int = 0
    off: int = 0
    largest_difference: float = 0.0
    labels_differ: int = 0

    def __add__(self, other: "ParityReport") -> "ParityReport":
        """Both comparisons together."""
        return ParityReport(
            self.rows + other.rows,
            self.answers + other.answers,
            self.off + other.off,
            max(self.largest_difference, other.largest_difference),
            self.labels_differ + other.labels_differ,
        )

    def as_json(self) -> dict[str, float]:
        """The measurements, the difference as the power of ten above it: the same on another processor."""
        return {
            "rows": self.rows,
            "largest_difference": _power_of_ten(self.largest_difference),
            "labels_differ": self.labels_differ,
        }


@dataclass(frozen=True)
class ExactModel:
    """A model that was converted.

    Attributes:
        content: Bytes of ``model.onnx``.
        parity: How it compares with scikit-learn.
    """

    content: bytes
    parity: ParityReport


def exact(model: Model, matrix: Matrix) -> ExactModel:
    """Convert a model, and compare it with scikit-learn's answers.

    Args:
        model: The model.
        matrix: Real rows (n, p); more are made of them, see ``probes.blocks``.

    Returns:
        The conversion.

    Raises:
        InexactError: If there is none, or an answer or a label differs; the sentence says which.
    """
    content = convert(model)
    try:
        engine = OnnxEngine(content, model.contract)
    except BundleError as error:
        raise InexactError(f"the conversion cannot be loaded: {error}") from error
    found = compare(engine, model, probe_rows.blocks(model, matrix))
    if found.off:
        most = f"{_power_of_ten(found.largest_difference):.0e}"
        raise InexactError(f"{found.off} of {found.answers} answers differ from scikit-learn's, by less than {most}.")
    if found.labels_differ:
        raise InexactError(f"{found.labels_differ} of {found.rows} labels differ from scikit-learn's.")
    return ExactModel(content, found)


def compare(engine: Engine, model: Model, blocks: Iterable[Matrix]) -> ParityReport:
    """Compare an engine's answers with scikit-learn's.

    Args:
        engine: The engine.
        model: The model that it stands for.
        blocks: Matrices (n, p) of rows to ask both for.
    """
    # Sums that are split over threads differ in the last bit, and threads for a few rows wait for one another.
    with ThreadpoolController().limit(limits=1):
        return sum((_compare(engine, model, rows) for rows in blocks), ParityReport())


def _compare(engine: Engine, model: Model, rows: Matrix) -> ParityReport:
    found = engine(rows)
    if model.contract.task == "regression":
        wanted = predicted_values(model.pipeline, rows)
        return _measure(found, wanted, np.maximum(1.0, np.abs(wanted)), labels_differ=0)
    wanted = predicted_probabilities(model.pipeline, rows, len(model.classes))
    pairs = zip(model.labels(found), model.labels(wanted), strict=True)
    return _measure(found, wanted, np.ones_like(wanted), labels_differ=sum(one != other for one, other in pairs))


def _measure(
    found: NDArray[np.float64], wanted: NDArray[np.float64], unit: NDArray[np.float64], *, labels_differ: int
) -> ParityReport:
    difference = np.abs(found - wanted) / unit
    difference = np.where(np.isnan(difference), np.inf, difference)
    off = int((difference > TOLERANCE).sum())
    return ParityReport(len(wanted), wanted.size, off, float(difference.max(initial=0.0)), labels_differ)


def _power_of_ten(value: float) -> float:
    # JSON has no infinity, and no answer differs by so much.
    return 0.0 if value == 0 else float(f"1e{min(300, math.ceil(math.log10(value)) if value < math.inf else 300)}")
