"""Rows of a request as the monitors read them: the columns of ``core/monitors/data/window_rows``."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from headrace.core.base.errors import RequestError
from headrace.core.contracts.contract import Contract
from headrace.core.monitors.data.column_types import build_column
from headrace.core.monitors.data.window_rows import (
    FIXED_COLUMNS,
    INPUT_PREFIX,
    LABEL,
    MODEL_DIGEST,
    PROBABILITY_PREFIX,
    REQUEST_ID,
    ROW,
    TIME,
    VALUE,
)
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel


def input_frame(columns: InputRows, contract: Contract) -> pl.DataFrame:
    """Return the inputs of n rows, none of them personal.

    Args:
        columns: Values (n,) by name, as ``v2.columns`` returns them.
        contract: The contract of the model.

    Raises:
        RequestError: If there are no rows.
    """
    personal = {column.name for column in contract.columns if column.personal}
    given = dict(columns) if isinstance(columns, dict) else {}
    if not any(map(len, given.values())):
        raise RequestError("a request must hold at least one row; got none.", "shape")
    return pl.DataFrame([build_column(name, _plain(values)) for name, values in given.items() if name not in personal])


def stored_frame(
    inputs: pl.DataFrame, scored: ScoredRows | None, served: ServedModel, *, request: str, time: datetime | None = None
) -> pl.DataFrame:
    """Return n rows of a request with their answers.

    Args:
        inputs: What ``input_frame`` returned.
        scored: The answers; None if the contract refuses a row.
        served: The model.
        request: Id of the request.
        time: Its time; None for now.
    """
    rows = inputs.height
    moment = time or datetime.now(UTC)
    fixed = {
        REQUEST_ID: [request] * rows,
        ROW: range(rows),
        TIME: [moment] * rows,
        MODEL_DIGEST: [served.digest] * rows,
    }
    columns = [pl.Series(name, values, dtype=FIXED_COLUMNS[name]) for name, values in fixed.items()]
    columns += [series.alias(INPUT_PREFIX + series.name) for series in inputs.get_columns()]
    return pl.DataFrame([*columns, *_answers(scored, served, rows)])


def _answers(scored: ScoredRows | None, served: ServedModel, rows: int) -> list[pl.Series]:
    missing = [None] * rows
    if not served.classes:
        return [pl.Series(VALUE, missing if scored is None else scored.scores, dtype=pl.Float64())]
    labels = missing if scored is None else [served.classes[index] for index in scored.chosen]
    probabilities = [missing] * len(served.classes) if scored is None else list(zip(*scored.scores, strict=True))
    return [
        pl.Series(LABEL, labels, dtype=pl.String()),
        *(
            pl.Series(PROBABILITY_PREFIX + name, values, dtype=pl.Float64())
            for name, values in zip(served.classes, probabilities, strict=True)
        ),
    ]


def _plain(values: Sequence[Any] | np.ndarray[Any, Any]) -> Sequence[Any]:
    if isinstance(values, np.ndarray):
        return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - NaN
    return values
