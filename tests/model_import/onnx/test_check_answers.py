"""A graph is asked for rows before it is imported: what a bundle would answer otherwise is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import headrace.api as hr
from headrace.core.base.errors import InputError
from headrace.core.inference.scorer import Scorer
from tests.model_import import made_models as made

WEIGHTS = np.array([[0.9, -0.4, 0.1], [-0.2, 0.3, 0.5]], dtype=np.float32)


def node(kind: str, taken: str, given: str, **more: Any) -> onnx.NodeProto:
    """An operator of one input."""
    return helper.make_node(kind, [taken], [given], **more)


def graph(
    *nodes: onnx.NodeProto, width: int = 3, label: int = 0, kind: int = TensorProto.FLOAT, ml: int = 0
) -> onnx.ModelProto:
    """A graph from ``m`` (n, 2) over ``raw`` (n, width) to ``score``, and to ``label`` of a type if there is one."""
    outputs = [helper.make_tensor_value_info("score", kind, [None, width])]
    outputs += [helper.make_tensor_value_info("label", label, [None])] if label else []
    weights = numpy_helper.from_array(WEIGHTS[:, :width].astype(helper.tensor_dtype_to_np_dtype(kind)), "w")
    made_graph = helper.make_graph(
        [helper.make_node("MatMul", ["m", "w"], ["raw"]), *nodes],
        "made",
        [helper.make_tensor_value_info("m", kind, [None, 2])],
        outputs,
        [weights],
    )
    sets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid("ai.onnx.ml", ml)] if ml else [])
    return helper.make_model(made_graph, opset_imports=sets, ir_version=8)


SOFTMAX = node("Softmax", "raw", "score", axis=1)
LARGEST, SMALLEST = (node(kind, "raw", "label", axis=1, keepdims=0) for kind in ("ArgMax", "ArgMin"))
PLACE = node("ArgMax", "raw", "place", axis=1, keepdims=0)
MEAN = node("ReduceMean", "raw", "mean", axes=[0], keepdims=1)
INT, TEXT = TensorProto.INT64, TensorProto.STRING


def texts(*values: str) -> onnx.NodeProto:
    """Texts for the places of classes."""
    return node("LabelEncoder", "place", "label", domain="ai.onnx.ml", keys_int64s=[0, 1, 2], values_strings=values)


@pytest.mark.parametrize(
    ("model", "classes", "told"),
    [
        (graph(node("Identity", "raw", "score")), "abc", "must hold probabilities"),
        (graph(node("Identity", "raw", "score"), LARGEST, label=INT), "", "must hold probabilities"),
        (graph(node("Sigmoid", "raw", "score")), "abc", "must hold probabilities"),
        (graph(node("Identity", "raw", "score"), width=1), "ab", "must hold probabilities"),
        (graph(SOFTMAX, SMALLEST, label=INT), "", "must be the class of the largest probability"),
        (graph(SOFTMAX, PLACE, texts("a", "c", "b"), label=TEXT, ml=2), "abc", "must be the class of the largest"),
        (graph(node("Sigmoid", "raw", "score"), LARGEST, width=1, label=INT), "", "name two classes by --class"),
        (graph(node("Softmax", "raw", "score", axis=0)), "abc", "must answer each row for itself"),
        (graph(MEAN, helper.make_node("Sub", ["raw", "mean"], ["score"]), width=1), "", "each row for itself"),
    ],
)
def test_what_a_bundle_would_answer_otherwise_is_refused(
    model: onnx.ModelProto, classes: Sequence[str], told: str, tmp_path: Path
) -> None:
    """Scores that are no probabilities, labels of another class, rows that depend on one another."""
    made.onnx_model(tmp_path / "model", model)
    with pytest.raises(InputError, match=told):
        hr.import_model(tmp_path / "model", tmp_path / "new", classes=tuple(classes))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("model", "classes", "expected"),
    [
        (graph(SOFTMAX, LARGEST, label=INT), "", ("0", "1", "2")),
        (graph(SOFTMAX, LARGEST, label=INT), "abc", ("a", "b", "c")),
        (graph(node("Sigmoid", "raw", "score"), width=1), "ab", ("a", "b")),
        (graph(node("Identity", "raw", "score"), width=1), "", ()),
    ],
)
def test_probabilities_with_their_own_label_are_imported(
    model: onnx.ModelProto, classes: Sequence[str], expected: Sequence[str], tmp_path: Path
) -> None:
    """Names that a person gives stand for the graph's own classes, in their order."""
    made.onnx_model(tmp_path / "model", model)
    bundle = hr.import_model(tmp_path / "model", tmp_path / "new", classes=tuple(classes))
    assert Scorer.open(bundle).classes == tuple(expected)


def test_float32_of_the_signature_is_rounded_before_a_graph_of_float64(tmp_path: Path) -> None:
    """MLflow rounds a value to the signature's type."""
    inputs = [{**one, "type": "float"} for one in made.SIGNATURE]
    model = graph(node("Identity", "raw", "score"), width=1, kind=TensorProto.DOUBLE)
    made.onnx_model(tmp_path / "model", model, inputs=inputs)
    scorer = Scorer.open(hr.import_model(tmp_path / "model", tmp_path / "new"))
    rows = np.array([[0.1, 1 / 3]])
    expected = rows.astype(np.float32).astype(float) @ WEIGHTS[:, 0].astype(float)
    assert scorer.scores(rows) == pytest.approx(expected, abs=1e-15)
