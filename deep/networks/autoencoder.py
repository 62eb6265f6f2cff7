"""An autoencoder over a table: its answer is how badly it rebuilds a row that was squeezed through few numbers.

Source: Hinton and Salakhutdinov 2006, Reducing the dimensionality of data with neural networks, Science 313.

The network's output is the root of the mean squared error of the reconstruction, and it is fitted to 0: the squared
error of that is what an autoencoder minimizes.
"""

from typing import Any

import keras
import numpy as np
from keras import layers

from headrace.core.models.networks.network_request import NetworkRequest
from headrace.deep.network import Network, Singles
from headrace.deep.networks.table_inputs import join, scale_numbers
from headrace.deep.table_layers import Columns, MissingFlags, OneHotCodes, ReconstructionError


def build(request: NetworkRequest, rows: Singles) -> Any:
    """Build the network of a matrix (n, p), given the rows (m, p) that it is fitted on."""
    values = request.values
    matrix = keras.Input((rows.shape[1],))
    parts, places = _parts(request, matrix, rows)
    inputs = join(parts)
    code = layers.Dense(values["units"], activation="relu")(inputs)
    code = layers.Dense(values["code"], name="embedding")(code)
    rebuilt = layers.Dense(values["units"], activation="relu")(code)
    rebuilt = layers.Dense(len(places), dtype="float32")(rebuilt)
    return keras.Model(matrix, ReconstructionError(places, rows.shape[1])([inputs, rebuilt]))


def _parts(request: NetworkRequest, matrix: Any, rows: Singles) -> tuple[list[Any], list[int]]:
    """Return the parts (n, q) that are rebuilt, and the column of the matrix of each of their q columns."""
    numbers = [block.start for block in request.inputs if block.kind == "number"]
    parts, places = ([scale_numbers(matrix, rows, numbers)], list(numbers)) if numbers else ([], [])
    gaps = [place for place in numbers if np.isnan(rows[:, place]).any()]
    if gaps:
        parts.append(MissingFlags()(Columns(gaps)(matrix)))
        places += gaps
    for block in request.inputs:
        if block.kind == "category":
            parts.append(OneHotCodes(block.categories)(Columns([block.start])(matrix)))
            places += [block.start] * (block.categories + 2)
    return parts, places


NETWORK = Network(build=build)
