"""From a model of Keras to a graph of ONNX: its layers one by one, by ``onnx_layers``.

Scores are float32, as in Keras; the model matrix and the probabilities are float64, as in every graph of the suite.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InternalError
from headrace.core.onnx_export.graph import DOUBLE, FLOAT, INPUT
from headrace.deep.onnx_layers import CONVERTERS
from headrace.deep.onnx_tensor import LayerTensor, NetworkGraph


@dataclass(frozen=True)
class TargetScale:
    """The scale of a regression's target.

    Attributes:
        mean: Its mean.
        deviation: Its standard deviation; 1 for a constant.
    """

    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, target: NDArray[np.float32]) -> Self:
        """Return the scale of a target (n,)."""
        exact = target.astype(np.float64)
        return cls(float(exact.mean()), float(exact.std()) or 1.0)


def convert(model: Any, *, columns: int, classes: int, scale: TargetScale) -> bytes:
    """Convert a fitted model.

    Args:
        model: Keras' functional model: the model matrix (n, p) to scores (n, k), or a value (n, 1).
        columns: Number of columns of the matrix.
        classes: Number of classes; 0 for a regression.
        scale: Scale of a regression's target.

    Returns:
        Bytes of the graph: ``X`` (n, p) to probabilities (n, k) or values (n,), float64.

    Raises:
        InternalError: If a layer has no converter.
    """
    graph = NetworkGraph()
    scores = _add_layers(graph, model, LayerTensor(graph.add("Cast", INPUT, to=FLOAT), 2))
    exact = graph.add("Cast", graph.channels_last(scores), to=DOUBLE)
    if classes:
        answer, shape = graph.add("Softmax", exact, axis=1), [None, classes]
    else:
        scaled = graph.add("Mul", exact, graph.constant(np.array(scale.deviation)))
        value = graph.add("Add", scaled, graph.constant(np.array(scale.mean)))
        answer, shape = graph.add("Squeeze", value, graph.constant(np.array([1], dtype=np.int64))), [None]
    return bytes(graph.nodes.model(answer, columns=columns, shape=shape).SerializeToString(deterministic=True))


def _add_layers(graph: NetworkGraph, model: Any, matrix: LayerTensor) -> LayerTensor:
    tensors: dict[int, LayerTensor] = {id(model.inputs[0]): matrix}
    for depth in sorted(model._nodes_by_depth, reverse=True):  # noqa: SLF001 - Keras has no public order of its layers
        for node in model._nodes_by_depth[depth]:  # noqa: SLF001 - as above
            layer = node.operation
            kind = type(layer).__name__
            if kind == "InputLayer":
                continue
            convert_layer = CONVERTERS.get(kind)
            if convert_layer is None:
                raise InternalError(f"the layer {kind} must have a form in ONNX; add it to deep/onnx_layers.")
            inputs = [tensors[id(value)] for value in node.input_tensors]
            tensors[id(node.output_tensors[0])] = convert_layer(graph, layer, inputs)
    return tensors[id(model.outputs[0])]
