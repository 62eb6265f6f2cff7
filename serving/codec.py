"""Requests and answers of the V1 and the V2 inference protocol, as pure functions over JSON documents.

Source: https://kserve.github.io/website/docs/concepts/architecture/data-plane (Data Plane V1; Open Inference Protocol).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from headrace.core import records
from headrace.core.answers import Answer
from headrace.core.contract import Contract
from headrace.core.errors import InputError, shown

Document = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """What answers name.

    Attributes:
        name: Name of the model on this endpoint.
        version: Digest of its bundle.
        classes: Class labels in the order of the probabilities; empty for a regression.
    """

    name: str
    version: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Datatype:
    """A tensor's datatype in V2.

    Attributes:
        noun: What a value is called.
        holds: Whether a JSON value may stand in such a tensor.
    """

    noun: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Protocol:
    """How a protocol is spoken.

    Attributes:
        table: Raw table of a request.
        answer: Document of the answers to a request.
    """

    table: Callable[[Document, Contract], pl.DataFrame]
    answer: Callable[[Sequence[Answer], Document, Served], Document]


def document(body: bytes) -> Document:
    """The JSON object of a request's body.

    Raises:
        InputError: If it is none.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the body must be JSON (without NaN or Infinity); {error}.") from error
    if not isinstance(found, dict):
        raise InputError(f"the body must be a JSON object; got {shown(found, 40)} instead.")
    return found


def v1_table(request: Document, contract: Contract) -> pl.DataFrame:
    """The raw table of ``{"instances": [...]}``: objects by column name, or arrays in the contract's order.

    Raises:
        InputError: If there are no instances, or they are of another form.
    """
    rows = request.get("instances")
    if not isinstance(rows, list):
        raise InputError(
            'the body must be {"instances": [ROW, ...]}, each row an object by column name or an array of values; '
            f"got {shown(sorted(request))} instead."
        )
    return records.table(rows, contract)


def v1_answer(answers: Sequence[Answer], _: Document, __: Served) -> Document:
    """``{"predictions": [...]}``, one object for each row."""
    return {"predictions": list(answers)}


def _integers(bits: int, *, signed: bool) -> Datatype:
    allowed = range(-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else range(2**bits)
    return Datatype(f"an integer of {bits} bits", lambda value: type(value) is int and value in allowed)


_NUMBER = Datatype("a finite number", lambda value: type(value) in {int, float} and math.isfinite(value))
DATATYPES = {
    "BOOL": Datatype("true or false", lambda value: isinstance(value, bool)),
    "BYTES": Datatype("a text", lambda value: isinstance(value, str)),
    **{f"INT{bits}": _integers(bits, signed=True) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": _integers(bits, signed=False) for bits in (8, 16, 32, 64)},
    "FP16": _NUMBER,
    "FP32": _NUMBER,
    "FP64": _NUMBER,
}
# Datatype in which a column of the contract is announced.
ANNOUNCED = {"integer": "INT64", "number": "FP64", "string": "BYTES", "boolean": "BOOL", "timestamp": "BYTES"}


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    values: list[Any]


def v2_table(request: Document, contract: Contract) -> pl.DataFrame:
    """The raw table of ``inputs``: one tensor (n) or (n, 1) for each column, or one tensor (n, p) of all columns.

    Raises:
        InputError: If the tensors are of another form.
    """
    inputs = request.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise InputError('the body must be {"inputs": [TENSOR, ...]} with at least one tensor.')
    tensors = [_tensor(item, place) for place, item in enumerate(inputs)]
    names = [column.name for column in contract.inputs]
    first = tensors[0]
    if len(tensors) == 1 and len(first.shape) == 2 and (first.shape[1] != 1 or first.name not in names):
        width = first.shape[1]
        rows = [first.values[start : start + width] for start in range(0, len(first.values), width)] if width else []
        return records.table(rows, contract)
    return _of_columns(tensors)


def _of_columns(tensors: Sequence[_Tensor]) -> pl.DataFrame:
    rows = tensors[0].shape[0] if tensors[0].shape else 0
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise InputError("each column must be sent as one tensor; a name occurs twice.")
    for tensor in tensors:
        if tensor.shape not in {(rows,), (rows, 1)}:
            raise InputError(
                f"all tensors must have one shape, [n] or [n, 1]; {shown(tensor.name)} has {list(tensor.shape)} where "
                f"{shown(tensors[0].name)} has {list(tensors[0].shape)}."
            )
    if rows == 0:
        raise InputError("a request must hold at least one row; got none.")
    return pl.DataFrame([records.series(tensor.name, tensor.values) for tensor in tensors])


def _tensor(item: Any, place: int) -> _Tensor:
    where = f"inputs[{place}]"
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise InputError(f"{where} must be an object with name, shape, datatype and data.")
    name, shape, data = item["name"], item.get("shape"), item.get("data")
    datatype = DATATYPES.get(item["datatype"]) if isinstance(item.get("datatype"), str) else None
    if datatype is None:
        raise InputError(
            f"the datatype of {where} must be one of {', '.join(DATATYPES)}; got {shown(item.get('datatype'))} instead."
        )
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        raise InputError(f"the shape of {where} must be an array of integers from 0 on; got {shown(shape)} instead.")
    if not isinstance(data, list):
        raise InputError(f"{where} must hold its values in the array data; binary tensors are not served.")
    values = _flat(data)
    if math.prod(shape) != len(values):
        raise InputError(f"{where} must hold {math.prod(shape)} values, as its shape {shape} says; got {len(values)}.")
    for index, value in enumerate(values):
        if value is not None and not datatype.holds(value):
            raise InputError(
                f"value {index} of the tensor {shown(name)} must be {datatype.noun}, as its datatype says; "
                f"got {shown(value, 40)} instead."
            )
    return _Tensor(name, tuple(shape), values)


def _flat(data: list[Any]) -> list[Any]:
    while any(isinstance(item, list) for item in data):
        data = [value for item in data for value in (item if isinstance(item, list) else [item])]
    return data


def v2_answer(answers: Sequence[Answer], request: Document, served: Served) -> Document:
    """The tensors ``label`` and ``probabilities`` (n, k), or ``value``; those that ``outputs`` names if it is there.

    Raises:
        InputError: If the request wants an output that there is not.
    """
    outputs = {tensor["name"]: tensor for tensor in _outputs(answers, served)}
    wanted = request.get("outputs")
    if wanted is not None and not isinstance(wanted, list):
        raise InputError(f"outputs must be an array of objects with a name; got {shown(wanted, 40)} instead.")
    if wanted:
        outputs = {name: outputs[name] for name in _wanted(wanted, list(outputs))}
    answer = {"model_name": served.name, "model_version": served.version, "outputs": list(outputs.values())}
    return {"id": request["id"], **answer} if isinstance(request.get("id"), str) else answer


def _outputs(answers: Sequence[Answer], served: Served) -> list[Document]:
    n, k = len(answers), len(served.classes)
    if not k:
        return [{"name": "value", "datatype": "FP64", "shape": [n], "data": [answer["value"] for answer in answers]}]
    flat = [answer["probabilities"][name] for answer in answers for name in served.classes]
    # A parameter of V2 is a scalar, so that the order of the classes travels as JSON text.
    classes = {"classes": orjson.dumps(served.classes).decode()}
    return [
        {"name": "label", "datatype": "BYTES", "shape": [n], "data": [answer["label"] for answer in answers]},
        {"name": "probabilities", "datatype": "FP64", "shape": [n, k], "parameters": classes, "data": flat},
    ]


def _wanted(wanted: Any, known: list[str]) -> list[str]:
    names: list[str] = [item.get("name", "") if isinstance(item, Mapping) else "" for item in wanted]
    for name in names:
        if name not in known:
            raise InputError(f"outputs must name some of {', '.join(known)}; got {shown(name)} instead.")
    return names


def announced(contract: Contract, classes: Sequence[str]) -> tuple[list[Document], list[Document]]:
    """Inputs and outputs as the metadata of a model in V2 list them."""
    inputs = [{"name": c.name, "datatype": ANNOUNCED[c.dtype], "shape": [-1]} for c in contract.inputs]
    if not classes:
        return inputs, [{"name": "value", "datatype": "FP64", "shape": [-1]}]
    label = {"name": "label", "datatype": "BYTES", "shape": [-1]}
    return inputs, [label, {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]}]


PROTOCOLS = {"v1": Protocol(v1_table, v1_answer), "v2": Protocol(v2_table, v2_answer)}
