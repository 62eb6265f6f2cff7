"""Binary tensors: the V2 extension in which values follow the JSON part of a body as bytes.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.
"""

import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.core.base.errors import RequestError, quote
from headrace.serving.protocols.tensors import Datatype, Tensor, Values, check_count, header

_SIZE = "binary_data_size"


def split(body: bytes, length: bytes | None) -> tuple[bytes, memoryview]:
    """Return the JSON part of a body, and the bytes that follow.

    Args:
        body: The body.
        length: Value of the header with the length of the JSON part; None if the whole body is JSON.

    Raises:
        RequestError: If the header is not a number within the body.
    """
    if length is None:
        return body, memoryview(b"")
    size = int(length) if length.isdigit() and len(length) < 20 else -1
    if not 0 <= size <= len(body):
        raise RequestError(
            f"Inference-Header-Content-Length must be a number of at most {len(body)}, the length of the body; "
            f"got {quote(length.decode('latin-1'), 40)} instead."
        )
    return body[:size], memoryview(body)[size:]


def json_length(body: bytes) -> int:
    """Return the length of the JSON object that a body begins with, where no header says it.

    Args:
        body: The body.

    Raises:
        RequestError: If it does not begin with a JSON object.
    """
    # Each byte becomes one character, so that places in the text are places in the body.
    text = body.decode("latin-1")
    try:
        document, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise RequestError("the body must begin with a JSON object, before any binary tensors; it does not.") from error
    if type(document) is not dict:
        raise RequestError("the body must begin with a JSON object, before any binary tensors; it does not.")
    return end


def tensors(inputs: Sequence[Any], rest: memoryview, *, of_json: Any) -> list[Tensor]:
    """Return all inputs of a request in order, from JSON or from the bytes after the JSON part.

    Args:
        inputs: The list ``inputs`` of the request.
        rest: The bytes.
        of_json: Converts an input with JSON values, given its index, to a tensor.

    Raises:
        RequestError: If an input does not match its shape and datatype, or the bytes do not add up.
    """
    result, start = [], 0
    for index, item in enumerate(inputs):
        size = _size(item, index)
        if size is None:
            result.append(of_json(item, index))
            continue
        if size > len(rest) - start:
            raise RequestError(
                f"inputs[{index}] must hold {size} bytes, as its {_SIZE} says; {len(rest) - start} are left.", "shape"
            )
        name, datatype, shape = header(item, index)
        values = decode(rest[start : start + size], datatype, math.prod(shape), f"inputs[{index}]")
        check_count(len(values), shape, index)
        result.append(Tensor(name, shape, values))
        start += size
    if start != len(rest):
        raise RequestError(
            f"the inputs must account for all {len(rest)} bytes after the JSON part; got {start}.", "shape"
        )
    return result


def decode(content: memoryview, datatype: Datatype, count: int, where: str) -> Values:
    """Return the values of a binary tensor.

    Args:
        content: Its bytes.
        datatype: Its datatype.
        count: Number of values by its shape.
        where: Description of the tensor, for messages.

    Returns:
        The values (count,).

    Raises:
        RequestError: If the bytes do not hold so many values.
    """
    if not datatype.dtype:
        return _texts(content, where)
    width = np.dtype(datatype.dtype).itemsize
    if len(content) != count * width:
        raise RequestError(f"{where} must hold {count} values of {width} bytes; got {len(content)} bytes.", "shape")
    if datatype.dtype == "|b1":
        if any(value > 1 for value in content):
            raise RequestError(f"{where} must hold bytes 0 and 1, as its datatype says; got another one.", "kind")
        return [value == 1 for value in content]
    return np.frombuffer(content, dtype=datatype.dtype)


def _texts(content: memoryview, where: str) -> list[str]:
    texts, start = [], 0
    while start < len(content):
        end = start + 4
        size = struct.unpack_from("<I", content, start)[0] if end <= len(content) else len(content)
        if end + size > len(content):
            raise RequestError(
                f"{where} must hold texts, each after its length in 4 bytes; its bytes end within one.", "shape"
            )
        try:
            texts.append(str(content[end : end + size], "utf-8"))
        except UnicodeDecodeError as error:
            raise RequestError(f"{where} must hold texts in UTF-8; text {len(texts)} is not.", "kind") from error
        start = end + size
    return texts


def encode(datatype: str, data: Sequence[Any]) -> bytes:
    """Return the bytes of an output (n,): ``FP64``, ``BOOL``, or ``BYTES`` as texts, each after its length."""
    if datatype == "BOOL":
        return np.asarray(data, dtype="|b1").tobytes()
    if datatype == "FP64":
        return np.asarray(data, dtype="<f8").tobytes()
    texts = [text.encode() for text in data]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _size(item: Any, index: int) -> int | None:
    parameters = item.get("parameters") if type(item) is dict else None
    size = parameters.get(_SIZE) if type(parameters) is dict else None
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise RequestError(f"{_SIZE} of inputs[{index}] must be an integer from 0 on; got {quote(size, 40)} instead.")
    return size


def binary_outputs(document: dict[str, Any]) -> set[str] | None:
    """Return the names of the outputs to send as bytes; None for all of them.

    Args:
        document: A request; ``parameters.binary_data_output``, and ``parameters.binary_data`` of its outputs, are read.
    """
    parameters = document.get("parameters")
    if type(parameters) is dict and parameters.get("binary_data_output") is True:
        return None
    return {
        output["name"]
        for output in document.get("outputs") or ()
        if type(output.get("parameters")) is dict and output["parameters"].get("binary_data") is True
    }
