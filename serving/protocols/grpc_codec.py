"""Messages of the gRPC protocol to tensors and back.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto.
"""

import math
from typing import Any

import numpy as np

from headrace.core.base.errors import RequestError, quote
from headrace.core.contracts.contract import Contract
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import InputRows
from headrace.serving.protocols import binary_tensors, tensors, v2
from headrace.serving.protocols.json_body import Document
from headrace.serving.protocols.tensors import Datatype, Tensor, Values, check_count

_FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_columns(request: Any, contract: Contract, limits: RequestLimits) -> InputRows:
    """Return the columns that a ModelInferRequest asks for.

    Args:
        request: The message.
        contract: The contract.
        limits: Bounds.

    Raises:
        RequestError: If its tensors are not what their shapes and datatypes say.
    """
    raw = request.raw_input_contents
    if not request.inputs:
        raise RequestError("inputs must hold at least one tensor.")
    if raw and len(raw) != len(request.inputs):
        raise RequestError(
            f"raw_input_contents must hold one entry for each of {len(request.inputs)} inputs; got {len(raw)}."
        )
    found = [_tensor(item, place, raw[place] if raw else None) for place, item in enumerate(request.inputs)]
    return v2.columns(found, contract, limits)


def document(request: Any) -> Document:
    """What else a request says, as it would in JSON: ``id``, ``outputs``, ``parameters.explain``."""
    found: Document = {"outputs": [{"name": output.name} for output in request.outputs]}
    if request.id:
        found["id"] = request.id
    if "explain" in request.parameters:
        found["parameters"] = {"explain": request.parameters["explain"].bool_param}
    return found


def fill_response(answer: Document, response: Any, *, raw: bool) -> Any:
    """Fill a ModelInferResponse.

    Args:
        answer: The answer as ``v2.answer`` gives it.
        response: An empty message.
        raw: Whether values are sent as bytes, as the request's were.

    Returns:
        The message.
    """
    response.model_name, response.model_version = answer["model_name"], answer["model_version"]
    response.id = answer.get("id", "")
    for name, value in answer.get("parameters", {}).items():
        response.parameters[name].string_param = value
    for output in answer["outputs"]:
        tensor = response.outputs.add(name=output["name"], datatype=output["datatype"], shape=output["shape"])
        for name, value in output.get("parameters", {}).items():
            tensor.parameters[name].string_param = value
        if raw:
            response.raw_output_contents.append(binary_tensors.encode(output["datatype"], output["data"]))
        elif output["datatype"] == "FP64":
            tensor.contents.fp64_contents.extend(output["data"])
        else:
            tensor.contents.bytes_contents.extend(text.encode() for text in output["data"])
    return response


def _tensor(item: Any, place: int, raw: bytes | None) -> Tensor:
    told = {"name": item.name, "datatype": item.datatype, "shape": list(item.shape)}
    name, datatype, shape = tensors.header(told, place)
    if raw is None:
        values = _read_values(item, datatype, place)
    elif item.HasField("contents"):
        raise RequestError(f"inputs[{place}] must hold its values in contents or in raw_input_contents; got both.")
    else:
        values = binary_tensors.decode(memoryview(raw), datatype, math.prod(shape), f"inputs[{place}]")
    check_count(len(values), shape, place)
    return Tensor(name, shape, values)


def _read_values(item: Any, datatype: Datatype, place: int) -> Values:
    field = _FIELDS.get(item.datatype)
    if field is None:
        raise RequestError(f"inputs[{place}] must hold {item.datatype} values in raw_input_contents.")
    others = [held.name for held, _ in item.contents.ListFields() if held.name != field]
    if others:
        raise RequestError(
            f"inputs[{place}] must hold its {item.datatype} values in {field}; got {quote(others)}.", "kind"
        )
    values = getattr(item.contents, field)
    if item.datatype in {"FP32", "FP64"}:
        return np.array(values, dtype=datatype.dtype)
    if item.datatype == "BYTES":
        return [_text(value, place) for value in values]
    plain = list(values)
    tensors.check_values(item.name, plain, datatype)
    return plain


def _text(value: bytes, place: int) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise RequestError(f"inputs[{place}] must hold texts in UTF-8; got other bytes.", "kind") from error
