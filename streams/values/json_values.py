"""Values in JSON (RFC 8259): one object or array an event, also behind the number of a schema in a registry.

An answer holds what the server's answer to a row holds (``label`` and ``probabilities``, ``value``, or
``score`` and ``alert``), and beside it
``model_name``, ``model_version``, ``model_digest`` and ``event_offset``.
"""

import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from headrace.core.base.errors import RequestError
from headrace.serving.model.served_model import ScoredRows
from headrace.streams.broker import Headers
from headrace.streams.stream_model import StreamModel


class JsonValues:
    """JSON in, JSON out; see ``ValueCodec``."""

    def decode(self, values: Sequence[bytes], headers: Sequence[Headers | None] = ()) -> list[Any]:  # noqa: ARG002 - the port's
        """Return the rows in n values, or errors in their place; see ``ValueCodec``."""
        try:
            return list(map(orjson.loads, values))
        except orjson.JSONDecodeError:
            return list(map(_decode_one, values))

    def encode(self, model: StreamModel, scored: ScoredRows, offsets: Sequence[int]) -> list[bytes]:
        """Return the values of n answers; see ``ValueCodec``."""
        # All numbers are written in one call and cut apart, and the rest of an answer is the same for each label.
        numbers = orjson.dumps(scored.scores)
        classes = model.served.classes
        if model.served.answers_alerts:
            templates = [_write_template(model, {"score": _NUMBER, "alert": alert}) for alert in (False, True)]
            values = zip(scored.chosen, numbers[1:-1].split(b","), offsets, strict=True)
            return [templates[alert] % (number, offset) for alert, number, offset in values]
        if not classes:
            if model.served.scorer.intervals is not None:
                return _encode_intervals(model, scored, offsets)
            template = _write_template(model, {"value": _NUMBER})
            return [template % pair for pair in zip(numbers[1:-1].split(b","), offsets, strict=True)]
        chances = dict.fromkeys(classes, _NUMBER)
        templates = [_write_template(model, {"label": label, "probabilities": chances}) for label in classes]
        rows = numbers[2:-2].split(b"],[")
        return [
            templates[label] % (*row.split(b","), offset)
            for label, row, offset in zip(scored.chosen, rows, offsets, strict=True)
        ]


def _encode_intervals(model: StreamModel, scored: ScoredRows, offsets: Sequence[int]) -> list[bytes]:
    """Return the values of n answers of a model with intervals."""
    answers = model.served.objects(scored)
    template = _write_template(model, dict.fromkeys(answers[0] if answers else (), _NUMBER))
    numbers = [tuple(orjson.dumps(number) for number in answer.values()) for answer in answers]
    return [template % (*row, offset) for row, offset in zip(numbers, offsets, strict=True)]


# No name of a model, version or class is it.
_NUMBER = f"a number {uuid.uuid4()}"


def _write_template(model: StreamModel, answer: dict[str, Any]) -> bytes:
    """Return an answer as a format of bytes, with a place for each number and for the offset."""
    facts = {
        **answer,
        "model_name": model.served.name,
        "model_version": model.version,
        "model_digest": model.served.digest,
        "event_offset": 0,
    }
    text = orjson.dumps(facts).replace(b"%", b"%%").removesuffix(b"0}") + b"%d}"
    return text.replace(orjson.dumps(_NUMBER), b"%b")


# What clients of a schema registry put before the text, by its first byte, with which no JSON begins.
_PREFIXES = {b"\0": 5, b"\1": 17}


def _decode_one(value: bytes) -> Any:
    try:
        return orjson.loads(value[_PREFIXES.get(value[:1], 0) :])
    except orjson.JSONDecodeError as error:
        return RequestError(f"the value of an event must be JSON; {error.msg} at byte {error.pos}.", "value")
