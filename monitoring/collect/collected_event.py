"""What is kept of an event: the columns of its rows, and how that is written to a journal."""

from typing import Any, NamedTuple

import orjson


class CollectedEvent(NamedTuple):
    """The kept part of one request or one response of n rows; a tuple, because it is cheap to create.

    Attributes:
        request_id: The id that request and response share.
        is_response: Which of both it is.
        time: Time of the event, in microseconds since 1970 in UTC.
        model_digest: Digest of the bundle that answered; empty if the event does not say.
        rows: n.
        columns: Values (n,) by the name of their stored column; None where one is missing.
    """

    request_id: str
    is_response: bool
    time: int
    model_digest: str
    rows: int
    columns: dict[str, list[Any]]

    def as_line(self) -> bytes:
        """Return it as a line of JSON, without the line feed; ``from_line`` is the inverse."""
        return orjson.dumps([*self])


def from_line(line: bytes) -> CollectedEvent:
    """Read what ``as_line`` returned.

    Raises:
        ValueError: If it is something else.
    """
    return CollectedEvent(*orjson.loads(line))
