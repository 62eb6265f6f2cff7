"""A graph becomes part of one that takes the model matrix.

Its own operators and arrays stay as they are, in their own precision; before them the matrix is taken apart into the
graph's inputs, after them the scores are widened to float64.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from headrace.model_import.onnx.find_output import GraphOutput
from headrace.model_import.onnx.matrix_inputs import PREFIX, MatrixInputs


def embed(model: ModelProto, matrix: MatrixInputs, output: GraphOutput, *, width: int) -> bytes:
    """Return the graph that takes the matrix ``X`` (n, p) and gives ``Y``, with the nodes of the model in it.

    Args:
        model: The model.
        matrix: The nodes that make its inputs.
        output: Where its scores are.
        width: Number of columns of the matrix.
    """
    body, arrays = _find_needed(model, output.name)
    rename = {name: f"{PREFIX}{name}" for name in ("X", "Y")}
    nodes = [_rename_node(node, rename) for node in (*matrix.nodes, *body)]
    # The matrix itself keeps its name.
    for node in nodes[: len(matrix.nodes)]:
        node.input[:] = ["X" if name == rename["X"] else name for name in node.input]
    last, own = _widen(rename.get(output.name, output.name), output)
    shape: list[int | None] = [None, len(output.classes)] if output.classes else [None]
    kept = [_array(array, rename) for array in arrays]
    made = helper.make_graph(
        [*nodes, *last],
        "headrace",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info("Y", TensorProto.DOUBLE, shape)],
        [*kept, *matrix.arrays, *own],
    )
    opsets = [
        helper.make_opsetid("" if one.domain == "ai.onnx" else one.domain, one.version) for one in model.opset_import
    ]
    if (matrix.coded or output.texts) and not any(one.domain == "ai.onnx.ml" and one.version >= 2 for one in opsets):
        # The encoder that gives texts for codes is of the second set.
        opsets = [one for one in opsets if one.domain != "ai.onnx.ml"] + [helper.make_opsetid("ai.onnx.ml", 2)]
    whole = helper.make_model(
        made, opset_imports=opsets, ir_version=min(model.ir_version, 10), producer_name="headrace"
    )
    return bytes(whole.SerializeToString(deterministic=True))


def _widen(scores: str, output: GraphOutput) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return nodes that make ``Y`` of the scores, float64 (n, k) or (n,), and their arrays."""
    wide, one, unit, size = (f"{PREFIX}{name}" for name in ("wide", "one", "unit", "size"))
    columns = [-1] if not output.classes else [-1, 1 if output.single else len(output.classes)]
    arrays = [numpy_helper.from_array(np.array(columns, dtype=np.int64), size)]
    nodes = [helper.make_node("Cast", [scores], [wide], to=TensorProto.DOUBLE)]
    if output.texts:
        nodes[0].input[0] = f"{PREFIX}place"
        places: dict[str, Any] = {"keys_strings": list(output.texts), "values_int64s": list(range(len(output.texts)))}
        nodes.insert(0, helper.make_node("LabelEncoder", [scores], list(nodes[0].input), domain="ai.onnx.ml", **places))
    if not (output.single and output.classes):
        return [*nodes, helper.make_node("Reshape", [wide, size], ["Y"])], arrays
    other = f"{PREFIX}other"
    nodes += [
        helper.make_node("Reshape", [wide, size], [one]),
        helper.make_node("Sub", [unit, one], [other]),
        helper.make_node("Concat", [other, one], ["Y"], axis=1),
    ]
    return nodes, [*arrays, numpy_helper.from_array(np.array(1.0), unit)]


def _find_needed(model: ModelProto, output: str) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return the nodes and arrays that an output depends on, in order; constants become arrays."""
    wanted, kept = {output}, []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted |= set(node.input)
    arrays = [array for array in model.graph.initializer if array.name in wanted]
    arrays += [_constant(node) for node in kept if node.op_type == "Constant"]
    return [node for node in reversed(kept) if node.op_type != "Constant"], arrays


def _constant(node: NodeProto) -> TensorProto:
    """Return the array of a node ``Constant``."""
    attribute = node.attribute[0]
    if attribute.name == "value":
        array = TensorProto()
        array.CopyFrom(attribute.t)
        array.name = node.output[0]
        return array
    value = helper.get_attribute_value(attribute)
    dtype = np.float32 if "float" in attribute.name else np.int64
    return numpy_helper.from_array(np.asarray(value, dtype=dtype), node.output[0])


def _rename_node(node: NodeProto, rename: Mapping[str, str]) -> NodeProto:
    new = NodeProto()
    new.op_type, new.domain = node.op_type, "" if node.domain == "ai.onnx" else node.domain
    new.input.extend(rename.get(name, name) for name in node.input)
    new.output.extend(rename.get(name, name) for name in node.output)
    new.attribute.extend(node.attribute)
    return new


def _array(array: TensorProto, rename: Mapping[str, str]) -> TensorProto:
    new = TensorProto()
    new.CopyFrom(array)
    new.name = rename.get(array.name, array.name)
    new.doc_string = ""
    return new
