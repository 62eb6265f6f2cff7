"""Tensors of the Open Inference Protocol: their datatypes, and their values from JSON.

Source: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from headrace.core.base.errors import RequestError, quote
from headrace.serving.protocols.json_body import kind

Values = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True)
class Datatype:
    """A tensor's datatype.

    Attributes:
        noun: Description of a value, for messages.
        kinds: Python types of the JSON values that such a tensor may hold.
        dtype: NumPy's name of the type in little-endian binary form; empty for texts.
        least: Minimum of an integer.
        most: Maximum of an integer.
    """

    noun: str
    kinds: frozenset[type]
    dtype: str
    least: int = 0
    most: int = -1


def _integers(bits: int, *, signed: bool) -> Datatype:
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    letter = "i" if signed else "u"
    return Datatype(f"an integer of {bits} bits", frozenset({int}), f"<{letter}{bits // 8}", least, most)


def _floats(bits: int) -> Datatype:
    return Datatype("a finite number", frozenset({int, float}), f"<f{bits // 8}")


DATATYPES = {
    "BOOL": Datatype("true or false", frozenset({bool}), "|b1"),
    "BYTES": Datatype("a text", frozenset({str}), ""),
    **{f"INT{bits}": _integers(bits, signed=True) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": _integers(bits, signed=False) for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": _floats(bits) for bits in (16, 32, 64)},
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array.

    Attributes:
        name: Its name.
        shape: Its shape.
        values: Its values in C order, (n,) for the product n of the shape; a missing one is None, or NaN in an array.
    """

    name: str
    shape: tuple[int, ...]
    values: Values


def header(item: Any, index: int) -> tuple[str, Datatype, tuple[int, ...]]:
    """Return the name, datatype and shape of one of the ``inputs``.

    Args:
        item: The input.
        index: Its index.

    Raises:
        RequestError: If one of them is absent or wrong.
    """
    where = f"inputs[{index}]"
    if type(item) is not dict or type(item.get("name")) is not str:
        raise RequestError(f"{where} must be an object with name, shape, datatype and data.")
    datatype_name, shape = item.get("datatype"), item.get("shape")
    datatype = DATATYPES.get(datatype_name) if type(datatype_name) is str else None
    if datatype is None:
        raise RequestError(
            f"the datatype of {where} must be one of {', '.join(DATATYPES)}; got {quote(datatype_name, 40)}."
        )
    if type(shape) is not list or not all(type(size) is int and size >= 0 for size in shape):
        raise RequestError(
            f"the shape of {where} must be an array of integers from 0 on; got {quote(shape, 40)} instead.", "shape"
        )
    return item["name"], datatype, tuple(shape)


def of_json(item: dict[str, Any], index: int) -> Tensor:
    """Return the tensor of one of the ``inputs`` with values in its ``data``.

    Raises:
        RequestError: If the values do not match its shape and datatype.
    """
    name, datatype, shape = header(item, index)
    data = item.get("data")
    if type(data) is not list:
        raise RequestError(f"inputs[{index}] must hold its values in the array data; got {kind(data)} instead.")
    values = data if len(shape) == 1 and list not in set(map(type, data)) else _flat(data, len(shape), index)
    check_count(len(values), shape, index)
    check_values(name, values, datatype)
    return Tensor(name, shape, values)


def read_text(value: bytes, index: int) -> str:
    """Return a value of a tensor of texts.

    Args:
        value: Its bytes.
        index: Index of the input, for the message.

    Raises:
        RequestError: If it is not UTF-8.
    """
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"inputs[{index}] must hold texts in UTF-8; got other bytes.", "kind") from error


def check_count(count: int, shape: tuple[int, ...], index: int) -> None:
    """Raise if a tensor does not hold as many values as its shape says.

    Raises:
        RequestError: If the numbers differ.
    """
    if math.prod(shape) != count:
        raise RequestError(
            f"inputs[{index}] must hold {math.prod(shape)} values, as its shape {quote(list(shape), 40)} says; "
            f"got {count}.",
            "shape",
        )


def check_values(name: str, values: list[Any], datatype: Datatype) -> None:
    """Raise if a value does not match a tensor's datatype; None, for a missing value, does.

    Raises:
        RequestError: If a value does not match; the sentence names its index.
    """
    bounded = datatype.least <= datatype.most
    if set(map(type, values)) - {type(None)} <= datatype.kinds and not bounded:
        return
    for index, value in enumerate(values):
        if value is None:
            continue
        if type(value) not in datatype.kinds:
            raise _wrong(name, index, datatype, kind(value))
        if bounded and not datatype.least <= value <= datatype.most:
            raise _wrong(name, index, datatype, "another number")


def _wrong(name: str, index: int, datatype: Datatype, got: str) -> RequestError:
    return RequestError(
        f"value {index} of the tensor {quote(name)} must be {datatype.noun}, as its datatype says; got {got} instead.",
        "kind",
    )


def _flat(data: list[Any], rank: int, index: int) -> list[Any]:
    """Return nested values in C order; a flat list is accepted whatever the rank."""
    for _ in range(max(rank, 1)):
        if list not in set(map(type, data)):
            return data
        data = [value for item in data for value in (item if type(item) is list else [item])]
    if list in set(map(type, data)):
        raise RequestError(f"the data of inputs[{index}] must be nested no deeper than its shape has sizes.", "shape")
    return data
