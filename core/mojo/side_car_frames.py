"""The bytes between Python and the side-car: ``headrace.jvm.mojo.SideCar`` in ``jvm/`` is the other side.

All numbers are little-endian. A request is a header (magic, number, rows, columns), then the matrix as float64. An
answer is a header (magic, number, kind, bytes), then scores as float64, or a text: a sentence, or facts of the start.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAGIC = 0x4D52_4448
"""``HDRM``."""
_HEADER = struct.Struct("<IIII")
HEADER_BYTES = _HEADER.size
# Large enough that headers cost nothing, small enough that one is written while another is scored.
_FRAME_BYTES = 512 << 10
MOST_BYTES = 64 << 20
"""Largest request or answer that the side-car takes or gives."""


class Kind(IntEnum):
    """What an answer holds."""

    SCORES = 0
    SENTENCE = 1
    FACTS = 2


@dataclass(frozen=True)
class AnswerHeader:
    """What comes before an answer.

    Attributes:
        number: Number of the request.
        kind: What follows.
        size: Its bytes.
    """

    number: int
    kind: Kind
    size: int


def start_parts(description: bytes, mojo: bytes) -> list[memoryview]:
    """Return what a side-car reads first."""
    sizes = [struct.pack("<i", len(part)) for part in (description, mojo)]
    return [memoryview(part) for part in (sizes[0], description, sizes[1], mojo)]


def split_rows(rows: int, columns: int, width: int) -> Iterator[slice]:
    """Yield the rows of each request.

    Args:
        rows: Number of rows.
        columns: Number of columns of the matrix.
        width: Number of scores of a row.
    """
    step = max(1, _FRAME_BYTES // (8 * max(columns, width, 1)))
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))


def request_header(number: int, rows: int, columns: int) -> bytes:
    """Return the header of a request."""
    return _HEADER.pack(MAGIC, number, rows, columns)


def read_header(content: bytes | bytearray) -> AnswerHeader:
    """Return the header of an answer.

    Args:
        content: Its ``HEADER_BYTES`` bytes.

    Raises:
        ValueError: If they are not those of an answer.
    """
    magic, number, kind, size = _HEADER.unpack(content)
    if magic != MAGIC or size > MOST_BYTES:
        raise ValueError(f"an answer must begin with {MAGIC:x} and a size of at most {MOST_BYTES}; got {content!r}.")
    return AnswerHeader(number, Kind(kind), size)
