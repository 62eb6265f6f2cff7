"""The V1 inference protocol, and the forms in which MLflow's clients send tables.

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
    """Return the rows that a request asks for.

    Args:
        document: ``{"instances": [ROW, ...]}`` or ``{"dataframe_records": [ROW, ...]}``, each row an object by column
            name or an array in the contract's order; ``{"dataframe_split": {"columns": [...], "data": [[...], ...]}}``;
            or ``{"inputs": ...}``, rows or columns by name.
        limits: Bounds; ``rows`` is read here.

    Returns:
        Rows or columns.

    Raises:
        RequestError: If the document has another form.
    """
    rows = document.get("instances")
    if rows is None:
        return _otherwise(document, limits)
    return _rows(rows, "instances", limits)


def wants_explanations(document: Document) -> bool:
    """Return whether explanations are wanted with the predictions.

    Raises:
        RequestError: If ``parameters`` is no object, or its ``explain`` is neither true nor false.
    """
    parameters = document.get("parameters")
    if parameters is None:
        return False
    if type(parameters) is not dict:
        raise RequestError(f"parameters must be an object; got {kind(parameters)} instead.")
    wanted = parameters.get("explain", False)
    if type(wanted) is not bool:
        raise RequestError(f"parameters.explain must be true or false; got {kind(wanted)} instead.")
    return wanted


def answer(served: ServedModel, scored: ScoredRows, explanations: list[Any] | None = None) -> bytes:
    """Return the body of an answer: ``{"predictions": [...]}``, one object for each row.

    Args:
        served: The model.
        scored: Its answers.
        explanations: One for each row, if they are wanted.
    """
    content: Document = {"predictions": served.objects(scored)}
    if explanations is not None:
        content["explanations"] = explanations
    if scored.warnings:
        content["warnings"] = scored.warnings
    return orjson.dumps(content)


def _otherwise(document: Document, limits: RequestLimits) -> InputRows:
    named = [form for form in _FORMS if form in document]
    if len(named) != 1 or named == ["instances"]:
        raise RequestError(
            'the body must be {"instances": [ROW, ...]}, each row an object by column name or an array of values; '
            f"got {quote(sorted(document))} instead."
        )
    found = document[named[0]]
    if named == ["dataframe_split"]:
        return _split(found, limits)
    if named == ["inputs"] and type(found) is dict:
        return _columns(found, limits)
    return _rows(found, named[0], limits)


def _rows(rows: Any, name: str, limits: RequestLimits) -> InputRows:
    if type(rows) is not list:
        raise RequestError(f"{name} must be an array of rows; got {kind(rows)} instead.")
    check_row_count(len(rows), limits)
    return rows


def _split(found: Any, limits: RequestLimits) -> InputRows:
    names, rows = (found.get("columns"), found.get("data")) if type(found) is dict else (None, None)
    if type(names) is not list or not all(type(name) is str for name in names) or type(rows) is not list:
        raise RequestError('dataframe_split must be {"columns": [NAME, ...], "data": [[VALUE, ...], ...]}.')
    if len(set(names)) < len(names):
        raise RequestError("the columns of dataframe_split must be different; a name occurs twice.", "columns")
    check_row_count(len(rows), limits)
    for place, row in enumerate(rows):
        if type(row) is not list or len(row) != len(names):
            raise RequestError(f"row {place} of dataframe_split must be an array of {len(names)} values.", "shape")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _columns(found: Document, limits: RequestLimits) -> InputRows:
    for name, values in found.items():
        if type(values) is not list:
            raise RequestError(f"inputs must hold an array for {quote(name)}; got {kind(values)} instead.")
        check_row_count(len(values), limits)
    return found


def error(message: str) -> bytes:
    """Return the body of a refusal, in this and the second protocol."""
    return orjson.dumps({"error": message})
