"""The port of values: how the bytes of events become rows, and how answers become bytes."""

from collections.abc import Sequence
from typing import Any, Protocol

from headrace.serving.model.served_model import ScoredRows
from headrace.streams.stream_model import StreamModel


class ValueCodec(Protocol):
    """Reads the values of events and writes those of answers."""

    def decode(self, values: Sequence[bytes]) -> list[Any]:
        """Return the rows in n values; one that cannot be read does not keep the others from being read.

        Args:
            values: n values.

        Returns:
            n rows: objects by column name, or arrays in the order of the contract's inputs; in the place of a value
            that is of another form, a ``RequestError`` with the reason ``value``.
        """

    def encode(self, model: StreamModel, scored: ScoredRows, offsets: Sequence[int]) -> list[bytes]:
        """Return the values of n answers.

        Args:
            model: The model that answers.
            scored: Its answers to n rows.
            offsets: Offsets of the n events.
        """
