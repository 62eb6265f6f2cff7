"""Checks of what a graph answers: probabilities, its own label, and each row for itself."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from headrace.core.base.errors import BundleError, InputError, quote
from headrace.core.inference import engine
from headrace.model_import.onnx.embed import embed
from headrace.model_import.onnx.find_output import GraphOutput, width_of
from headrace.model_import.onnx.matrix_inputs import MatrixInputs
from headrace.model_import.signature import InputColumn

Floats = NDArray[np.float64]
_LABELS = {TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.STRING}
_SCALES = (0.0, 1.0, 10.0, 1e3, 1e6, 1e12)
_ROWS_OF_SCALE = 8
# Rows of usual size, in whose answers float32 is exact to four digits.
_USUAL = 3 * _ROWS_OF_SCALE
_CLOSE = 1e-4


def check_answers(
    graph: ModelProto, matrix: MatrixInputs, output: GraphOutput, columns: Sequence[InputColumn], source: str
) -> None:
    """Ask a graph for rows of several sizes, and raise if a bundle would not answer as it does.

    Args:
        graph: The graph.
        matrix: The nodes that make its inputs.
        output: Where its scores are.
        columns: The columns of the matrix.
        source: Name of its file in messages.

    Raises:
        InputError: If the scores of classes are no probabilities, a label of the graph is not the class of the largest
            one, a row depends on another, or the graph cannot be asked for several rows.
    """
    rows = _make_rows(columns, matrix)
    run = _load(embed(graph, matrix, output, width=len(columns)), len(columns), len(output.classes))
    scores = _ask(run, rows, source)
    _check_apart(run, rows[:_USUAL], scores[:_USUAL], source)
    if output.classes:
        _check_probabilities(scores, output, source)
    for one in graph.graph.output:
        if one.name != output.name and one.type.tensor_type.elem_type in _LABELS and width_of(one) <= 1:
            _check_label(graph, matrix, output, one, rows=rows, scores=scores, source=source)


def _load(content: bytes, columns: int, classes: int) -> Callable[[Floats], Floats]:
    run = engine.load_graph(content, columns=columns, classes=classes)
    return lambda rows: np.asarray(run(["Y"], {"X": np.ascontiguousarray(rows)})[0])


def _make_rows(columns: Sequence[InputColumn], matrix: MatrixInputs) -> Floats:
    """Return rows (n, p) whose numbers are drawn at several scales; categories are listed ones."""
    draws = np.random.default_rng(0)
    rows = np.concatenate([draws.normal(0, scale, (_ROWS_OF_SCALE, len(columns))) for scale in _SCALES])
    for place, column in enumerate(columns):
        if column.name in matrix.coded:
            rows[:, place] = draws.integers(0, len(matrix.coded[column.name].categories), len(rows))
        elif column.dtype == "boolean":
            rows[:, place] = draws.integers(0, 2, len(rows))
        elif column.dtype == "integer":
            # A graph may take int32.
            rows[:, place] = np.clip(np.round(rows[:, place]), -(2**31), 2**31 - 1)
    return rows


def _ask(run: Callable[[Floats], Floats], rows: Floats, source: str) -> Floats:
    try:
        scores = run(rows)
    except Exception as error:  # ONNX Runtime has an exception for each of its statuses
        raise InputError(
            f"{source} must be a graph that answers any number of rows; it fails for {len(rows)}: "
            f"{' '.join(str(error).split())[:200]}"
        ) from error
    if len(scores) != len(rows):
        raise InputError(f"{source} must give one answer a row; for {len(rows)} rows it gives {len(scores)}.")
    return scores


def _check_apart(run: Callable[[Floats], Floats], rows: Floats, together: Floats, source: str) -> None:
    apart = np.concatenate([_ask(run, rows[place : place + 1], source) for place in range(len(rows))])
    off = ~np.isclose(apart, together, rtol=_CLOSE, atol=_CLOSE, equal_nan=True).reshape(len(rows), -1).all(axis=1)
    if off.any():
        raise InputError(
            f"{source} must answer each row for itself to be imported; {int(off.sum())} of {len(rows)} rows get other "
            "answers together than apart: an operator works over all rows (axis 0)."
        )


def _check_probabilities(scores: Floats, output: GraphOutput, source: str) -> None:
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(scores).all(axis=1))
    off: NDArray[np.bool_] = finite & ((scores < -_CLOSE) | (scores > 1 + _CLOSE)).any(axis=1)
    # Far from usual numbers float32 does not hold a sum.
    off[:_USUAL] |= finite[:_USUAL] & (np.abs(scores[:_USUAL].sum(axis=1) - 1) > _CLOSE)
    if not finite.any() or off.any():
        example = scores[np.argmax(off if off.any() else ~finite)]
        raise InputError(
            f"the output {quote(output.name)} of {source} must hold probabilities, from 0 to 1 and 1 in sum, to be "
            f"imported with classes; for a row that was tried it gives {quote(example.round(4).tolist())}: export "
            "probabilities (skl2onnx: without raw_scores; else a Softmax or Sigmoid at the end)."
        )


def _check_label(
    graph: ModelProto,
    matrix: MatrixInputs,
    output: GraphOutput,
    label: Any,
    *,
    rows: Floats,
    scores: Floats,
    source: str,
) -> None:
    if not output.classes:
        raise InputError(
            f"{source} gives one number a row and the label {quote(label.name)}; name two classes by --class if the "
            "number is the probability of the second one, or export it without the label."
        )
    are_texts = label.type.tensor_type.elem_type == TensorProto.STRING
    texts = tuple(map(str, output.classes)) if are_texts else ()
    try:
        content = embed(graph, matrix, GraphOutput(label.name, (), single=True, texts=texts), width=rows.shape[1])
        labels = _ask(_load(content, rows.shape[1], 0), rows, source)
    except BundleError as error:
        raise InputError(f"the label {quote(label.name)} of {source} must be one value a row; it is not.") from error
    by_place = are_texts or not all(isinstance(one, int) for one in output.classes)
    values = np.arange(len(output.classes)) if by_place else np.array(output.classes)
    ranked = np.sort(scores, axis=1)
    # Of two classes that are equally likely either may be named, since float32 rounds.
    clear = np.isfinite(scores).all(axis=1) & (ranked[:, -1] - ranked[:, -2] > _CLOSE)
    off = clear & (values[np.argmax(np.nan_to_num(scores), axis=1)] != labels)
    if off.any():
        raise InputError(
            f"the label {quote(label.name)} of {source} must be the class of the largest probability, which a bundle "
            f"predicts; for {int(off.sum())} of {int(clear.sum())} rows that were tried it is another."
        )
