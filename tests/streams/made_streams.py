"""Events of the usual bundle, a model that scores them, and batches and topics made of them."""

import functools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.serving.model.served_model import ServedModel
from headrace.streams.broker import EventBatch, Headers, OutgoingRecord
from headrace.streams.stream_model import StreamModel, StreamModels
from tests.made_bundle import copy_bundle

ROW = {"age": 30, "spend": 2.5, "plan": "basic", "joined": "2024-05-01 10:15:00"}
GOOD = json.dumps(ROW).encode()
POISON = b'{"age": '


def event(**changes: Any) -> bytes:
    """A row with changes, as JSON."""
    return json.dumps({**ROW, **changes}).encode()


@functools.cache
def bundle_folder() -> Path:
    """The folder of the usual bundle, made once in a process."""
    return copy_bundle(Path(tempfile.mkdtemp(prefix="stream-bundle-"))).folder


@functools.cache
def stream_model(version: str = "1.0.0") -> StreamModel:
    """The usual model under a version."""
    return StreamModel(ServedModel.open(bundle_folder()), version, f"/{version}")


def models() -> StreamModels:
    """The usual model alone."""
    return StreamModels(stream_model())


def batch_of(
    values: Sequence[bytes | None],
    *,
    keys: Sequence[bytes | None] | None = None,
    headers: Sequence[Headers | None] | None = None,
    timestamps: Sequence[int] | None = None,
    partition: int = 0,
) -> EventBatch:
    """A batch of one partition, with offsets from 100."""
    count = len(values)
    return EventBatch(
        list(values),
        list(keys or [b"k%d" % number for number in range(count)]),
        list(headers or [None] * count),
        list(timestamps or [1_700_000_000_000] * count),
        [partition] * count,
        list(range(100, 100 + count)),
    )


def record(
    value: bytes | None, *, key: bytes | None = None, partition: int = 0, headers: Headers = (), timestamp: int = 1
) -> OutgoingRecord:
    """A record of a producer."""
    return OutgoingRecord("events", partition, value, key, headers, timestamp)
