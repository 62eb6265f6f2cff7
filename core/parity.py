"""The gate of a converted model: the same answers as scikit-learn's, or no conversion."""

from dataclasses import dataclass
from itertools import islice

import numpy as np

from headrace.core import layout
from headrace.core.contract import Contract
from headrace.core.engine import OnnxEngine
from headrace.core.errors import BundleError
from headrace.core.matrix import Matrix
from headrace.core.model import Model, predicted_probabilities, predicted_values
from headrace.core.onnx_model import converted
from headrace.core.onnx_prepare import InexactError
from headrace.core.onnx_trees import thresholds

# Sums in another order differ by some 1e-15; a row on the other side of a threshold, by far more than this.
TOLERANCE = 1e-9
_MOST_ROWS = 2_000
_MOST_THRESHOLDS = 1_000
_SMALL = (0.0, -1.0, 1.0, 1e-300)
# The matrix holds no larger numbers.
_LARGEST = 1e30


@dataclass(frozen=True)
class Exact:
    """A model that was converted.

    Attributes:
        content: Bytes of ``model.onnx``.
        rows: Rows on which it was compared.
    """

    content: bytes
    rows: int


def exact(model: Model, matrix: Matrix) -> Exact:
    """Convert a model, and compare it with scikit-learn's answers.

    Args:
        model: The model.
        matrix: Real rows (n, p); rows with missing, unseen and extreme values, and on either side of the thresholds of
            trees, are made of them.

    Returns:
        The conversion.

    Raises:
        InexactError: If there is none, or an answer or a label differs; the sentence says which.
    """
    content = converted(model)
    rows = probes(model, matrix)
    try:
        found = OnnxEngine(content, model.contract)(rows)
    except BundleError as error:
        raise InexactError("ONNX Runtime cannot load the conversion.") from error
    _compare(model, rows, found)
    return Exact(content, len(rows))


def probes(model: Model, matrix: Matrix) -> Matrix:
    """Rows to compare on: real ones, and ones made of them; see ``exact``."""
    real = matrix[:_MOST_ROWS]
    base = real[:1] if len(real) else np.zeros((1, matrix.shape[1]))
    made = [real]
    for column, described in enumerate(layout.columns(model.contract)):
        values = [-1.0] if described.categories is not None else _extremes(model.contract, described.name)
        made.append(_with(base, column, [np.nan, *values]))
    made.append(np.full_like(base, np.nan))
    estimator = model.pipeline.named_steps["estimator"]
    split = [(_source(model, place), value) for place, value in islice(thresholds(estimator), _MOST_THRESHOLDS)]
    made += [_with(base, place, _beside(value)) for place, value in split if place >= 0]
    return np.ascontiguousarray(np.concatenate(made))


def _extremes(contract: Contract, name: str) -> list[float]:
    """The largest and smallest numbers that the contract lets pass, and small ones."""
    low, high = -_LARGEST, _LARGEST
    if name in contract.names and contract.severity("range") in {"quarantine", "stop"}:
        column = contract.column(name)
        low = low if column.minimum is None else column.minimum
        high = high if column.maximum is None else column.maximum
    return [low, high, *(value for value in _SMALL if low <= value <= high)]


def _beside(value: float) -> list[float]:
    """A threshold and its neighbours, in float64 and in the float32 in which forests look at a row."""
    single = float(np.float32(value))
    near = [float(np.nextafter(value, way)) for way in (-np.inf, np.inf)]
    return [
        value,
        *near,
        single,
        *(float(np.nextafter(np.float32(value), np.float32(way))) for way in (-np.inf, np.inf)),
    ]


def _with(base: Matrix, column: int, values: list[float]) -> Matrix:
    rows = np.repeat(base, len(values), axis=0)
    rows[:, column] = values
    return rows


def _source(model: Model, place: int) -> int:
    """The matrix column of a tree's feature; -1 if it is no number that is passed on as it is."""
    names = model.pipeline.named_steps["prepare"]
    order = [int(column) for name, _, columns in names.transformers_ if name != "remainder" for column in columns]
    return order[place] if place < len(order) else -1


def _compare(model: Model, rows: Matrix, found: np.ndarray) -> None:
    if model.contract.task == "regression":
        wanted = predicted_values(model.pipeline, rows)
        _require(found, wanted, TOLERANCE * np.maximum(1.0, np.abs(wanted)))
        return
    wanted = predicted_probabilities(model.pipeline, rows, len(model.classes))
    _require(found, wanted, np.full_like(wanted, TOLERANCE))
    differ = [one != other for one, other in zip(model.labels(found), model.labels(wanted), strict=True)]
    if any(differ):
        raise InexactError(f"{sum(differ)} of {len(rows)} labels differ from scikit-learn's.")


def _require(found: np.ndarray, wanted: np.ndarray, allowed: np.ndarray) -> None:
    off = ~(np.abs(found - wanted) <= allowed)
    if off.any():
        worst = float(np.nanmax(np.abs(found - wanted)))
        raise InexactError(f"{int(off.sum())} of {off.size} answers differ from scikit-learn's by up to {worst:.1e}.")
