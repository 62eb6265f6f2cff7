"""The port of values: how the bytes of an event become a row, and how an answer becomes bytes."""

from typing import Any, Protocol


class ValueCodec(Protocol):
    """Reads the values of events and writes those of answers."""

    def decode(self, value: bytes) -> Any:
        """Return the row in a value: an object by column name, or an array in the order of the contract's inputs.

        Raises:
            RequestError: If the bytes are of another form; the reason is ``value``.
        """

    def encode(self, answer: dict[str, Any]) -> bytes:
        """Return the value of an answer."""
