"""Conversion of gRPC messages to tensors and back.

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
    """Return the columns of a ModelInferRequest.

    Args:
        request: The message.
        contract: The contract.
        limits: Limits, of which ``rows`` applies.

    Returns:
        n values by name of the column.

    Raises:
        RequestError: If its tensors do not match their shapes and datatypes.
    """
    raw = request.raw_input_contents
    if not request.inputs:
        raise RequestError("inputs must hold at least one tensor.")
    if raw and len(raw) != len(request.inputs):
        raise RequestError(
            f"raw_input_contents must hold one entry for each of {len(request.inputs)} inputs; got {len(raw)}."
        )
    input_tensors = [_tensor(item, index, raw[index] if raw else None) for index, item in enumerate(request.inputs)]
    return v2.columns(input_tensors, contract, limits)


def document(request: Any) -> Document:
    """Return a request's ``id``, ``outputs`` and ``parameters.explain`` in the form of a JSON request."""
    content: Document = {"outputs": [{"name": output.name} for output in request.outputs]}
    if request.id:
        content["id"] = request.id
    if "explain" in request.parameters:
        content["parameters"] = {"explain": request.parameters["explain"].bool_param}
    return content


def fill_response(answer: Document, response: Any, *, raw: bool) -> Any:
    """Fill a ModelInferResponse.

    Args:
        answer: The answer, as ``v2.answer`` returns it.
        response: An empty message.
        raw: Whether to send values as bytes, as the request did.

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
        elif output["datatype"] == "BOOL":
            tensor.contents.bool_contents.extend(output["data"])
        else:
            tensor.contents.bytes_contents.extend(text.encode() for text in output["data"])
    return response


def _tensor(item: Any, index: int, raw: bytes | None) -> Tensor:
    fields = {"name": item.name, "datatype": item.datatype, "shape": list(item.shape)}
    name, datatype, shape = tensors.header(fields, index)
    if raw is None:
        values = _read_values(item, datatype, index)
    elif item.HasField("contents"):
        raise RequestError(f"inputs[{index}] must hold its values in contents or in raw_input_contents; got both.")
    else:
        values = binary_tensors.decode(memoryview(raw), datatype, math.prod(shape), f"inputs[{index}]")
    check_count(len(values), shape, index)
    return Tensor(name, shape, values)


def _read_values(item: Any, datatype: Datatype, index: int) -> Values:
    field = _FIELDS.get(item.datatype)
    if field is None:
        raise RequestError(f"inputs[{index}] must hold {item.datatype} values in raw_input_contents.")
    other_fields = [other.name for other, _ in item.contents.ListFields() if other.name != field]
    if other_fields:
        raise RequestError(
            f"inputs[{index}] must hold its {item.datatype} values in {field}; got {quote(other_fields)}.", "kind"
        )
    values = getattr(item.contents, field)
    if item.datatype in {"FP32", "FP64"}:
        return np.array(values, dtype=datatype.dtype)
    if item.datatype == "BYTES":
        return [tensors.read_text(value, index) for value in values]
    integers = list(values)
    tensors.check_values(item.name, integers, datatype)
    return integers
