"""Builds the table of scored rows from requests and their responses."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from headrace.core.contracts.contract import Contract
from headrace.monitoring.collect.collected_event import CollectedEvent
from headrace.monitoring.windows.column_types import build_column
from headrace.monitoring.windows.window_rows import (
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

Pair = tuple[CollectedEvent | None, CollectedEvent | None]
"""A request and its response; one of them may be absent."""


def stored_columns(contract: Contract) -> dict[str, pl.DataType | None]:
    """Return the columns beside the fixed ones that each file of a model has, with their types.

    Args:
        contract: The model's contract.

    Returns:
        Types by name; None for the inputs, whose type depends on their values.
    """
    inputs: dict[str, pl.DataType | None] = {
        INPUT_PREFIX + column.name: None for column in contract.monitored_columns if column.name not in contract.keys
    }
    if contract.task == "regression":
        return {**inputs, VALUE: pl.Float64()}
    chances = {PROBABILITY_PREFIX + name: pl.Float64() for name in contract.target.categories or ()}
    return {**inputs, LABEL: pl.String(), **chances}


def build_rows(pairs: Iterable[Pair], columns: dict[str, pl.DataType | None]) -> pl.DataFrame:
    """Return the rows of requests with their answers; what is not known is null.

    Args:
        pairs: Pairs of different requests, of which at least one half is there.
        columns: Columns beside the fixed ones that the table has at least, as ``stored_columns`` returns them.

    Returns:
        n rows with the columns of ``window_rows``.
    """
    ids: list[str] = []
    places: list[int] = []
    times: list[int] = []
    digests: list[str] = []
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for request, response in pairs:
        first = request or response
        if first is None:
            continue
        start = len(ids)
        rows = max(request.rows if request else 0, response.rows if response else 0)
        ids += [first.request_id] * rows
        places += range(rows)
        times += [first.time] * rows
        digests += [(response and response.model_digest) or first.model_digest] * rows
        for half in (request, response):
            for name, added in half.columns.items() if half else ():
                column = values.setdefault(name, [])
                if len(column) < start:
                    column += [None] * (start - len(column))
                column += added
    table = [
        pl.Series(REQUEST_ID, ids, dtype=FIXED_COLUMNS[REQUEST_ID]),
        pl.Series(ROW, places, dtype=FIXED_COLUMNS[ROW]),
        pl.Series(TIME, times, dtype=pl.Int64()).cast(FIXED_COLUMNS[TIME]),
        pl.Series(MODEL_DIGEST, digests, dtype=FIXED_COLUMNS[MODEL_DIGEST]),
    ]
    for name, column in values.items():
        column.extend([None] * (len(ids) - len(column)))
        dtype = columns.get(name)
        table.append(build_column(name, column) if dtype is None else pl.Series(name, column, dtype=dtype))
    return pl.DataFrame(table)
