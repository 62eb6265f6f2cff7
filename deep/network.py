"""What a network is to the loop that fits it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.models.networks.network_request import NetworkRequest

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Network:
    """A kind of network.

    Attributes:
        build: Builds Keras' model from the request and the matrix (n, p) of the rows that it is fitted on (for means,
            scales, medians): it takes the model matrix (n, p) of float32 and gives one raw score for each class, or one
            scaled value (n, 1) of a regression.
        augment: Changes the rows (b, p) of a batch at random, as the contract says; None for a network without.
        in_time: Returns whether the rows stand in the order of time, so that the latest ones are held out for early
            stopping; None for rows in any order.
    """

    build: Callable[[NetworkRequest, Singles], Any]
    augment: Callable[[NetworkRequest, Singles, np.random.Generator], Singles] | None = None
    in_time: Callable[[NetworkRequest], bool] | None = None


def outputs(request: NetworkRequest) -> int:
    """Return the number of outputs: one for each class, or one value."""
    return max(1, request.classes)
