"""Files of logged payloads: lines of Headrace's payload log, and what KServe's logger stores as JSON, CSV or Parquet.

KServe's logger names a file after the first record of its batch, so responses may lie in a file of requests: only the
records say what they are. Records have no time.
"""

import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import orjson
import polars as pl

from headrace.core.base.errors import RequestError
from headrace.monitoring.collect.payload_event import PayloadEvent, from_document, from_record, is_record

FileItem = PayloadEvent | RequestError
"""An event of a file, or why it cannot be read."""
LINES = (".jsonl", ".ndjson")
SUFFIXES = (*LINES, ".json", ".csv", ".parquet")


def read_file(name: str, content: bytes) -> Iterator[FileItem]:
    """Yield the events of a file, and an error for each one that cannot be read.

    Args:
        name: Its name, whose ending says what it is.
        content: Its content.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in LINES:
        for line in content.splitlines():
            if line.strip():
                yield read_line(line)
        return
    try:
        records = _read_records(suffix, content)
    except (orjson.JSONDecodeError, pl.exceptions.PolarsError, OSError) as error:
        yield RequestError(f"{name} must be {suffix[1:].upper()} as KServe's logger stores it; {error}.", "file")
        return
    for record in records:
        yield _read_record(record)


def read_line(line: bytes) -> FileItem:
    """Return the event in a line of a payload log, or why it cannot be read."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return RequestError(f"a line of a payload log must be JSON; {error}.", "json")
    return _read_record(document)


def _read_records(suffix: str, content: bytes) -> Iterator[Any]:
    if suffix == ".json":
        document = orjson.loads(content)
        return iter(document if type(document) is list else [document])
    if suffix == ".csv":
        return pl.read_csv(io.BytesIO(content), infer_schema=False).iter_rows(named=True)
    return pl.read_parquet(io.BytesIO(content)).iter_rows(named=True)


def _read_record(record: Any) -> FileItem:
    try:
        if type(record) is dict and (is_record(record) or "reqType" in record):
            return from_record(record)
        return from_document(record)
    except RequestError as error:
        return error
