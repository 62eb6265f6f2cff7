"""Answers in Avro: one schema for all classifiers, one for all regressions, so that a new version never changes it."""

import io
import struct
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from fastavro import parse_schema, schemaless_writer

from headrace.serving.model.served_model import ScoredRows
from headrace.streams.schema_registry import SchemaRegistry
from headrace.streams.stream_model import StreamModel

_LABEL = [
    {"name": "label", "type": "string", "doc": "The class with the answer."},
    {"name": "probabilities", "type": {"type": "map", "values": "double"}, "doc": "By class."},
]
_VALUE = [{"name": "value", "type": "double", "doc": "The answer."}]
_FACTS = [
    {"name": "model_name", "type": "string", "doc": "Name of the model."},
    {"name": "model_version", "type": "string", "doc": "Its version in the registry; empty without one."},
    {"name": "model_digest", "type": "string", "doc": "Digest of its bundle."},
    {"name": "event_offset", "type": "long", "doc": "Offset of the event in its partition."},
]


def answer_schema(*, has_classes: bool) -> str:
    """Return the Avro schema of answers, in JSON.

    Args:
        has_classes: Whether the model is a classifier.
    """
    name, fields = ("Classification", _LABEL) if has_classes else ("Regression", _VALUE)
    schema = {"type": "record", "name": name, "namespace": "headrace", "fields": [*fields, *_FACTS]}
    return orjson.dumps(schema).decode()


class AvroAnswers:
    """Writes answers in Avro; see ``AnswerWriter``."""

    def __init__(self, registry: SchemaRegistry | None = None, *, subject: str = "") -> None:
        """Prepare to write.

        Args:
            registry: Where their schema is registered, so that its number stands before each answer; None for none.
            subject: Under which subject, such as ``scores-value``.
        """
        self._registry, self._subject = registry, subject
        self._writers: dict[bool, Callable[[dict[str, Any]], bytes]] = {}

    def register(self, *, has_classes: bool) -> None:
        """Register the schema before the first answer.

        Args:
            has_classes: Whether the model is a classifier.

        Raises:
            SchemasUnavailable: If the registry does not answer.
            StoreError: If it refuses the schema.
        """
        if has_classes in self._writers:
            return
        text = answer_schema(has_classes=has_classes)
        head = b""
        if self._registry:
            head = struct.pack(">bI", 0, self._registry.register(self._subject, text))
        self._writers[has_classes] = _make_writer(text, head)

    def encode(self, model: StreamModel, scored: ScoredRows, offsets: Sequence[int]) -> list[bytes]:
        """Return the values of n answers; see ``AnswerWriter``."""
        classes = model.served.classes
        self.register(has_classes=bool(classes))
        write = self._writers[bool(classes)]
        facts = {
            "model_name": model.served.name,
            "model_version": model.version,
            "model_digest": model.served.digest,
        }
        if not classes:
            pairs = zip(scored.scores, offsets, strict=True)
            return [write({"value": value, **facts, "event_offset": offset}) for value, offset in pairs]
        return [
            write(
                {
                    "label": classes[label],
                    "probabilities": dict(zip(classes, row, strict=True)),
                    **facts,
                    "event_offset": offset,
                }
            )
            for row, label, offset in zip(scored.scores, scored.chosen, offsets, strict=True)
        ]


def _make_writer(text: str, head: bytes) -> Callable[[dict[str, Any]], bytes]:
    parsed = parse_schema(orjson.loads(text))

    def write(answer: dict[str, Any]) -> bytes:
        stream = io.BytesIO()
        stream.write(head)
        schemaless_writer(stream, parsed, answer)
        return stream.getvalue()

    return write
