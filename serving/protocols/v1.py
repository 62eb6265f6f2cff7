"""The V1 inference protocol, and the JSON forms of MLflow's clients.

Source: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol;
https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally (the scoring server's JSON).
"""

from typing import Any

import orjson

from headrace.core.base.errors import RequestError, quote
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.protocols.json_body import Document, check_row_count, kind

_FORMS = ("instances", "dataframe_records", "dataframe_split", "inputs")


def read_rows(document: Document, limits: RequestLimits) -> InputRows:
    """Return the rows of a request.

    Args:
        document: ``{"instances": [ROW, ...]}`` or ``{"dataframe_records": [ROW, ...]}``, each row an object by column
            name or an array in the contract's order; ``{"dataframe_split": {"columns": [...], "data": [[...], ...]}}``;
            or ``{"inputs": ...}``, rows or columns by name.
        limits: Limits, of which ``rows`` applies.

    Returns:
        n rows, or columns of n values.

    Raises:
        RequestError: If the document has another form.
    """
    rows = document.get("instances")
    if rows is None:
        return _otherwise(document, limits)
    return _rows(rows, "instances", limits)


def wants_explanations(document: Document) -> bool:
    """Return whether a request asks for explanations.

    Raises:
        RequestError: If ``parameters`` is not an object, or its ``explain`` is neither true nor false.
    """
    parameters = document.get("parameters")
    if parameters is None:
        return False
    if type(parameters) is not dict:
        raise RequestError(f"parameters must be an object; got {kind(parameters)} instead.")
    explain = parameters.get("explain", False)
    if type(explain) is not bool:
        raise RequestError(f"parameters.explain must be true or false; got {kind(explain)} instead.")
    return explain


def answer(served: ServedModel, scored: ScoredRows, explanations: list[Any] | None = None) -> bytes:
    """Return the body of a response: ``{"predictions": [...]}``, one object for each row.

    Args:
        served: The model.
        scored: Its answers to n rows.
        explanations: One for each of n rows, if requested.
    """
    content: Document = {"predictions": served.objects(scored)}
    if explanations is not None:
        content["explanations"] = explanations
    if scored.warnings:
        content["warnings"] = scored.warnings
    return orjson.dumps(content)


def _otherwise(document: Document, limits: RequestLimits) -> InputRows:
    forms = [form for form in _FORMS if form in document]
    if len(forms) != 1 or forms == ["instances"]:
        raise RequestError(
            'the body must be {"instances": [ROW, ...]}, each row an object by column name or an array of values; '
            f"got {quote(sorted(document))} instead."
        )
    content = document[forms[0]]
    if forms == ["dataframe_split"]:
        return _split(content, limits)
    if forms == ["inputs"] and type(content) is dict:
        return _columns(content, limits)
    return _rows(content, forms[0], limits)


def _rows(rows: Any, name: str, limits: RequestLimits) -> InputRows:
    if type(rows) is not list:
        raise RequestError(f"{name} must be an array of rows; got {kind(rows)} instead.")
    check_row_count(len(rows), limits)
    return rows


def _split(content: Any, limits: RequestLimits) -> InputRows:
    names, rows = (content.get("columns"), content.get("data")) if type(content) is dict else (None, None)
    if type(names) is not list or not all(type(name) is str for name in names) or type(rows) is not list:
        raise RequestError('dataframe_split must be {"columns": [NAME, ...], "data": [[VALUE, ...], ...]}.')
    if len(set(names)) < len(names):
        raise RequestError("the columns of dataframe_split must be different; a name occurs twice.", "columns")
    check_row_count(len(rows), limits)
    for index, row in enumerate(rows):
        if type(row) is not list or len(row) != len(names):
            raise RequestError(f"row {index} of dataframe_split must be an array of {len(names)} values.", "shape")
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _columns(columns: Document, limits: RequestLimits) -> InputRows:
    for name, values in columns.items():
        if type(values) is not list:
            raise RequestError(f"inputs must hold an array for {quote(name)}; got {kind(values)} instead.")
        check_row_count(len(values), limits)
    return columns


def error(message: str) -> bytes:
    """Return the body of an error, in V1 and V2."""
    return orjson.dumps({"error": message})
