"""A perceptron over a table, with a learned vector for each category.

Source: Guo and Berkhahn 2016, Entity embeddings of categorical variables, https://arxiv.org/abs/1604.06737
"""

from typing import Any

import keras
from keras import layers

from headrace.core.models.networks.network_request import NetworkRequest
from headrace.deep.network import Network, Singles, outputs
from headrace.deep.networks.table_inputs import hide_codes, join, table_vector


def build(request: NetworkRequest, rows: Singles) -> Any:
    """Build the network of a matrix (n, p), given the rows (m, p) that it is fitted on."""
    values = request.values
    matrix = keras.Input((rows.shape[1],))
    value = join(table_vector(request, matrix, rows))
    for layer in range(values["layers"]):
        value = layers.Dense(values["units"], activation="relu")(value)
        value = layers.Dropout(values["dropout"], seed=request.seed + layer)(value)
    return keras.Model(matrix, layers.Dense(outputs(request), dtype="float32")(value))


NETWORK = Network(build=build, augment=hide_codes)
