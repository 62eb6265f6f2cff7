"""The port of values: how the bytes of events become rows, and how answers become bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from headrace.serving.model.served_model import ScoredRows
from headrace.streams.broker import Headers
from headrace.streams.stream_model import StreamModel


class ValueReader(Protocol):
    """Reads the values of events."""

    def decode(self, values: Sequence[bytes], headers: Sequence[Headers | None] = ()) -> list[Any]:
        """Return the rows in n values; one that cannot be read does not keep the others from being read.

        Args:
            values: n values.
            headers: Headers of the n events; empty if they say nothing about the values.

        Returns:
            n rows: objects by column name, or arrays in the order of the contract's inputs, with values as JSON holds
            them; in the place of a value that is of another form, a ``RequestError`` with the reason ``value``.

        Raises:
            SchemasUnavailable: If a schema is needed from a registry that does not answer; nothing is decided about any
                of the values.
        """


class AnswerWriter(Protocol):
    """Writes the values of answers."""

    def encode(self, model: StreamModel, scored: ScoredRows, offsets: Sequence[int]) -> list[bytes]:
        """Return the values of n answers.

        Args:
            model: The model that answers.
            scored: Its answers to n rows.
            offsets: Offsets of the n events.

        Raises:
            SchemasUnavailable: If the schema of the answers cannot be registered, since nobody answers.
        """


class ValueCodec(ValueReader, AnswerWriter, Protocol):
    """Reads the values of events and writes those of answers."""


@dataclass(frozen=True)
class MixedValues:
    """A codec of two parts, such as events in Avro and answers in JSON.

    Attributes:
        reader: Reads events.
        writer: Writes answers.
    """

    reader: ValueReader
    writer: AnswerWriter

    def decode(self, values: Sequence[bytes], headers: Sequence[Headers | None] = ()) -> list[Any]:
        """Return the rows in n values; see ``ValueReader``."""
        return self.reader.decode(values, headers)

    def encode(self, model: StreamModel, scored: ScoredRows, offsets: Sequence[int]) -> list[bytes]:
        """Return the values of n answers; see ``AnswerWriter``."""
        return self.writer.encode(model, scored, offsets)
