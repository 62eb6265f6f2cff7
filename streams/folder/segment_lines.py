"""Lines of a segment: one record a line, as JSON.

A record is an array ``[timestamp, key, value, headers]``, whose bytes are texts, or ``{"base64": "..."}`` where they
are no UTF-8. The end of a transaction is the text ``"commit"``, which takes an offset as the marker of a broker does.
Any other line, such as the object of a JSON Lines file that a person has put there, is the value of a record.
"""

import base64
from typing import NamedTuple

import orjson

from headrace.streams.broker import Headers, OutgoingRecord

COMMIT = b'"commit"'


class StoredRecord(NamedTuple):
    """A record of a partition.

    Attributes:
        timestamp: Time in milliseconds since 1970; 0 if unknown.
        key: Key, or None.
        value: Value; None for a tombstone.
        headers: Headers; empty for none.
    """

    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def write_line(record: OutgoingRecord, timestamp: int) -> bytes:
    """Return a record as a line, without the line feed.

    Args:
        record: The record.
        timestamp: Its time, in milliseconds since 1970.
    """
    headers = [[name, _as_json(value)] for name, value in record.headers or ()]
    return orjson.dumps([timestamp, _as_json(record.key), _as_json(record.value), headers])


def read_line(line: bytes) -> StoredRecord | None:
    """Return the record in a line; None for the end of a transaction.

    Args:
        line: The line, without its line feed.
    """
    if line == COMMIT:
        return None
    if line.startswith(b"["):
        try:
            timestamp, key, value, headers = orjson.loads(line)
            named = [(str(name), _as_bytes(one)) for name, one in headers]
            return StoredRecord(int(timestamp), _as_bytes(key), _as_bytes(value), named)
        except (ValueError, TypeError, KeyError):
            pass  # somebody's own line, which the contract will judge
    return StoredRecord(0, None, line, ())


def _as_json(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _as_bytes(value: str | dict[str, str] | None) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"], validate=True)
