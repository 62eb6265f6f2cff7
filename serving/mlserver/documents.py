"""MLServer's forms of requests and responses, and those that the suite's own server has in JSON."""

from typing import Any

import numpy as np

from headrace.core.base.errors import RequestError
from headrace.serving.protocols import tensors
from headrace.serving.protocols.json_body import Document
from headrace.serving.protocols.tensors import Tensor


def read_document(payload: Any) -> Document:
    """Return a request of MLServer as a document of the V2 protocol.

    Args:
        payload: An ``InferenceRequest``, of REST or gRPC.

    Raises:
        RequestError: If a text is not UTF-8; texts arrive as bytes over gRPC.
    """
    document: Document = {"inputs": [_read_input(item, index) for index, item in enumerate(payload.inputs)]}
    if payload.id is not None:
        document["id"] = payload.id
    if payload.outputs:
        document["outputs"] = [{"name": output.name} for output in payload.outputs]
    explain = (getattr(payload.parameters, "model_extra", None) or {}).get("explain")
    if explain is not None:
        document["parameters"] = {"explain": explain}
    return document


def read_tensors(document: Document) -> list[Tensor]:
    """Return the tensors of a request.

    Args:
        document: What ``read_document`` returned.

    Raises:
        RequestError: If there is none, or one does not hold what its shape and datatype say.
    """
    read = [tensors.of_json(item, index) for index, item in enumerate(document["inputs"])]
    if not read:
        raise RequestError("inputs must hold at least one tensor.")
    return list(map(_mark_missing, read))


def count_values(document: Document) -> int:
    """Return about how many values a request holds."""
    return sum(len(item["data"]) for item in document["inputs"] if isinstance(item["data"], list))


def write_texts(document: Document) -> Document:
    """Return a response with its texts as bytes: MLServer sends no others over gRPC, and makes texts of them in JSON.

    Args:
        document: A response, as V2 has it.
    """
    outputs = [
        {**output, "data": [text.encode() for text in output["data"]]} if output["datatype"] == "BYTES" else output
        for output in document["outputs"]
    ]
    return {**document, "outputs": outputs}


def _read_input(item: Any, index: int) -> Document:
    data = getattr(item.data, "root", item.data)
    if isinstance(data, list) and any(type(value) is bytes for value in data):
        data = [tensors.read_text(value, index) if type(value) is bytes else value for value in data]
    datatype = getattr(item.datatype, "value", item.datatype)
    return {"name": item.name, "datatype": datatype, "shape": list(item.shape), "data": data}


def _mark_missing(tensor: Tensor) -> Tensor:
    """Return the tensor with its numbers in an array if one of them is NaN, which only gRPC can send."""
    values = tensor.values
    if isinstance(values, list) and any(type(value) is float and value != value for value in values):  # noqa: PLR0124
        return Tensor(tensor.name, tensor.shape, np.array(values, dtype=np.float64))
    return tensor
