"""Test cases of a model: requests with the predictions that a server must reproduce before it takes traffic."""

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from headrace.core.contracts.contract import Column, Contract
from headrace.core.inference.prediction_json import to_json
from headrace.core.models.fitted_model import Model
from headrace.core.models.networks.network_estimator import NetworkEstimator
from headrace.core.validation.records import records, table, validate_records
from headrace.core.validation.row_digest import DIGEST, row_digest

FORMAT = 2
MOST_CASES = 20
# Far above the differences between processors or thread counts, far below what a client would notice.
TOLERANCE = {"relative": 1e-6, "absolute": 1e-9}
# A network computes in float32, and its sums differ with the number of rows of a call.
NETWORK_TOLERANCE = {"relative": 1e-3, "absolute": 1e-5}
_DIGITS = 10


def make(model: Model, test: pl.DataFrame, actuals: pl.Series) -> dict[str, Any]:
    """Make test cases from test rows, chosen by their inputs alone; rows with equal inputs give one case.

    Args:
        model: The model; its predictions are the expected ones.
        test: Typed test rows (n), with the contract's inputs.
        actuals: The target of these rows (n,).

    Returns:
        Content of ``cases.json``: ``format``, ``task``, ``tolerance`` and ``cases`` [{``request``, ``matrix``,
        ``expected``, ``actual``}], at most 20; ``matrix`` is the row that ``model.onnx`` takes, None for NaN. Personal
        values are left out where the contract lets them be missing; at least one case has a missing value if the
        contract allows any.
    """
    inputs = model.contract.inputs
    names = [column.name for column in inputs]
    chosen = (
        row_digest(test.select(names).with_columns(actuals.alias("_actual")), names)
        .sort(DIGEST, "_actual")
        .unique(DIGEST, keep="first", maintain_order=True)
        .head(MOST_CASES)
    )
    requests = [_without_personal(record, inputs) for record in records(chosen, inputs)]
    _ensure_missing(requests, model.contract)
    column = model.contract.label_column
    public_actuals = [
        "" if column is None or column.personal else value for value in _texts(chosen.get_column("_actual"))
    ]
    return _answer_cases(model, requests, public_actuals)


def remake(model: Model, document: Mapping[str, Any]) -> dict[str, Any]:
    """Make the test cases of another model with the same contract: the same requests, with its own answers.

    Args:
        model: The model.
        document: Content of a ``cases.json``.

    Raises:
        KeyError: If it is another document.
    """
    cases = document["cases"]
    return _answer_cases(model, [case["request"] for case in cases], [case["actual"] for case in cases])


def answer_requests(model: Model, requests: list[dict[str, Any]]) -> dict[str, Any]:
    """Make test cases of requests whose actual values nobody knows.

    Args:
        model: The model.
        requests: Rows that the contract takes.
    """
    return _answer_cases(model, requests, [""] * len(requests))


def _answer_cases(model: Model, requests: list[dict[str, Any]], actuals: list[Any]) -> dict[str, Any]:
    typed = validate_records(table(requests, model.contract), model.contract)
    expected = to_json(model.predict(typed), model.classes)
    rows = [_numbers(row) for row in model.encode(typed).tolist()]
    cases = [
        {"request": request, "matrix": row, "expected": _round_answer(answer), "actual": actual}
        for request, row, answer, actual in zip(requests, rows, expected, actuals, strict=True)
    ]
    tolerance = NETWORK_TOLERANCE if isinstance(model.pipeline[-1], NetworkEstimator) else TOLERANCE
    return {"format": FORMAT, "task": model.contract.task, "tolerance": tolerance, "cases": cases}


def _without_personal(record: dict[str, Any], inputs: tuple[Column, ...]) -> dict[str, Any]:
    hidden = {column.name for column in inputs if column.personal and _may_be_missing(column)}
    return {name: None if name in hidden else value for name, value in record.items()}


def _ensure_missing(requests: list[dict[str, Any]], contract: Contract) -> None:
    if any(value is None for record in requests for value in record.values()):
        return
    optional = next((column.name for column in contract.inputs if _may_be_missing(column)), "")
    if optional:
        requests[-1][optional] = None


def _may_be_missing(column: Column) -> bool:
    return column.missing > 0


def _numbers(row: list[float]) -> list[float | None]:
    """Convert a row of the matrix (p,) to what JSON can hold."""
    return [None if math.isnan(value) else value for value in row]


def _texts(actuals: pl.Series) -> list[Any]:
    return actuals.to_list() if actuals.dtype.is_float() else actuals.cast(pl.String).to_list()


def _round_answer(answer: Any) -> Any:
    """Round numbers to ten significant digits; the digits beyond differ between processors."""
    if isinstance(answer, dict):
        return {key: _round_answer(value) for key, value in answer.items()}
    return float(f"{answer:.{_DIGITS}g}") if isinstance(answer, float) else answer
