"""What is kept of an event: its rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

Names = tuple[str, ...]


class CollectedEvent(NamedTuple):
    """The kept part of one request or one response of n rows; a tuple, because it is cheap to create.

    Attributes:
        names: Names of the k stored columns, one tuple that many events share.
        request_id: The id that request and response share.
        is_response: Which of both it is.
        time: Time of the event, in microseconds since 1970 in UTC.
        model_digest: Digest of the bundle that answered; empty if the event does not say.
        rows: Values (n, k), row by row; None where one is missing.
    """

    names: Names
    request_id: str
    is_response: bool
    time: int
    model_digest: str
    rows: Sequence[Sequence[Any]]
