"""A small residual network for pictures.

Source: He et al., Deep residual learning for image recognition, 2015, https://arxiv.org/abs/1512.03385
"""

from typing import Any

import keras
from keras import layers

from headrace.core.models.networks.network_request import NetworkRequest
from headrace.deep.augmentation import augment_pictures
from headrace.deep.network import Network, Singles, outputs

_SMALLEST_SIDE = 4
_MOST_STAGES = 5


def build(request: NetworkRequest, _: Singles) -> Any:
    """Build the network: stages of residual blocks, each of half the side and twice the filters of the one before.

    Args:
        request: The fit.
        _: The matrix (n, p), of which nothing is learned before the fit.
    """
    picture, values = request.inputs[0].facts, request.values
    shape = (picture["height"], picture["width"], picture["channels"])
    pixels = keras.Input((request.inputs[0].columns,))
    value = layers.Rescaling(1 / 127.5, offset=-1.0)(layers.Reshape(shape)(pixels))
    filters = values["filters"]
    value = layers.ReLU()(_convolve(value, filters, 3))
    for stage in range(stages(min(shape[:2]))):
        for block in range(values["blocks"]):
            value = _residual(value, filters * 2**stage, 2 if stage and not block else 1)
    value = layers.GlobalAveragePooling2D(name="embedding")(value)
    value = layers.Dropout(values["dropout"], seed=request.seed)(value)
    # The sum of the loss is float32 whatever the layers before compute with.
    return keras.Model(pixels, layers.Dense(outputs(request), dtype="float32")(value))


def stages(side: int) -> int:
    """Return the number of stages for pictures of that shorter side, in pixels: halved until about four are left."""
    count = 1
    while side >= 2 * _SMALLEST_SIDE and count < _MOST_STAGES:
        side, count = side // 2, count + 1
    return count


def _convolve(value: Any, filters: int, size: int, stride: int = 1) -> Any:
    value = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(value)
    # Keras' own 0.99 follows too slowly for the few steps of a small table.
    return layers.BatchNormalization(momentum=0.9)(value)


def _residual(value: Any, filters: int, stride: int) -> Any:
    inner = layers.ReLU()(_convolve(value, filters, 3, stride))
    inner = _convolve(inner, filters, 3)
    if stride > 1 or value.shape[-1] != filters:
        value = _convolve(value, filters, 1, stride)
    return layers.ReLU()(layers.Add()([inner, value]))


NETWORK = Network(build=build, augment=augment_pictures)
