"""Builds the table of scored rows from requests and their responses."""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

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
from headrace.monitoring.collect.collected_event import CollectedEvent, Names

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
    if contract.answers_number:
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
    pairs = list(pairs)
    counts = [max(len(half.rows) if half else 0 for half in pair) for pair in pairs]
    ids: list[str] = []
    places: list[int] = []
    times: list[int] = []
    digests: list[str] = []
    for (request, response), count in zip(pairs, counts, strict=True):
        first = request or response
        if first is None:
            continue
        ids += [first.request_id] * count
        places += range(count)
        times += [first.time] * count
        digests += [(response and response.model_digest) or first.model_digest] * count
    values = _build_side([pair[0] for pair in pairs], counts) | _build_side([pair[1] for pair in pairs], counts)
    table = [
        pl.Series(REQUEST_ID, ids, dtype=FIXED_COLUMNS[REQUEST_ID]),
        pl.Series(ROW, places, dtype=FIXED_COLUMNS[ROW]),
        pl.Series(TIME, times, dtype=pl.Int64()).cast(FIXED_COLUMNS[TIME]),
        pl.Series(MODEL_DIGEST, digests, dtype=FIXED_COLUMNS[MODEL_DIGEST]),
    ]
    missing = [None] * len(ids)
    for name in {**columns, **values}:
        dtype, column = columns.get(name), values.get(name, missing)
        table.append(build_column(name, column) if dtype is None else pl.Series(name, column, dtype=dtype))
    return pl.DataFrame(table)


def _build_side(halves: Sequence[CollectedEvent | None], counts: Sequence[int]) -> dict[str, Sequence[Any]]:
    """Return the columns of the requests, or of the responses, of pairs; None where one is absent.

    Args:
        halves: The requests, or the responses; None for one that is absent.
        counts: Number of rows of each pair.
    """
    all_names = {half.names for half in halves if half is not None}
    names = tuple(dict.fromkeys(name for some in sorted(all_names) for name in some))
    missing = (None,) * len(names)
    rows: list[Sequence[Any]] = []
    for half, count in zip(halves, counts, strict=True):
        if half is None:
            rows += [missing] * count
            continue
        rows += half.rows if half.names == names else _arrange(half, names)
        if len(half.rows) < count:
            rows += [missing] * (count - len(half.rows))
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    return {name: column for name, column in columns.items() if column.count(None) < len(column)}


def _arrange(half: CollectedEvent, names: Names) -> list[Sequence[Any]]:
    """Return the rows of an event, which has some of the columns, under the names of all."""
    return [tuple(map(dict(zip(half.names, row, strict=True)).get, names)) for row in half.rows]
