"""The flavour ``onnx`` of MLflow: a graph becomes part of one that takes the model matrix.

Its own operators and arrays stay as they are, in their own precision; before them the matrix is taken apart into the
graph's inputs, after them the scores are widened to float64.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from sklearn.pipeline import Pipeline

from headrace.core.base.errors import BundleError, InputError, quote
from headrace.core.base.notes import Note
from headrace.core.inference import engine, onnx_safety
from headrace.core.inference.onnx_estimator import OnnxClassifier, OnnxRegressor
from headrace.model_import.imported_model import ImportedModel, ReadingOptions
from headrace.model_import.model_folder import ModelFolder
from headrace.model_import.signature import InputColumn, Signature
from headrace.model_import.sklearn.coded_columns import CodedColumn

_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE}
_TYPES = {*_FLOATS, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.STRING}
# The newest operator sets of the ONNX Runtime that this version of the suite was tested with.
NEWEST_OPSET, NEWEST_ML_OPSET = 24, 5
_PREFIX = "headrace_"
_UNLISTED = "\x00unlisted"


@dataclass(frozen=True)
class _Output:
    """Where the scores of a graph are.

    Attributes:
        name: Name of the value.
        classes: The classes; empty for a regression.
        single: Whether it is one column: the probability of the second class, or the value.
    """

    name: str
    classes: tuple[Any, ...]
    single: bool


def import_onnx(
    model: ModelFolder, facts: Mapping[str, Any], signature: Signature, options: ReadingOptions
) -> ImportedModel:
    """Read a model of ONNX.

    Args:
        model: The model's folder.
        facts: What ``MLmodel`` says of the flavour.
        signature: The model's signature.
        options: What a person says of it: names of classes, for a graph whose outputs have none.

    Raises:
        InputError: If it holds operators that are not reviewed, is of a newer version, or its inputs or outputs have no
            place in a contract.
    """
    name = str(facts.get("data") or "")
    source = str(model.path / name)
    graph = _parse(model.read(name), source)
    _check(graph, source)
    output = _find_output(graph, options.classes, source)
    inputs = [one for one in graph.graph.input if one.name not in {array.name for array in graph.graph.initializer}]
    matrix = _Matrix(graph, source)
    matrix.take_apart(inputs, signature.columns)
    content = _embed(graph, matrix, output, width=len(signature.columns))
    width, count = len(signature.columns), len(output.classes)
    try:
        onnx_safety.check(content, source)
        engine.load_graph(content, columns=width, classes=count)
    except BundleError as error:
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise InputError(f"{source} must be a graph that ONNX Runtime loads and runs; it does not: {reason}") from error
    estimator = (OnnxClassifier if count else OnnxRegressor).of(content, columns=width, classes=count)
    return ImportedModel(
        estimator=Pipeline([("prepare", "passthrough"), ("estimator", estimator)]),
        columns=signature.columns,
        classes=output.classes,
        family="onnx",
        flavor="onnx",
        library=" ".join(filter(None, (graph.producer_name, graph.producer_version))),
        coded=matrix.coded,
        graph=content,
        notes=_notes(inputs),
    )


def _notes(inputs: Sequence[Any]) -> tuple[Note, ...]:
    if not any(one.type.tensor_type.elem_type == TensorProto.FLOAT for one in inputs):
        return ()
    sentence = "The graph computes in float32 and keeps that precision: numbers are rounded to seven digits before it."
    return (Note("info", "", "precision", 0, sentence),)


def _parse(content: bytes, source: str) -> ModelProto:
    try:
        return onnx.load_model_from_string(content)
    except Exception as error:  # the parser of protocol buffers has an exception of its own
        raise InputError(f"{source} must be a model of ONNX; it cannot be read.") from error


def _check(graph: ModelProto, source: str) -> None:
    if graph.functions or graph.training_info:
        raise InputError(f"{source} must be one graph without functions of its own to be imported; it has some.")
    for one in graph.opset_import:
        newest = {"": NEWEST_OPSET, "ai.onnx": NEWEST_OPSET, "ai.onnx.ml": NEWEST_ML_OPSET}.get(one.domain)
        if newest is None:
            raise InputError(f"{source} must use operators of ONNX only; it uses those of {quote(one.domain)}.")
        if one.version > newest:
            raise InputError(
                f"{source} must use operator set {newest} of {one.domain or 'ai.onnx'} at most; it uses {one.version}: "
                f"export it again with an older one."
            )
    for array in graph.graph.initializer:
        if array.external_data or array.data_location == TensorProto.EXTERNAL:
            raise InputError(f"{source} must hold its arrays itself to be imported; {quote(array.name)} is in another file.")
    if graph.graph.sparse_initializer:
        raise InputError(f"{source} must have dense arrays only to be imported; it has sparse ones.")
    reviewed = onnx_safety.OPERATORS | onnx_safety.IMPORTED_OPERATORS | {("", "Constant"), ("ai.onnx.ml", "ZipMap")}
    for node in graph.graph.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if (domain, node.op_type) not in reviewed:
            raise InputError(
                f"{source} must hold reviewed operators only to be imported; {quote('.'.join(filter(None, (domain, node.op_type))))} "
                "is none of them."
            )
        if any(one.type in {onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS} for one in node.attribute):
            raise InputError(f"{source} must hold operators without graphs of their own; {node.op_type} has one.")


def _find_output(graph: ModelProto, given: tuple[str, ...], source: str) -> _Output:
    """Find probabilities, or the one value."""
    makers = {name: node for node in graph.graph.node for name in node.output}
    for one in graph.graph.output:
        maker = makers.get(one.name)
        if maker is not None and maker.op_type == "ZipMap":
            labels = _labels(maker)
            if given and len(given) != len(labels):
                raise InputError(f"{source} predicts {len(labels)} classes; got {len(given)} names: {quote(list(given))}.")
            return _Output(maker.input[0], labels, single=False)
    known = next((labels for node in graph.graph.node if (labels := _labels(node))), ())
    scores = [one for one in graph.graph.output if one.type.tensor_type.elem_type in _FLOATS]
    if len(scores) != 1:
        names = [one.name for one in graph.graph.output]
        raise InputError(
            f"{source} must have one output of scores, float32 or float64, to be imported; its outputs are {quote(names)}."
        )
    width = _width(scores[0])
    if width > 1:
        classes = known if len(known) == width else tuple(range(width)) if len(graph.graph.output) > 1 else given
        if len(classes) != width:
            raise InputError(
                f"the output {quote(scores[0].name)} of {source} has {width} columns; name their {width} classes by --class."
            )
        return _Output(scores[0].name, classes, single=False)
    if len(given) not in {0, 2}:
        raise InputError(f"{source} gives one number a row: name two classes, or none for a regression; got {len(given)}.")
    return _Output(scores[0].name, given, single=True)


def _width(value: Any) -> int:
    sizes = value.type.tensor_type.shape.dim
    return int(sizes[1].dim_value) if len(sizes) == 2 else 1 if len(sizes) == 1 else 0


def _labels(node: NodeProto) -> tuple[Any, ...]:
    for one in node.attribute:
        if one.name in {"classlabels_strings"} and one.strings:
            return tuple(text.decode() for text in one.strings)
        if one.name in {"classlabels_int64s", "classlabels_ints"} and one.ints:
            return tuple(one.ints)
    return ()


class _Matrix:
    """The nodes that take the model matrix apart into the inputs of a graph."""

    def __init__(self, graph: ModelProto, source: str) -> None:
        self.nodes: list[NodeProto] = []
        self.arrays: list[TensorProto] = []
        self.coded: dict[str, CodedColumn] = {}
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
            if one.name not in places or _width(one) != 1:
                raise InputError(
                    f"each input of {self._source} must be one column of the signature, {quote(list(places), 300)}; "
                    f"{quote(one.name)} is none."
                )
            self._column(one, columns[places.pop(one.name)], [column.name for column in columns].index(one.name))
        if places:
            raise InputError(f"{self._source} must take all columns of the signature; it does not take {quote(list(places))}.")

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
        self._add("Cast", ["X"], one.name, to=one.type.tensor_type.elem_type)

    def _column(self, one: Any, column: InputColumn, place: int) -> None:
        kind, name = one.type.tensor_type.elem_type, one.name
        taken = self._add("Gather", ["X", self._array(np.array([place], dtype=np.int64))], axis=1)
        if len(one.type.tensor_type.shape.dim) == 1:
            taken = self._add("Reshape", [taken, self._array(np.array([-1], dtype=np.int64))])
        if kind != TensorProto.STRING:
            if column.dtype == "string":
                raise InputError(f"the column {quote(name)} must be a number, as {self._source} takes it; it is a text.")
            self._add("Cast", [taken], name, to=kind)
            return
        texts, accepts = self._categories(name)
        codes = self._add("Cast", [taken], to=TensorProto.INT64)
        self._add(
            "LabelEncoder", [codes], name, domain="ai.onnx.ml", keys_int64s=list(range(len(texts))),
            values_strings=list(texts), default_string=_UNLISTED,
        )  # fmt: skip
        self.coded[name] = CodedColumn(texts, accepts)

    def _categories(self, name: str) -> tuple[tuple[str, ...], bool]:
        """Return the texts that the graph knows in an input, and whether it takes others."""
        reached, texts, accepts = {name}, None, True
        for node in self._graph.node:
            if not reached.intersection(node.input):
                continue
            if node.op_type == "OneHotEncoder":
                facts = {one.name: one for one in node.attribute}
                found = tuple(text.decode() for text in facts["cats_strings"].strings) if "cats_strings" in facts else ()
                accepts = accepts and ("zeros" not in facts or facts["zeros"].i == 1)
            elif node.op_type == "LabelEncoder":
                found = tuple(text.decode() for one in node.attribute if one.name == "keys_strings" for text in one.strings)
            elif node.op_type in {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}:
                reached |= set(node.output)
                continue
            elif node.op_type == "Gather" or (node.op_type == "Concat" and len(node.input) == 1):
                # skl2onnx writes a Gather of column 0 for a column of its own.
                reached |= set(node.output)
                continue
            else:
                found = ()
            if not found or (texts is not None and texts != found):
                break
            texts = found
        if not texts:
            raise InputError(
                f"the text column {quote(name)} must go through one encoder that lists its categories to be imported; in "
                f"{self._source} it does not."
            )
        return texts, accepts

    def _add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        name = output or f"{_PREFIX}v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _array(self, values: Any) -> str:
        name = f"{_PREFIX}a{len(self.arrays)}"
        self.arrays.append(numpy_helper.from_array(values, name))
        return name


def _embed(model: ModelProto, matrix: _Matrix, output: _Output, *, width: int) -> bytes:
    """Return the graph that takes the matrix ``X`` (n, p) and gives ``Y``, with the nodes of the model in it."""
    body, arrays = _needed(model, output.name)
    rename = {name: f"{_PREFIX}{name}" for name in ("X", "Y")}
    nodes = [_renamed(node, rename) for node in (*matrix.nodes, *body)]
    # The matrix itself keeps its name.
    for node in nodes[: len(matrix.nodes)]:
        node.input[:] = ["X" if name == rename["X"] else name for name in node.input]
    scores = rename.get(output.name, output.name)
    shape: list[int | None] = [None, len(output.classes)] if output.classes else [None]
    last = [helper.make_node("Cast", [scores], [f"{_PREFIX}wide"], to=TensorProto.DOUBLE)]
    wide = f"{_PREFIX}wide"
    own = list(matrix.arrays)
    if output.single:
        size = [-1, 1] if output.classes else [-1]
        own.append(numpy_helper.from_array(np.array(size, dtype=np.int64), f"{_PREFIX}shape"))
        last.append(helper.make_node("Reshape", [wide, f"{_PREFIX}shape"], [f"{_PREFIX}one" if output.classes else "Y"]))
        if output.classes:
            own.append(numpy_helper.from_array(np.array(1.0), f"{_PREFIX}unit"))
            last.append(helper.make_node("Sub", [f"{_PREFIX}unit", f"{_PREFIX}one"], [f"{_PREFIX}other"]))
            last.append(helper.make_node("Concat", [f"{_PREFIX}other", f"{_PREFIX}one"], ["Y"], axis=1))
    else:
        own.append(numpy_helper.from_array(np.array([-1, len(output.classes)], dtype=np.int64), f"{_PREFIX}shape"))
        last.append(helper.make_node("Reshape", [wide, f"{_PREFIX}shape"], ["Y"]))
    kept = [_array(array, rename) for array in arrays]
    made = helper.make_graph(
        [*nodes, *last],
        "headrace",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info("Y", TensorProto.DOUBLE, shape)],
        [*kept, *own],
    )
    opsets = [helper.make_opsetid("" if one.domain == "ai.onnx" else one.domain, one.version) for one in model.opset_import]
    if matrix.coded and not any(one.domain == "ai.onnx.ml" and one.version >= 2 for one in opsets):
        # The encoder that gives texts for codes is of the second set.
        opsets = [one for one in opsets if one.domain != "ai.onnx.ml"] + [helper.make_opsetid("ai.onnx.ml", 2)]
    whole = helper.make_model(made, opset_imports=opsets, ir_version=min(model.ir_version, 10), producer_name="headrace")
    return bytes(whole.SerializeToString(deterministic=True))


def _needed(model: ModelProto, output: str) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return the nodes and arrays that an output depends on, in order; constants become arrays."""
    wanted, kept = {output}, []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted |= set(node.input)
    arrays = [array for array in model.graph.initializer if array.name in wanted]
    for node in kept:
        if node.op_type == "Constant":
            arrays.append(_constant(node))
    return [node for node in reversed(kept) if node.op_type != "Constant"], arrays


def _constant(node: NodeProto) -> TensorProto:
    """Return the array of a node ``Constant``."""
    attribute = node.attribute[0]
    if attribute.name == "value":
        array = TensorProto()
        array.CopyFrom(attribute.t)
        array.name = node.output[0]
        return array
    value = helper.get_attribute_value(attribute)
    dtype = np.float32 if "float" in attribute.name else np.int64
    return numpy_helper.from_array(np.asarray(value, dtype=dtype), node.output[0])


def _renamed(node: NodeProto, rename: Mapping[str, str]) -> NodeProto:
    new = NodeProto()
    new.op_type, new.domain = node.op_type, "" if node.domain == "ai.onnx" else node.domain
    new.input.extend(rename.get(name, name) for name in node.input)
    new.output.extend(rename.get(name, name) for name in node.output)
    new.attribute.extend(node.attribute)
    return new


def _array(array: TensorProto, rename: Mapping[str, str]) -> TensorProto:
    new = TensorProto()
    new.CopyFrom(array)
    new.name = rename.get(array.name, array.name)
    new.doc_string = ""
    return new
