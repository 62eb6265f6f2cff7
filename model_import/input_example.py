"""The input example of a model of MLflow: rows that become test cases."""

import json
from collections.abc import Sequence
from typing import Any

from headrace.core.base.errors import InputError
from headrace.model_import.model_folder import ModelFolder

_SERVING, _STORED = "serving_input_example.json", "input_example.json"
_MOST_BYTES = 16 << 20
MOST_ROWS = 20


def read_example(model: ModelFolder, names: Sequence[str]) -> list[dict[str, Any]]:
    """Read the first rows of a model's input example.

    Args:
        model: The model's folder.
        names: Names of the model's inputs, in order.

    Returns:
        At most 20 rows by column; empty if there is no example, or one of another form than rows of these columns.

    Raises:
        InputError: If it is not JSON, or too large.
    """
    for name in (_SERVING, _STORED):
        if name in model.files:
            try:
                document = json.loads(model.read(name, most=_MOST_BYTES))
            except (ValueError, RecursionError) as error:
                raise InputError(f"{model.path / name} must be JSON; {error}.") from error
            return [row for row in _rows(document, names) if set(row) <= set(names)][:MOST_ROWS]
    return []


def _rows(document: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of each form that MLflow writes."""
    if isinstance(document, dict):
        for key in ("dataframe_split", "dataframe_records", "inputs", "instances"):
            if key in document:
                return _rows(document[key], names)
        if isinstance(document.get("data"), list):
            columns = document.get("columns", list(names))
            listed = [row for row in document["data"] if isinstance(row, list) and len(row) == len(columns)]
            return [dict(zip(map(str, columns), row, strict=True)) for row in listed]
        lists = {str(key): value for key, value in document.items() if isinstance(value, list)}
        if len(lists) == len(document) and lists:
            size = min(map(len, lists.values()))
            return [{key: _scalar(value[place]) for key, value in lists.items()} for place in range(size)]
        return []
    if isinstance(document, list):
        records = [row for row in document if isinstance(row, dict)]
        arrays = [row for row in document if isinstance(row, list) and len(row) == len(names)]
        return records or [dict(zip(names, row, strict=True)) for row in arrays]
    return []


def _scalar(value: Any) -> Any:
    """Return the value of a tensor (n, 1) in a row."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
