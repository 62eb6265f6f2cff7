"""Where the scores of a graph are, and of which classes."""

from dataclasses import dataclass
from typing import Any

from onnx import ModelProto, NodeProto, TensorProto

from headrace.core.base.errors import InputError, quote

_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE}


@dataclass(frozen=True)
class GraphOutput:
    """Where the scores of a graph are.

    Attributes:
        name: Name of the value.
        classes: The classes; empty for a regression.
        single: Whether it is one column: the probability of the second class, or the value.
        texts: Texts of a label, whose places are the value; empty for numbers.
    """

    name: str
    classes: tuple[Any, ...]
    single: bool
    texts: tuple[str, ...] = ()


def find_output(graph: ModelProto, given: tuple[str, ...], source: str) -> GraphOutput:
    """Find probabilities, or the one value.

    Args:
        graph: The graph.
        given: Names of the classes that a person gave.
        source: Name of its file in messages.

    Raises:
        InputError: If there is no one such output, or the names do not fit it.
    """
    makers = {name: node for node in graph.graph.node for name in node.output}
    for one in graph.graph.output:
        maker = makers.get(one.name)
        if maker is not None and maker.op_type == "ZipMap":
            labels = _labels(maker)
            if given and len(given) != len(labels):
                raise InputError(
                    f"{source} predicts {len(labels)} classes; got {len(given)} names: {quote(list(given))}."
                )
            return GraphOutput(maker.input[0], labels, single=False)
    known = next((labels for node in graph.graph.node if (labels := _labels(node))), ())
    scores = [one for one in graph.graph.output if one.type.tensor_type.elem_type in _FLOATS]
    if len(scores) != 1:
        names = [one.name for one in graph.graph.output]
        raise InputError(
            f"{source} must have one output of scores, float32 or float64, to be imported; its outputs are "
            f"{quote(names)}."
        )
    width = width_of(scores[0])
    if width > 1:
        classes = known if len(known) == width else tuple(range(width)) if len(graph.graph.output) > 1 else given
        if len(classes) != width:
            raise InputError(
                f"the output {quote(scores[0].name)} of {source} has {width} columns; name their "
                f"{width} classes by --class."
            )
        return GraphOutput(scores[0].name, classes, single=False)
    if len(given) not in {0, 2}:
        raise InputError(
            f"{source} gives one number a row: name two classes, or none for a regression; got {len(given)}."
        )
    return GraphOutput(scores[0].name, given, single=True)


def width_of(value: Any) -> int:
    """Return the number of columns of a graph's input or output; 0 if it has no columns."""
    sizes = value.type.tensor_type.shape.dim
    return int(sizes[1].dim_value) if len(sizes) == 2 else 1 if len(sizes) == 1 else 0


def _labels(node: NodeProto) -> tuple[Any, ...]:
    for one in node.attribute:
        if one.name == "classlabels_strings" and one.strings:
            return tuple(text.decode() for text in one.strings)
        if one.name in {"classlabels_int64s", "classlabels_ints"} and one.ints:
            return tuple(one.ints)
    return ()
