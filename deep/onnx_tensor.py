"""Values of a graph of ONNX, and the order of their axes: Keras has channels last, ONNX's convolutions first."""

from dataclasses import dataclass
from typing import Any

from headrace.core.onnx_export.graph import OnnxGraph


@dataclass(frozen=True)
class LayerTensor:
    """A value of the graph.

    Attributes:
        name: Its name.
        rank: Number of its axes, the rows' among them.
        channels_first: Whether the channels are the second axis, not the last one.
    """

    name: str
    rank: int
    channels_first: bool = False


Tensor = LayerTensor
"""The name that converters of layers use beside ``NetworkGraph``."""


class NetworkGraph:
    """A graph that remembers which values it has in which order of axes."""

    def __init__(self) -> None:
        """Begin without nodes."""
        self.nodes = OnnxGraph()
        self._turned: dict[tuple[str, bool], str] = {}

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator; see ``OnnxGraph.add``."""
        return self.nodes.add(kind, *inputs, **attributes)

    def constant(self, values: Any) -> str:
        """Add a constant array."""
        return self.nodes.constant(values)

    def channels_first(self, tensor: LayerTensor) -> str:
        """Return the name of a value with its channels on the second axis."""
        if tensor.channels_first or tensor.rank < 3:
            return tensor.name
        return self._turn(tensor, (0, tensor.rank - 1, *range(1, tensor.rank - 1)), first=True)

    def channels_last(self, tensor: LayerTensor) -> str:
        """Return the name of a value with its channels on the last axis."""
        if not tensor.channels_first:
            return tensor.name
        return self._turn(tensor, (0, *range(2, tensor.rank), 1), first=False)

    def _turn(self, tensor: LayerTensor, order: tuple[int, ...], *, first: bool) -> str:
        key = (tensor.name, first)
        if key not in self._turned:
            self._turned[key] = self.add("Transpose", tensor.name, perm=list(order))
        return self._turned[key]
