"""Layout of a worker's slab: the index of each counter."""

from bisect import bisect_left
from collections.abc import Sequence

PROTOCOLS = ("v1", "v2", "grpc", "other")
CODES = (200, 400, 404, 405, 408, 413, 415, 422, 429, 431, 499, 500, 503)
"""HTTP statuses; 499 for a client that disconnected. gRPC's statuses count as the corresponding HTTP status."""
REASONS = (
    "absent", "answer", "busy", "category", "closed", "columns", "encoded", "encoding", "finite", "form", "header",
    "json", "kind", "media", "method", "missing", "other", "range", "server", "shape", "size", "slow", "type",
    "unexplained", "unknown_columns", "unready", "unusual",
)  # fmt: skip
SWAPS = ("loaded", "refused")
SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip

_BUCKETS = len(SECONDS) + 2  # one above the last edge, and the sum
REQUESTS = 0
DURATIONS = REQUESTS + len(PROTOCOLS) * len(CODES)
ENGINE = DURATIONS + len(PROTOCOLS) * _BUCKETS
EXPLAIN = ENGINE + _BUCKETS
REJECTED = EXPLAIN + _BUCKETS
SWAPPED = REJECTED + len(REASONS)
ROWS, UNUSUAL, IN_FLIGHT, DROPPED, LAYOUT = range(SWAPPED + len(SWAPS), SWAPPED + len(SWAPS) + 5)
DISTRIBUTIONS = LAYOUT + 1
SLAB = 16_384
"""Number of counters in a slab: those above, and room for the histograms of 200 columns."""


def request(protocol: str, code: int) -> int:
    """Return the index of the counter of requests with a protocol and a status."""
    index = CODES.index(code) if code in CODES else CODES.index(500 if code >= 500 else 400)
    return REQUESTS + PROTOCOLS.index(protocol) * len(CODES) + index


def bucket(seconds: float) -> int:
    """Return the index of a time's bucket."""
    return bisect_left(SECONDS, seconds)


def sum_of(first: int) -> int:
    """Return the index of the sum of a histogram whose buckets begin at ``first``."""
    return first + len(SECONDS) + 1


def histogram(numbers: Sequence[float], first: int) -> tuple[list[tuple[str, float]], float]:
    """Return cumulative buckets by their upper edge, and the sum, in the form of Prometheus."""
    total, buckets = 0.0, []
    for edge, count in zip([*map(str, SECONDS), "+Inf"], numbers[first : first + len(SECONDS) + 1], strict=True):
        total += count
        buckets.append((edge, total))
    return buckets, numbers[sum_of(first)]
