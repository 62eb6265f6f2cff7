"""Layers over columns and recurrent layers as operators of ONNX; see ``onnx_layers``.

Sources: https://onnx.ai/onnx/operators/onnx__GRU.html, https://onnx.ai/onnx/operators/onnx__LSTM.html; Keras orders the
gates of a GRU as ONNX does (update, reset, candidate), those of an LSTM as input, forget, candidate, output.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InternalError
from headrace.core.onnx_export.graph import FLOAT, INT64
from headrace.deep.onnx_tensor import LayerTensor, NetworkGraph
from headrace.deep.table_layers import LARGEST, SMALLEST

Inputs = Sequence[LayerTensor]
Singles = NDArray[np.float32]
# Places of ONNX's gates (input, output, forget, candidate) among Keras'.
_LSTM_ORDER = (0, 3, 1, 2)


def _singles(values: Any) -> Singles:
    return np.asarray(values, dtype=np.float32)


def _whole(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _columns(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    return LayerTensor(graph.add("Gather", inputs[0].name, graph.constant(_whole(*layer.places)), axis=1), 2)


def _scale(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    value = inputs[0].name
    centred = graph.add("Sub", value, graph.constant(_singles(layer.means)))
    scaled = graph.add("Div", centred, graph.constant(_singles(layer.scales)))
    ends = [graph.constant(np.array(end, dtype=np.float32)) for end in (-LARGEST, LARGEST)]
    clipped = graph.add("Clip", scaled, *ends)
    zero = graph.constant(np.array(0.0, dtype=np.float32))
    return LayerTensor(graph.add("Where", graph.add("IsNaN", value), zero, clipped), 2)


def _flags(graph: NetworkGraph, _: Any, inputs: Inputs) -> LayerTensor:
    return LayerTensor(graph.add("Cast", graph.add("IsNaN", inputs[0].name), to=FLOAT), 2)


def _embed(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    codes = graph.add("Squeeze", inputs[0].name, graph.constant(_whole(1)))
    missing = graph.constant(np.array(-2.0, dtype=np.float32))
    known = graph.add("Where", graph.add("IsNaN", codes), missing, codes)
    shifted = graph.add("Add", known, graph.constant(np.array(2.0, dtype=np.float32)))
    ends = [graph.constant(np.array(end, dtype=np.float32)) for end in (0.0, layer.categories + 1.0)]
    rows = graph.add("Cast", graph.add("Clip", shifted, *ends), to=INT64)
    return LayerTensor(graph.add("Gather", graph.constant(_singles(layer.table.value)), rows, axis=0), 2)


def _reconstruction_error(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    off = graph.add("Sub", inputs[0].name, inputs[1].name)
    by_column = graph.add("MatMul", graph.add("Mul", off, off), graph.constant(_singles(layer.shares())))
    mean = graph.add("ReduceSum", by_column, graph.constant(_whole(1)), keepdims=1)
    return LayerTensor(
        graph.add("Sqrt", graph.add("Add", mean, graph.constant(np.array(SMALLEST, dtype=np.float32)))), 2
    )


def _last_step(graph: NetworkGraph, _: Any, inputs: Inputs) -> LayerTensor:
    value = graph.add("Gather", graph.channels_last(inputs[0]), graph.constant(np.array(-1, dtype=np.int64)), axis=1)
    return LayerTensor(value, 2)


def _recurrent(graph: NetworkGraph, layer: Any, inputs: Inputs, order: Sequence[int], **attributes: Any) -> LayerTensor:
    cell, gates = layer.cell, len(order)
    functions = (cell.activation.__name__, cell.recurrent_activation.__name__)
    if functions != ("tanh", "sigmoid") or layer.return_sequences or layer.go_backwards or not cell.use_bias:
        raise InternalError(
            f"a {type(layer).__name__} must be Keras' own, with tanh, sigmoid and biases, and give its last state; "
            f"this one does not: add it to deep/onnx_table_layers."
        )

    def turn(values: Any) -> Singles:
        """Return weights (k, gates * units) as (1, gates * units, k), the gates in ONNX's order."""
        parts = np.split(_singles(values), gates, axis=-1)
        return np.concatenate([parts[place] for place in order], axis=-1).T[None]

    # Keras' GRU has two biases, its LSTM one.
    biases = _singles(cell.bias.value)
    both = biases if biases.ndim == 2 else np.stack([biases, np.zeros_like(biases)])
    bias = np.concatenate([turn(row[None])[0, :, 0] for row in both])[None]
    steps_first = graph.add("Transpose", graph.channels_last(inputs[0]), perm=[1, 0, 2])
    arrays = [graph.constant(turn(weight.value)) for weight in (cell.kernel, cell.recurrent_kernel)]
    every = graph.add(
        type(layer).__name__, steps_first, *arrays, graph.constant(bias), hidden_size=layer.units, **attributes
    )
    # (t, directions, n, units): the last step of the only direction.
    last = graph.add("Gather", every, graph.constant(np.array(-1, dtype=np.int64)), axis=0)
    return LayerTensor(graph.add("Squeeze", last, graph.constant(_whole(0))), 2)


def _gru(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    if not layer.cell.reset_after:
        raise InternalError("a GRU must reset after the product, which is Keras' default; this one does not.")
    return _recurrent(graph, layer, inputs, (0, 1, 2), linear_before_reset=1)


def _lstm(graph: NetworkGraph, layer: Any, inputs: Inputs) -> LayerTensor:
    return _recurrent(graph, layer, inputs, _LSTM_ORDER)


TABLE_CONVERTERS: dict[str, Callable[[NetworkGraph, Any, Inputs], LayerTensor]] = {
    "Columns": _columns,
    "EmbedCodes": _embed,
    "GRU": _gru,
    "LSTM": _lstm,
    "LastStep": _last_step,
    "MissingFlags": _flags,
    "OneHotCodes": _embed,
    "ReconstructionError": _reconstruction_error,
    "ScaleNumbers": _scale,
}
"""Functions by the class of the layer."""
