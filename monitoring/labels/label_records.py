"""Labels in the records of a topic as tables of labels."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import polars as pl

from headrace.core.contracts.contract import Contract
from headrace.monitoring.labels.label_table import EVENT_COLUMNS, REASON, LabelColumns, LabelKind, find_kind
from headrace.streams.broker import EventBatch

VALUE = "value"
"""Column: a record that is no label, as it came."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_999  # the end of the year 9999


def read_label_records(
    batch: EventBatch, contract: Contract, columns: LabelColumns
) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """Return the labels in records as tables, one for each way in which they name their rows.

    A label is an object of JSON. One that says no time was observed at the time of its record.

    Args:
        batch: n records.
        contract: The contract of the model.
        columns: Names of what an object holds.

    Returns:
        Tables of texts, whose rows are in the order of the records; and the records that are no labels, with their
        ``value`` and the ``reason``.
    """
    actual = columns.actual or (contract.label_column.name if contract.label_column else "label")
    named: dict[LabelKind, list[dict[str, str | None]]] = {}
    refused: list[tuple[str | None, str]] = []
    names = {
        "request": (columns.request_id, columns.row),
        "key": contract.keys,
        "event": EVENT_COLUMNS,
    }
    for value, time_stamp in zip(batch.values, batch.timestamps, strict=True):
        label, reason = _read_object(value)
        kind = find_kind(label, contract, columns)
        if not reason and kind is None:
            reason = (
                "a label must name its row by the request's id, the contract's keys, or topic, partition and offset"
            )
        if reason or kind is None:
            refused.append((None if value is None else value.decode(errors="replace"), reason))
            continue
        wanted = {name: _text(label.get(name)) for name in (*names[kind], actual)}
        if kind == "request" and wanted[columns.row] is None:
            wanted[columns.row] = "0"
        observed = _text(label.get(columns.observed))
        wanted[columns.observed] = _time(time_stamp) if observed is None else observed
        named.setdefault(kind, []).append(wanted)
    tables = [pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String())) for rows in named.values()]
    return tables, pl.DataFrame(refused, schema={VALUE: pl.String(), REASON: pl.String()}, orient="row")


def _read_object(value: bytes | None) -> tuple[dict[str, Any], str]:
    """Return the object in a record, or why there is none."""
    if value is None:
        return {}, "the record has no value; a label that was wrong is corrected by another one"
    try:
        label = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}, "the value is not JSON"
    return (label, "") if type(label) is dict else ({}, "the value is not a JSON object")


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return orjson.dumps(value).decode()


def _time(milliseconds: int) -> str | None:
    if not 0 < milliseconds <= _LATEST:
        return None
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat()
