"""Checks of a graph before any of it is used: sets of operators, their kinds, and where its arrays are."""

import onnx
from onnx import ModelProto, NodeProto, TensorProto

from headrace.core.base.errors import InputError, quote
from headrace.core.graphs import onnx_safety

# The newest operator sets of the ONNX Runtime that this version of the suite was tested with.
NEWEST_OPSET, NEWEST_ML_OPSET = 24, 5
_NEWEST = {"": NEWEST_OPSET, "ai.onnx": NEWEST_OPSET, "ai.onnx.ml": NEWEST_ML_OPSET}
_GRAPHS = {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS}
# These two are taken out of a graph: constants become arrays, and probabilities are read before they become maps.
_TAKEN_OUT = {("", "Constant"), ("ai.onnx.ml", "ZipMap")}


def check_graph(graph: ModelProto, source: str) -> None:
    """Raise if a graph holds what is not reviewed, or is of a newer version.

    Args:
        graph: The graph.
        source: Name of its file in messages.

    Raises:
        InputError: If it does; the sentence says what.
    """
    if graph.functions or graph.training_info:
        raise InputError(f"{source} must be one graph without functions of its own to be imported; it has some.")
    _check_sets(graph, source)
    for array in graph.graph.initializer:
        if array.external_data or array.data_location == TensorProto.EXTERNAL:
            raise InputError(
                f"{source} must hold its arrays itself to be imported; {quote(array.name)} is in another file."
            )
    if graph.graph.sparse_initializer:
        raise InputError(f"{source} must have dense arrays only to be imported; it has sparse ones.")
    for node in graph.graph.node:
        _check_node(node, source)


def _check_sets(graph: ModelProto, source: str) -> None:
    for one in graph.opset_import:
        newest = _NEWEST.get(one.domain)
        if newest is None:
            raise InputError(f"{source} must use operators of ONNX only; it uses those of {quote(one.domain)}.")
        if one.version > newest:
            raise InputError(
                f"{source} must use operator set {newest} of {one.domain or 'ai.onnx'} at most; it uses {one.version}: "
                "export it again with an older one."
            )


def _check_node(node: NodeProto, source: str) -> None:
    kind = ("" if node.domain == "ai.onnx" else node.domain, node.op_type)
    if kind not in onnx_safety.OPERATORS | onnx_safety.IMPORTED_OPERATORS | _TAKEN_OUT:
        name = quote(".".join(filter(None, kind)))
        raise InputError(f"{source} must hold reviewed operators only to be imported; {name} is not one of them.")
    if any(one.type in _GRAPHS for one in node.attribute):
        raise InputError(f"{source} must hold operators without graphs of their own; {node.op_type} has one.")
