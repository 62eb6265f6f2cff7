"""Networks over sequences: recurrent ones, and a temporal convolution.

Sources: Cho et al. 2014, https://arxiv.org/abs/1406.1078 (GRU); Hochreiter and Schmidhuber 1997, Neural Computation 9
(LSTM); Bai, Kolter and Koltun 2018, https://arxiv.org/abs/1803.01271 (temporal convolution).
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from headrace.core.models.networks.network_request import NetworkRequest
from headrace.deep.network import Network, Singles, outputs
from headrace.deep.networks.table_inputs import hide_codes, is_windows, join, scale_numbers, sequences, table_vector
from headrace.deep.table_layers import LastStep

Encode = Callable[[NetworkRequest, Any, int], Any]


def _build(encode: Encode, request: NetworkRequest, rows: Singles) -> Any:
    """Build a network: the state of the sequence and the columns beside it, then one hidden layer."""
    channels, values = sequences(request), request.values
    length = len(channels[0])
    matrix = keras.Input((rows.shape[1],))
    scaled = [scale_numbers(matrix, rows, places, together=True) for places in channels]
    steps = [layers.Reshape((length, 1))(one) for one in scaled]
    state = encode(request, join(steps), length)
    beside = table_vector(request, matrix, rows, without=[place for places in channels for place in places])
    value = layers.Dense(values["units"], activation="relu")(join([state, *beside]))
    value = layers.Dropout(values["dropout"], seed=request.seed)(value)
    return keras.Model(matrix, layers.Dense(outputs(request), dtype="float32")(value))


def _gru(request: NetworkRequest, steps: Any, _: int) -> Any:
    return layers.GRU(request.values["units"])(steps)


def _lstm(request: NetworkRequest, steps: Any, _: int) -> Any:
    return layers.LSTM(request.values["units"])(steps)


def _tcn(request: NetworkRequest, steps: Any, length: int) -> Any:
    """Stack residual blocks of causal convolutions, each twice as far apart, until the first step is seen."""
    units, size = request.values["units"], request.values["kernel_size"]
    value, apart, seen = steps, 1, 1
    while seen < length:
        inner = layers.Conv1D(units, size, padding="causal", dilation_rate=apart, activation="relu")(value)
        inner = layers.Conv1D(units, size, padding="causal", dilation_rate=apart)(inner)
        if value.shape[-1] != units:
            value = layers.Conv1D(units, 1)(value)
        value = layers.ReLU()(layers.Add()([inner, value]))
        seen += 2 * (size - 1) * apart
        apart *= 2
    return LastStep()(value)


def _network(encode: Encode) -> Network:
    return Network(build=lambda request, rows: _build(encode, request, rows), augment=hide_codes, in_time=is_windows)


GRU, LSTM, TCN = _network(_gru), _network(_lstm), _network(_tcn)
