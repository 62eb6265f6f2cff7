"""Limits of requests."""

from dataclasses import dataclass, fields

from headrace.core.base.errors import InputError


@dataclass(frozen=True)
class RequestLimits:
    """Limits of requests; a request that exceeds one gets a 4xx.

    Attributes:
        body_bytes: Longest body, in bytes, before and after decompression (413).
        header_bytes: Longest request line with all headers, in bytes (431).
        rows: Most rows of a request (413).
        nesting: Deepest nesting of arrays and objects in a body (400).
        seconds: Longest time for a request to arrive and to be answered, in seconds (408, or the connection is closed).
        idle_seconds: Longest time that a connection is kept open without a request, in seconds.
        waiting: Most long requests that are worked on or wait at once (429).
        explained_rows: Most rows of a request for explanations (413).
    """

    body_bytes: int = 16 << 20
    header_bytes: int = 32 << 10
    rows: int = 100_000
    nesting: int = 16
    seconds: float = 60.0
    idle_seconds: float = 75.0
    waiting: int = 64
    explained_rows: int = 100

    def __post_init__(self) -> None:
        """Raise if a limit is invalid.

        Raises:
            InputError: If a limit is not positive.
        """
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not value > 0:
                raise InputError(f"the limit {limit.name} must be positive; got {value} instead.")
