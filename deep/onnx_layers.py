"""Keras' layers as operators of ONNX, one function for each layer.

A function gets the graph, the fitted layer and its inputs, and returns its output. ``CONVERTERS`` names the layers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InternalError
from headrace.deep.onnx_table_layers import TABLE_CONVERTERS
from headrace.deep.onnx_tensor import LayerTensor, NetworkGraph

Inputs = Sequence[LayerTensor]

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "elu": "Elu", "softplus": "Softplus"}


def weights(variable: Any) -> NDArray[np.float32]:
    """Return the values, of any shape, of a layer's variable."""
    return np.asarray(variable.value, dtype=np.float32)


def activate(graph: NetworkGraph, function: Any, value: str) -> str:
    """Add an activation function of Keras.

    Raises:
        InternalError: If it has no converter.
    """
    name = getattr(function, "__name__", "linear") if function is not None else "linear"
    if name == "linear":
        return value
    if name not in _ACTIVATIONS:
        raise InternalError(f"the activation {name} must have a form in ONNX; add it to deep/onnx_layers.")
    return graph.add(_ACTIVATIONS[name], value)


def _same(_: NetworkGraph, __: Any, inputs: Inputs) -> LayerTensor:
    return inputs[0]


def _relu(graph: NetworkGraph, _: Any, inputs: Inputs) -> LayerTensor:
    return LayerTensor(graph.add("Relu", inputs[0].name), inputs[0].rank, inputs[0].channels_first)


def _activation(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    return LayerTensor(activate(graph, layer.activation, inputs[0].name), inputs[0].rank, inputs[0].channels_first)


def _rescale(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    scaled = graph.add("Mul", inputs[0].name, graph.constant(np.float32(layer.scale)))
    value = graph.add("Add", scaled, graph.constant(np.float32(layer.offset)))
    return LayerTensor(value, inputs[0].rank, inputs[0].channels_first)


def _reshape(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    shape = graph.constant(np.array([-1, *layer.target_shape], dtype=np.int64))
    return LayerTensor(graph.add("Reshape", graph.channels_last(inputs[0]), shape), 1 + len(layer.target_shape))


def _flatten(graph: NetworkGraph, _: Any, inputs: Inputs) -> LayerTensor:
    return LayerTensor(graph.add("Flatten", graph.channels_last(inputs[0]), axis=1), 2)


def _dense(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    value, kernel = graph.channels_last(inputs[0]), graph.constant(weights(layer.kernel))
    bias = weights(layer.bias) if layer.use_bias else np.zeros(layer.units, dtype=np.float32)
    if inputs[0].rank == 2:
        value = graph.add("Gemm", value, kernel, graph.constant(bias))
    else:
        value = graph.add("Add", graph.add("MatMul", value, kernel), graph.constant(bias))
    return LayerTensor(activate(graph, layer.activation, value), inputs[0].rank)


def _convolution(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    kernel = weights(layer.kernel)
    # Keras: (sides..., in, out); ONNX: (out, in, sides...).
    turned = np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))
    attributes: dict[str, Any] = {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.strides),
        "dilations": list(layer.dilation_rate),
        "group": layer.groups,
    }
    if layer.padding == "causal":
        attributes["pads"] = [layer.dilation_rate[0] * (layer.kernel_size[0] - 1), 0]
    else:
        attributes["auto_pad"] = "SAME_UPPER" if layer.padding == "same" else "VALID"
    arrays = [turned, weights(layer.bias)] if layer.use_bias else [turned]
    constants = [graph.constant(array) for array in arrays]
    value = graph.add("Conv", graph.channels_first(inputs[0]), *constants, **attributes)
    return LayerTensor(activate(graph, layer.activation, value), inputs[0].rank, channels_first=True)


def _normalize(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    mean, variance = weights(layer.moving_mean), weights(layer.moving_variance)
    scale = weights(layer.gamma) if layer.scale else np.ones_like(mean)
    centre = weights(layer.beta) if layer.center else np.zeros_like(mean)
    arrays = [graph.constant(array) for array in (scale, centre, mean, variance)]
    value = graph.add(
        "BatchNormalization", graph.channels_first(inputs[0]), *arrays, epsilon=float(layer.epsilon), momentum=0.9
    )
    return LayerTensor(value, inputs[0].rank, channels_first=inputs[0].rank > 2)


def _add(graph: NetworkGraph, _: Any, inputs: Inputs) -> LayerTensor:
    if any(tensor.channels_first for tensor in inputs):
        names, first = [graph.channels_first(tensor) for tensor in inputs], True
    else:
        names, first = [tensor.name for tensor in inputs], False
    value = names[0]
    for name in names[1:]:
        value = graph.add("Add", value, name)
    return LayerTensor(value, inputs[0].rank, first)


def _concatenate(graph: NetworkGraph, _: Any, inputs: Inputs) -> LayerTensor:
    names = [graph.channels_last(tensor) for tensor in inputs]
    return LayerTensor(graph.add("Concat", *names, axis=-1), inputs[0].rank)


def _average(graph: NetworkGraph, _: Any, inputs: Inputs) -> LayerTensor:
    pooled = graph.add("GlobalAveragePool", graph.channels_first(inputs[0]))
    return LayerTensor(graph.add("Flatten", pooled, axis=1), 2)


CONVERTERS: dict[str, Callable[[NetworkGraph, Any, Inputs], LayerTensor]] = {
    "Activation": _activation,
    "Add": _add,
    "BatchNormalization": _normalize,
    "Concatenate": _concatenate,
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "Dense": _dense,
    "Dropout": _same,
    "Flatten": _flatten,
    "GlobalAveragePooling1D": _average,
    "GlobalAveragePooling2D": _average,
    "ReLU": _relu,
    "Rescaling": _rescale,
    "Reshape": _reshape,
    "SpatialDropout1D": _same,
    **TABLE_CONVERTERS,
}
"""Functions by the class of the layer; a layer that is not named here cannot become a graph."""
