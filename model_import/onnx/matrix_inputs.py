"""The nodes that take the model matrix apart into the inputs of a graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from headrace.core.base.errors import InputError, quote
from headrace.model_import.imported_model import CategoryCodes
from headrace.model_import.onnx.find_output import width_of
from headrace.model_import.signature import InputColumn

PREFIX = "headrace_"
_TYPES = {
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.INT64,
    TensorProto.INT32,
    TensorProto.BOOL,
    TensorProto.STRING,
}
_UNCHANGED = {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Gather"}
# What no list of categories holds: an encoder takes it for a text that it does not know.
_UNLISTED = "\x00unlisted"


class MatrixInputs:
    """The nodes that take the model matrix apart into the inputs of a graph."""

    def __init__(self, graph: ModelProto, source: str) -> None:
        """Begin without nodes.

        Args:
            graph: The graph whose inputs are made.
            source: Name of its file in messages.
        """
        self.nodes: list[NodeProto] = []
        self.arrays: list[TensorProto] = []
        self.coded: dict[str, CategoryCodes] = {}
        self._graph, self._source = graph.graph, source

    def take_apart(self, inputs: Sequence[Any], columns: Sequence[InputColumn]) -> None:
        """Add the nodes for each input: the whole matrix, or one column."""
        for one in inputs:
            if one.type.tensor_type.elem_type not in _TYPES:
                raise InputError(f"the input {quote(one.name)} of {self._source} must be numbers, booleans or texts.")
        if len(inputs) == 1 and (len(columns) > 1 or columns[0].name != inputs[0].name):
            self._whole(inputs[0], columns)
            return
        places = {column.name: place for place, column in enumerate(columns)}
        for one in inputs:
            if one.name not in places or width_of(one) != 1:
                raise InputError(
                    f"each input of {self._source} must be one column of the signature, {quote(list(places), 300)}; "
                    f"{quote(one.name)} is not."
                )
            self._column(one, columns[places.pop(one.name)], [column.name for column in columns].index(one.name))
        if places:
            raise InputError(
                f"{self._source} must take all columns of the signature; it does not take {quote(list(places))}."
            )

    def _whole(self, one: Any, columns: Sequence[InputColumn]) -> None:
        sizes = one.type.tensor_type.shape.dim
        texts = [column.name for column in columns if column.dtype == "string"]
        if one.type.tensor_type.elem_type == TensorProto.STRING or texts:
            raise InputError(f"{self._source} takes one matrix, which must hold numbers only to be imported.")
        if len(sizes) != 2 or sizes[1].dim_value not in {0, len(columns)}:
            raise InputError(
                f"{self._source} must take rows (n, {len(columns)}), as its signature says; its input is "
                f"{[size.dim_value or size.dim_param for size in sizes]}."
            )
        narrow = [column.name for column in columns if column.is_single]
        kind, taken = one.type.tensor_type.elem_type, "X"
        if narrow and kind == TensorProto.DOUBLE:
            if len(narrow) < len(columns):
                raise InputError(
                    f"{self._source} takes one matrix of float64, so the signature must have doubles only; "
                    f"{quote(narrow[0])} is float32."
                )
            taken = self._add("Cast", ["X"], to=TensorProto.FLOAT)
        self._add("Cast", [taken], one.name, to=kind)

    def _column(self, one: Any, column: InputColumn, place: int) -> None:
        kind, name = one.type.tensor_type.elem_type, one.name
        taken = self._add("Gather", ["X", self._array(np.array([place], dtype=np.int64))], axis=1)
        if len(one.type.tensor_type.shape.dim) == 1:
            taken = self._add("Reshape", [taken, self._array(np.array([-1], dtype=np.int64))])
        if kind != TensorProto.STRING:
            if column.dtype == "string":
                raise InputError(
                    f"the column {quote(name)} must be a number, as {self._source} takes it; it is a text."
                )
            if column.is_single and kind == TensorProto.DOUBLE:
                taken = self._add("Cast", [taken], to=TensorProto.FLOAT)
            self._add("Cast", [taken], name, to=kind)
            return
        texts, accepts = self._categories(name)
        codes = self._add("Cast", [taken], to=TensorProto.INT64)
        self._add(
            "LabelEncoder", [codes], name, domain="ai.onnx.ml", keys_int64s=list(range(len(texts))),
            values_strings=list(texts), default_string=_UNLISTED,
        )  # fmt: skip
        self.coded[name] = CategoryCodes(texts, unseen=accepts, missing=False)
        self.coded[name].check(name)

    def _categories(self, name: str) -> tuple[tuple[str, ...], bool]:
        """Return the texts that the graph knows in an input, and whether it takes others."""
        reached, known, accepts = {name}, set[tuple[str, ...]](), True
        for node in self._graph.node:
            if not reached.intersection(node.input):
                continue
            # skl2onnx writes a Gather of column 0 for a column of its own.
            if node.op_type in _UNCHANGED or (node.op_type == "Concat" and len(node.input) == 1):
                reached |= set(node.output)
                continue
            texts, takes_others = _texts_of(node)
            known.add(texts)
            accepts = accepts and takes_others
        if len(known) != 1 or known == {()}:
            raise InputError(
                f"the text column {quote(name)} must go through one encoder that lists its categories to be imported; "
                f"in {self._source} it does not."
            )
        return known.pop(), accepts

    def _add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        name = output or f"{PREFIX}v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _array(self, values: Any) -> str:
        name = f"{PREFIX}a{len(self.arrays)}"
        self.arrays.append(numpy_helper.from_array(values, name))
        return name


def _texts_of(node: NodeProto) -> tuple[tuple[str, ...], bool]:
    """Return the texts that an encoder lists, and whether it takes others; none for another operator."""
    facts = {one.name: one for one in node.attribute}
    listed = {"OneHotEncoder": "cats_strings", "LabelEncoder": "keys_strings"}.get(node.op_type, "")
    texts = tuple(text.decode() for text in facts[listed].strings) if listed in facts else ()
    return texts, "zeros" not in facts or facts["zeros"].i == 1
