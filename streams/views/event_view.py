"""One event as a person looks at it: what it is, and what it says."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from headrace.streams.broker import EventBatch, Headers
from headrace.streams.views.safe_text import MOST_DECODED, describe_bytes, describe_value

EventKind = Literal["answer", "dead letter", "tombstone", "json", "bytes"]
_REASON, _SENTENCE = "headrace-reason", "headrace-sentence"
_LATEST_MS = 253_402_300_799_999


@dataclass(frozen=True)
class EventView:
    """An event.

    Attributes:
        partition: Its partition.
        offset: Its offset.
        time: Its time; None if it has none that a calendar knows.
        key: Its key, or None.
        value: Its value; None for a tombstone.
        headers: Its headers.
        kind: What it is: an answer of ``headrace stream``, a dead letter, a tombstone, another JSON document, or bytes.
        document: The JSON document in its value, if it is one; else None.
    """

    partition: int
    offset: int
    time: datetime | None
    key: bytes | None
    value: bytes | None
    headers: Headers
    kind: EventKind
    document: Any

    @property
    def reason(self) -> str:
        """Reason of a dead letter in a word; empty for other events."""
        return _header(self.headers, _REASON)

    @property
    def sentence(self) -> str:
        """Reason of a dead letter in a sentence; empty for other events."""
        return _header(self.headers, _SENTENCE)

    @property
    def label(self) -> str:
        """Label of an answer; empty for what has none."""
        return str(self.document["label"]) if self.kind == "answer" and "label" in self.document else ""

    @property
    def probability(self) -> float | None:
        """Probability of an answer's label; None for what has none."""
        chances = self.document.get("probabilities") if self.label else None
        found = chances.get(self.label) if isinstance(chances, dict) else None
        return float(found) if isinstance(found, int | float) else None

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values: bytes that are no UTF-8 as ``{"base64": ...}``."""
        return {
            "time": self.time.isoformat(timespec="milliseconds") if self.time else None,
            "partition": self.partition,
            "offset": self.offset,
            "kind": self.kind,
            "key": _plain(self.key),
            "value": _plain(self.value) if self.document is None else self.document,
            "headers": [[name, _plain(value)] for name, value in self.headers],
        }

    def describe(self) -> str:
        """Return what the event says on one line, neither cut nor safe to print."""
        if self.kind == "tombstone":
            return "(tombstone)"
        if self.kind == "dead letter":
            return f"{self.reason}: {self.sentence or describe_bytes(self.value or b'')}"
        if self.kind == "answer":
            return _describe_answer(self)
        if isinstance(self.document, dict):
            return "  ".join(f"{name}={describe_value(value)}" for name, value in self.document.items()) or "{}"
        return describe_bytes(self.value or b"")


def view_events(batch: EventBatch) -> Iterator[EventView]:
    """Yield the n events of a batch.

    Args:
        batch: The batch.
    """
    for place, value in enumerate(batch.values):
        headers = batch.headers[place] or ()
        document = _parse(value)
        yield EventView(
            partition=batch.partitions[place],
            offset=batch.offsets[place],
            time=_moment(batch.timestamps[place]),
            key=batch.keys[place],
            value=value,
            headers=headers,
            kind=_find_kind(value, headers, document),
            document=document,
        )


def _find_kind(value: bytes | None, headers: Headers, document: Any) -> EventKind:
    if _header(headers, _REASON):
        return "dead letter"
    if value is None:
        return "tombstone"
    if (
        isinstance(document, dict)
        and "model_digest" in document
        and bool(document.keys() & {"label", "value", "score"})
    ):
        return "answer"
    return "bytes" if document is None else "json"


def _describe_answer(event: EventView) -> str:
    answer = event.document
    version = answer.get("model_version") or str(answer["model_digest"])[:12]
    model = f"{answer.get('model_name', '')} {version}".strip()
    if "score" in answer:
        return f"{describe_value(answer['score'])}{' alert' if answer.get('alert') else ''}  by {model}"
    if not event.label:
        return f"{describe_value(answer['value'])}  by {model}"
    chance = "" if event.probability is None else f" {event.probability:.3f}"
    return f"{event.label}{chance}  by {model}"


def _parse(value: bytes | None) -> Any:
    """Return the document in a value; None if there is none, or it is too long to look at."""
    if value is None or len(value) > MOST_DECODED:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _header(headers: Headers, name: str) -> str:
    # The last one is what was added last.
    found = [value for one, value in headers if one == name and isinstance(value, bytes)]
    return found[-1].decode(errors="replace") if found else ""


def _moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if 0 < milliseconds <= _LATEST_MS else None


def _plain(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
