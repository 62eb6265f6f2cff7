"""Answers in Avro: one schema for all classifiers, one for all regressions, so that a new version never changes it."""

import itertools
import struct
from collections.abc import Sequence

import orjson

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
        self._heads: dict[bool, bytes] = {}

    def register(self, *, has_classes: bool) -> None:
        """Register the schema before the first answer.

        Args:
            has_classes: Whether the model is a classifier.

        Raises:
            SchemasUnavailable: If the registry does not answer.
            StoreError: If it refuses the schema.
        """
        if has_classes in self._heads:
            return
        head = b""
        if self._registry:
            number = self._registry.register(self._subject, answer_schema(has_classes=has_classes))
            head = struct.pack(">bI", 0, number)
        self._heads[has_classes] = head

    def encode(self, model: StreamModel, scored: ScoredRows, offsets: Sequence[int]) -> list[bytes]:
        """Return the values of n answers; see ``AnswerWriter``."""
        classes = model.served.classes
        self.register(has_classes=bool(classes))
        head = self._heads[bool(classes)]
        facts = b"".join(map(_write_text, (model.served.name, model.version, model.served.digest)))
        if not classes:
            pack = struct.Struct(f"<{len(head)}sd{len(facts)}s").pack
            pairs = zip(scored.scores, offsets, strict=True)
            return [pack(head, value, facts) + _write_long(offset) for value, offset in pairs]
        # An answer is numbers with texts between them, of which only the label differs.
        names = [_write_text(name) for name in classes]
        count = _write_long(len(classes))
        firsts = [head + name + count + names[0] for name in names]
        between, last = names[1:], _write_long(0) + facts
        shape = "".join(f"d{len(name)}s" for name in [*between, last])
        packs = [struct.Struct(f"<{len(first)}s{shape}").pack for first in firsts]
        texts = [*between, last]
        return [
            packs[label](firsts[label], *itertools.chain.from_iterable(zip(row, texts, strict=True)))
            + _write_long(offset)
            for row, label, offset in zip(scored.scores, scored.chosen, offsets, strict=True)
        ]


def _write_long(number: int) -> bytes:
    """Return a whole number as Avro writes it: zigzag, seven bits in a byte."""
    rest = (number << 1) ^ (number >> 63)
    written = bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)


def _write_text(text: str) -> bytes:
    content = text.encode()
    return _write_long(len(content)) + content
