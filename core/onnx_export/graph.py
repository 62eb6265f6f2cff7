"""Builder of ONNX graphs in float64.

Source of the operators: https://onnx.ai/onnx/operators. Everything is float64, as in scikit-learn: in float32 a
value next to a threshold may change sides, and with it the label.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from headrace.core.base.errors import InputError

Floats = NDArray[np.float64]

OPSET = 21
ML_OPSET = 5
_IR = 10
INPUT, OUTPUT = "X", "Y"
FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64


class InexactError(InputError):
    """No ONNX form of the model gives the same predictions."""


class OnnxGraph:
    """Nodes and constants, in the order in which they are added; the same calls give the same bytes."""

    def __init__(self) -> None:
        """Begin without nodes."""
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, values: NDArray[Any] | Sequence[Any] | float) -> str:
        """Add a constant array of any shape; Python numbers become float64.

        Returns:
            Name of the constant.
        """
        # Numbered within the graph, so that the names, and with them the bytes, do not depend on the process.
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one output.

        Args:
            kind: Name of the operator.
            inputs: Names of its inputs.
            attributes: Its attributes; ``domain`` too.

        Returns:
            Name of its output.
        """
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def model(self, output: str, *, columns: int, shape: Sequence[int | None]) -> ModelProto:
        """Build the whole model: ``X`` (n, columns) to ``Y``, both float64.

        Args:
            output: Name of the value to return as ``Y``.
            columns: Number of columns of ``X``.
            shape: Shape of ``Y``; None for the number of rows.
        """
        # Renaming saves a node, and each node costs time in every request.
        if self._nodes and self._nodes[-1].output[0] == output:
            self._nodes[-1].output[0] = OUTPUT
        else:
            self._nodes.append(helper.make_node("Identity", [output], [OUTPUT]))
        graph = helper.make_graph(
            self._nodes,
            "headrace",
            [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, columns])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, list(shape))],
            self._constants,
        )
        # Pinned, not the library's latest: the bytes must not change with the installed version of onnx.
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="headrace")
