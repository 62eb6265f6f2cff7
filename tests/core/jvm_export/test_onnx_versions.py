"""Models that the Java library's ONNX Runtime could not load are refused."""

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from headrace.core.base.errors import InputError
from headrace.core.jvm_export.onnx_versions import LARGEST_IR, LARGEST_OPSETS, check_versions
from headrace.core.onnx_export.graph import ML_OPSET, OPSET


def model_of(*, ir: int = LARGEST_IR, opset: int = LARGEST_OPSETS[""], ml: int = LARGEST_OPSETS["ai.onnx.ml"]) -> bytes:
    """A model of these versions, that adds one."""
    values = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in "XY"]
    one = numpy_helper.from_array(np.array([[1.0]]), "one")
    graph = helper.make_graph([helper.make_node("Add", ["X", "one"], ["Y"])], "g", values[:1], values[1:], [one])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=ir)
    return bytes(model.SerializeToString())


def test_the_suites_own_models_are_old_enough() -> None:
    """Else no model could be exported."""
    assert (LARGEST_OPSETS[""], LARGEST_OPSETS["ai.onnx.ml"]) >= (OPSET, ML_OPSET)
    check_versions(model_of())


@pytest.mark.parametrize(
    ("newer", "what"),
    [
        ({"ir": LARGEST_IR + 1}, "IR version"),
        ({"opset": LARGEST_OPSETS[""] + 1}, "opset of ai.onnx "),
        ({"ml": LARGEST_OPSETS["ai.onnx.ml"] + 1}, "opset of ai.onnx.ml"),
    ],
)
def test_newer_models_are_refused(newer: dict[str, int], what: str) -> None:
    """The sentence says which version is too new."""
    with pytest.raises(InputError, match=f"{what}.*must be at most"):
        check_versions(model_of(**newer))
