"""``headrace.core.preparation`` as ONNX nodes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from headrace.core.errors import InputError
from headrace.core.onnx_graph import INPUT, Graph

# The matrix holds no category below -1, so that it can stand for a missing one.
_MISSING = -2.0


class InexactError(InputError):
    """A model cannot be written as ONNX such that it gives the same answers."""


def prepared(graph: Graph, transformer: ColumnTransformer) -> str:
    """Add the fitted preparation of the matrix.

    Args:
        graph: Where to add it.
        transformer: A fitted transformer of ``headrace.core.preparation``.

    Returns:
        Name of the prepared matrix.

    Raises:
        InexactError: If a step is of a kind that is not known here.
    """
    width = transformer.n_features_in_
    parts = [
        _part(graph, step, [int(column) for column in columns], width)
        for name, step, columns in transformer.transformers_
        if name != "remainder"
    ]
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)


def _part(graph: Graph, step: Any, columns: list[int], width: int) -> str:
    steps = [inner for _, inner in step.steps] if isinstance(step, Pipeline) else [step]
    if isinstance(steps[0], OneHotEncoder):
        return _one_hot(graph, steps[0].categories_, columns)
    if isinstance(steps[0], OrdinalEncoder):
        return _ordinal(graph, steps[0], columns)
    value = INPUT
    if columns != list(range(width)):
        value = graph.add("Gather", INPUT, graph.constant(np.array(columns, dtype=np.int64)), axis=1)
    for inner in steps:
        value = _numbers(graph, value, inner)
    return value


def _numbers(graph: Graph, value: str, step: Any) -> str:
    if isinstance(step, SimpleImputer) and not step.add_indicator:
        return graph.add("Where", graph.add("IsNaN", value), graph.constant(step.statistics_.astype(np.float64)), value)
    if isinstance(step, StandardScaler):
        centred = graph.add("Sub", value, graph.constant(step.mean_))
        return graph.add("Div", centred, graph.constant(step.scale_))
    if step == "passthrough" or (isinstance(step, FunctionTransformer) and step.func is None):
        return value
    raise InexactError(f"the step {type(step).__name__} must be one that has an exact form in ONNX; it has none.")


def _matches(graph: Graph, categories: Sequence[NDArray[np.float64]], columns: list[int]) -> str:
    """One boolean column for each category of each column: whether the value is that category."""
    places = np.repeat(np.array(columns, dtype=np.int64), [len(values) for values in categories])
    wanted = np.nan_to_num(np.concatenate(categories).astype(np.float64), nan=_MISSING)
    value = graph.add("Gather", INPUT, graph.constant(places), axis=1)
    there = graph.add("Where", graph.add("IsNaN", value), graph.constant(_MISSING), value)
    return graph.add("Equal", there, graph.constant(wanted))


def _one_hot(graph: Graph, categories: Sequence[NDArray[np.float64]], columns: list[int]) -> str:
    return graph.add("Cast", _matches(graph, categories, columns), to=11)


def _ordinal(graph: Graph, encoder: OrdinalEncoder, columns: list[int]) -> str:
    """The place of each category; a value without one, and a missing one, as the encoder says."""
    unknown, missing = float(encoder.unknown_value), float(encoder.encoded_missing_value)
    rows, places = [], []
    for column, values in enumerate(encoder.categories_):
        for place, value in enumerate(values):
            code = missing if np.isnan(value) else float(place)
            row = np.zeros((2, len(columns)))
            row[:, column] = (1.0, code) if not np.isnan(code) else (0.0, 0.0)
            rows.append(row)
            places.append(code)
    if any(np.isnan(places)) and not np.isnan(unknown):
        raise InexactError("a missing category must not be NaN where an unknown one is a number.")
    known, codes = np.stack(rows, axis=1)
    matches = graph.add("Cast", _matches(graph, encoder.categories_, columns), to=11)
    is_known = graph.add("Greater", graph.add("MatMul", matches, graph.constant(known)), graph.constant(0.5))
    code_of = graph.add("MatMul", matches, graph.constant(codes))
    return graph.add("Where", is_known, code_of, graph.constant(unknown))
