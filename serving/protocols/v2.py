"""The V2 inference protocol (Open Inference Protocol), in JSON.

Source: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import orjson

from headrace.core.base.errors import RequestError, quote
from headrace.core.contracts.contract import Contract
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.protocols.json_body import Document, check_row_count, kind
from headrace.serving.protocols.tensors import Tensor

# Datatype of a column's tensor in the model's metadata.
ANNOUNCED = {
    "integer": "INT64",
    "number": "FP64",
    "string": "BYTES",
    "boolean": "BOOL",
    "timestamp": "BYTES",
    "picture": "BYTES",
}


def columns(input_tensors: Sequence[Tensor], contract: Contract, limits: RequestLimits) -> InputRows:
    """Return the columns of tensors: one (n,) or (n, 1) for each column, or one (n, p) of all columns.

    Args:
        input_tensors: The tensors, at least one.
        contract: The contract.
        limits: Limits, of which ``rows`` applies.

    Returns:
        n values by name of the column.

    Raises:
        RequestError: If the tensors differ in length, or a name occurs twice.
    """
    names = [column.name for column in contract.inputs]
    first = input_tensors[0]
    check_row_count(first.shape[0] if first.shape else 0, limits)
    if len(input_tensors) == 1 and len(first.shape) == 2 and (first.shape[1] != 1 or first.name not in names):
        return _of_matrix(first, names)
    if len({tensor.name for tensor in input_tensors}) < len(input_tensors):
        raise RequestError("each column must be sent as one tensor; a name occurs twice.", "columns")
    rows = first.shape[0] if first.shape else 0
    pictures = {column.name for column in contract.inputs if column.dtype == "picture"}
    for tensor in input_tensors:
        if tensor.name in pictures and len(tensor.shape) == 4 and tensor.shape[0] == rows:
            continue
        if tensor.name in pictures and len(tensor.shape) > 2:
            raise RequestError(
                f"pictures must be a tensor [n, height, width, channels] of pixels, or [n] of files in base64; "
                f"{quote(tensor.name)} has {quote(list(tensor.shape), 40)}.",
                "shape",
            )
        if tensor.shape not in {(rows,), (rows, 1)}:
            raise RequestError(
                f"all tensors must have one shape, [n] or [n, 1]; {quote(tensor.name)} has "
                f"{quote(list(tensor.shape), 40)} where {quote(first.name)} has {quote(list(first.shape), 40)}.",
                "shape",
            )
    return {tensor.name: _values(tensor) for tensor in input_tensors}


def _values(tensor: Tensor) -> Any:
    """Return the values (n,) of a tensor, or pictures (n, height, width, channels)."""
    if len(tensor.shape) < 4:
        return tensor.values
    values = np.asarray(tensor.values)
    if values.dtype.kind not in "iuf":
        raise RequestError(f"the tensor {quote(tensor.name)} must hold pixels from 0 to 255; got other values.", "kind")
    return values.reshape(tensor.shape)


def _of_matrix(tensor: Tensor, names: list[str]) -> InputRows:
    width = tensor.shape[1]
    if width != len(names):
        raise RequestError(
            f"a tensor of whole rows must have {len(names)} columns, in the order {quote(names, 300)}; "
            f"got {width} instead.",
            "shape",
        )
    return {name: tensor.values[index::width] for index, name in enumerate(names)}


def requested_outputs(document: Document, served: ServedModel) -> list[str]:
    """Return the names of the requested outputs; all outputs if the request names none.

    Raises:
        RequestError: If an output does not exist.
    """
    return choose_outputs(document, [tensor["name"] for tensor in describe_tensors(served)[1]])


def choose_outputs(document: Document, known: list[str]) -> list[str]:
    """Return those of the known outputs that a request names; all if it names none.

    Raises:
        RequestError: If it names another one.
    """
    outputs = document.get("outputs")
    if not outputs:
        return known
    if type(outputs) is not list:
        raise RequestError(f"outputs must be an array of objects with a name; got {kind(outputs)} instead.")
    names = [output.get("name") if type(output) is dict else None for output in outputs]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RequestError(f"outputs must be among {', '.join(known)}; got {quote(unknown[0], 40)} instead.", "columns")
    return [str(name) for name in names]


def outputs(served: ServedModel, scored: ScoredRows) -> dict[str, Document]:
    """Return the output tensors by name: label (n,) and probabilities (n, k), value (n,), or score and alert (n,).

    Beside ``value`` are ``lower`` and ``upper`` (n,) if the model has intervals.
    """
    n, classes = len(scored.scores), served.classes
    if served.scorer.answers_alerts:
        alerts = {"name": "alert", "datatype": "BOOL", "shape": [n], "data": [bool(alert) for alert in scored.chosen]}
        return {"score": {"name": "score", "datatype": "FP64", "shape": [n], "data": scored.scores}, "alert": alerts}
    if not classes:
        columns = {"value": scored.scores}
        if served.scorer.intervals is not None and n:
            ends = zip(*map(served.scorer.intervals.bounds_of_one, scored.scores), strict=True)
            columns |= dict(zip(("lower", "upper"), map(list, ends), strict=True))
        return {name: {"name": name, "datatype": "FP64", "shape": [n], "data": data} for name, data in columns.items()}
    label = {"name": "label", "datatype": "BYTES", "shape": [n], "data": [classes[index] for index in scored.chosen]}
    # A parameter of V2 is a scalar, so the order of the classes is sent as JSON text.
    probabilities = {
        "name": "probabilities",
        "datatype": "FP64",
        "shape": [n, len(classes)],
        "parameters": {"classes": orjson.dumps(classes).decode()},
        "data": [value for row in scored.scores for value in row],
    }
    return {"label": label, "probabilities": probabilities}


def answer(
    served: ServedModel, scored: ScoredRows, document: Document, explanations: list[Any] | None = None
) -> Document:
    """Return the document of a response.

    Args:
        served: The model.
        scored: Its answers to n rows.
        document: The request, of which ``id`` and ``outputs`` are read.
        explanations: One for each of n rows, if requested; they and warnings are sent as JSON text in ``parameters``.

    Raises:
        RequestError: If a requested output does not exist.
    """
    tensors = outputs(served, scored)
    content: Document = {"model_name": served.name, "model_version": served.digest}
    content["outputs"] = [tensors[name] for name in requested_outputs(document, served)]
    if type(document.get("id")) is str:
        content["id"] = document["id"]
    extras = {"warnings": scored.warnings, "explanations": explanations}
    parameters = {name: orjson.dumps(value).decode() for name, value in extras.items() if value}
    return {**content, "parameters": parameters} if parameters else content


def describe_tensors(served: ServedModel) -> tuple[list[Document], list[Document]]:
    """Return the inputs and outputs of a model as its metadata lists them."""
    inputs = [
        {"name": column.name, "datatype": ANNOUNCED[column.dtype], "shape": [-1]}
        for column in served.scorer.contract.inputs
    ]
    if served.scorer.answers_alerts:
        typed = (("score", "FP64"), ("alert", "BOOL"))
        return inputs, [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in typed]
    if not served.classes:
        names = ["value"] if served.scorer.intervals is None else ["value", "lower", "upper"]
        return inputs, [{"name": name, "datatype": "FP64", "shape": [-1]} for name in names]
    label = {"name": "label", "datatype": "BYTES", "shape": [-1]}
    return inputs, [label, {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(served.classes)]}]


def server_metadata(*, repository: bool) -> Document:
    """Return the name, version and extensions of the server."""
    extensions = ["binary_tensor_data", *(["model_repository"] if repository else [])]
    return {"name": "headrace", "version": version("headrace"), "extensions": extensions}


def metadata(served: ServedModel) -> Document:
    """Return the metadata of a model: its versions, inputs and outputs."""
    inputs, outputs = describe_tensors(served)
    return {
        "name": served.name,
        "versions": [served.digest],
        "platform": "headrace",
        "inputs": inputs,
        "outputs": outputs,
    }
