"""The server's OpenAPI document, from the contract of the served model."""

from importlib.metadata import version
from typing import Any

from headrace.core.contracts.contract import Column
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import ServedModel
from headrace.serving.protocols import media_type
from headrace.serving.protocols.decompression import CODINGS
from headrace.serving.protocols.json_body import Document
from headrace.serving.protocols.tensors import DATATYPES

_KINDS = {
    "integer": ["integer", "string"],
    "number": ["number", "string"],
    "string": ["string", "number"],
    "boolean": ["boolean", "string"],
    "timestamp": ["string"],
    "picture": ["string"],
}
_CODING: Document = {
    "name": "Content-Encoding",
    "in": "header",
    "schema": {"enum": ["identity", *CODINGS]},
    "description": "Compression of the body, if any; the limit of a body applies to the decompressed body",
}


def openapi(served: ServedModel, limits: RequestLimits, *, repository: bool) -> Document:
    """Return the server's OpenAPI 3.1 document.

    Args:
        served: The model.
        limits: Limits of requests.
        repository: Whether clients may load and unload the model.
    """
    v1_path, v2_path = f"/v1/models/{served.name}", f"/v2/models/{served.name}"
    version_path = f"{v2_path}/versions/{served.digest}"
    inputs = {column.name: _column(column) for column in served.scorer.contract.inputs}
    rows = _rows(inputs, limits)
    paths: Document = {
        f"{v1_path}:predict": _tabular("Predict", _v1_request(rows), _v1_answer(served)),
        f"{v1_path}:explain": _tabular("Predict and explain", _v1_request(rows), _v1_answer(served)),
        "/invocations": _tabular("Predict, for clients of MLflow", _v1_request(rows), _v1_answer(served)),
        f"{v2_path}/infer": _post("Infer", _v2_request(), _v2_answer()),
        f"{version_path}/infer": _post("Infer with this version", _v2_request(), _v2_answer()),
    }
    for path in (
        "/",
        "/ping",
        "/v1/models",
        v1_path,
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models",
        v2_path,
    ):
        paths[path] = _get()
    for path in (f"{v2_path}/ready", f"{v2_path}/versions", version_path, f"{version_path}/ready"):
        paths[path] = _get()
    paths["/metrics"] = {"get": {"responses": {"200": {"description": "Metrics", "content": {"text/plain": {}}}}}}
    if repository:
        for verb in ("load", "unload"):
            paths[f"/v2/repository/models/{served.name}/{verb}"] = _post(verb.capitalize(), {}, {"type": "object"})
    return {
        "openapi": "3.1.0",
        "info": {"title": f"The model {served.name}", "version": version("headrace")},
        "paths": paths,
    }


def _column(column: Column) -> Document:
    types = [*_KINDS[column.dtype], "null"]
    parts = [column.description, f"[{column.unit}]" if column.unit else ""]
    if column.dtype == "picture":
        size = f"{column.height} by {column.width} by {column.channels}"
        parts.append(
            f"A PNG or JPEG file in base64; resized to {size}. In V2 also a tensor [n, height, width, channels]."
        )
    description = " ".join(filter(None, parts))
    return {"type": types, **({"description": description} if description else {})}


def _rows(inputs: Document, limits: RequestLimits) -> Document:
    by_name = {"type": "object", "properties": inputs, "required": list(inputs)}
    by_place = {
        "type": "array",
        "prefixItems": list(inputs.values()),
        "minItems": len(inputs),
        "maxItems": len(inputs),
    }
    return {"type": "array", "minItems": 1, "maxItems": limits.rows, "items": {"anyOf": [by_name, by_place]}}


def _v1_request(rows: Document) -> Document:
    parameters = {"type": "object", "properties": {"explain": {"type": "boolean"}}}
    return {
        "type": "object",
        "properties": {"instances": rows, "parameters": parameters},
        "required": ["instances"],
    }


def _v1_answer(served: ServedModel) -> Document:
    number = {"type": "number"}
    row: Document = {"type": "object", "properties": {"value": number}, "required": ["value"]}
    if served.scorer.answers_alerts:
        row["properties"] = {"score": number, "alert": {"type": "boolean"}}
        row["required"] = ["score", "alert"]
    elif served.classes:
        probabilities = {
            "type": "object",
            "properties": dict.fromkeys(served.classes, number),
            "required": list(served.classes),
        }
        properties = {"label": {"enum": list(served.classes)}, "probabilities": probabilities}
        row = {"type": "object", "properties": properties, "required": list(properties)}
    texts = {"type": "array", "items": {"type": "string"}}
    properties = {"predictions": {"type": "array", "items": row}, "explanations": {"type": "array"}, "warnings": texts}
    return {"type": "object", "properties": properties, "required": ["predictions"]}


def _v2_request() -> Document:
    tensor = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"enum": list(DATATYPES)},
            "data": {"type": "array"},
        },
        "required": ["name", "shape", "datatype", "data"],
    }
    outputs = {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}
    properties = {
        "id": {"type": "string"},
        "inputs": {"type": "array", "minItems": 1, "items": tensor},
        "outputs": outputs,
    }
    return {"type": "object", "properties": properties, "required": ["inputs"]}


def _v2_answer() -> Document:
    texts = {"type": "string"}
    properties = {"model_name": texts, "model_version": texts, "id": texts, "outputs": {"type": "array"}}
    return {"type": "object", "properties": properties, "required": ["model_name", "outputs"]}


def _get() -> Document:
    return {"get": {"responses": {"200": _json("The requested document", {"type": "object"}), **_errors()}}}


def _post(summary: str, request: Document, answer: Document) -> Document:
    """Return a path whose bodies may be compressed, as ``Content-Encoding`` says."""
    body = {"required": True, "content": {"application/json": {"schema": request}}}
    return {
        "post": {
            "summary": summary,
            "parameters": [_CODING],
            "requestBody": body,
            "responses": {"200": _json("The answer", answer), **_errors()},
        }
    }


def _tabular(summary: str, request: Document, answer: Document) -> Document:
    """Return a path that also takes tables and events; the response to an event is an event."""
    path_item = _post(summary, request, answer)
    text, octets = {"type": "string"}, {"type": "string", "format": "binary"}
    attributes = {key: {**text, "minLength": 1} for key in ("specversion", "id", "source", "type")}
    event = {"type": "object", "properties": {**attributes, "data": request}, "required": [*attributes, "data"]}
    path_item["post"]["requestBody"]["content"] |= {
        media_type.CSV: {"schema": text},
        media_type.EVENT: {"schema": event},
    }
    path_item["post"]["requestBody"]["content"] |= {name: {"schema": octets} for name in media_type.ARROW}
    response_event = {"type": "object", "properties": {**attributes, "data": answer}, "required": [*attributes, "data"]}
    path_item["post"]["responses"]["200"]["content"][media_type.EVENT] = {"schema": response_event}
    return path_item


def _errors() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    return {"4XX": _json("What is wrong with the request, in one sentence", schema), "503": _json("Not ready", schema)}


def _json(description: str, schema: Document) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
