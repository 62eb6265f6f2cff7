"""Binary tensors: the V2 extension in which values follow the JSON part of a body as bytes.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.
"""

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
        length: Value of the header that tells the length of the JSON part; None if all is JSON.

    Raises:
        RequestError: If the header is no number within the body.
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


def tensors(inputs: Sequence[Any], rest: memoryview, *, of_json: Any) -> list[Tensor]:
    """Return all inputs of a request, some of which may lie in the bytes after the JSON part, in order.

    Args:
        inputs: What stands in ``inputs``.
        rest: The bytes.
        of_json: Makes a tensor of an input whose values are JSON, and its place.

    Raises:
        RequestError: If an input is not what its shape and datatype say, or the bytes do not add up.
    """
    found, start = [], 0
    for place, item in enumerate(inputs):
        size = _size(item, place)
        if size is None:
            found.append(of_json(item, place))
            continue
        if size > len(rest) - start:
            raise RequestError(
                f"inputs[{place}] must hold {size} bytes, as its {_SIZE} says; {len(rest) - start} are left.", "shape"
            )
        name, datatype, shape = header(item, place)
        values = decode(rest[start : start + size], datatype, math.prod(shape), f"inputs[{place}]")
        check_count(len(values), shape, place)
        found.append(Tensor(name, shape, values))
        start += size
    if start != len(rest):
        raise RequestError(
            f"the inputs must account for all {len(rest)} bytes after the JSON part; got {start}.", "shape"
        )
    return found


def decode(content: memoryview, datatype: Datatype, count: int, where: str) -> Values:
    """Return the values of a binary tensor.

    Args:
        content: Its bytes.
        datatype: Its datatype.
        count: How many values its shape wants.
        where: Which tensor it is, for messages.

    Raises:
        RequestError: If the bytes are not so many values.
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
    found, start = [], 0
    while start < len(content):
        end = start + 4
        size = struct.unpack_from("<I", content, start)[0] if end <= len(content) else len(content)
        if end + size > len(content):
            raise RequestError(
                f"{where} must hold texts, each after its length in 4 bytes; its bytes end within one.", "shape"
            )
        try:
            found.append(str(content[end : end + size], "utf-8"))
        except UnicodeDecodeError as error:
            raise RequestError(f"{where} must hold texts in UTF-8; text {len(found)} is none.", "kind") from error
        start = end + size
    return found


def encode(datatype: str, data: Sequence[Any]) -> bytes:
    """Return the bytes of an output: ``FP64``, or ``BYTES`` as texts after their lengths."""
    if datatype == "FP64":
        return np.asarray(data, dtype="<f8").tobytes()
    texts = [text.encode() for text in data]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _size(item: Any, place: int) -> int | None:
    parameters = item.get("parameters") if type(item) is dict else None
    size = parameters.get(_SIZE) if type(parameters) is dict else None
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise RequestError(f"{_SIZE} of inputs[{place}] must be an integer from 0 on; got {quote(size, 40)} instead.")
    return size


def wants(document: dict[str, Any]) -> set[str] | None:
    """Names of the outputs that are wanted as bytes; None for all of them.

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
