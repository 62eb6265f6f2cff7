"""The bytes between Python and the side-car."""

import struct

import pytest

from headrace.core.mojo import side_car_frames as frames
from headrace.core.mojo.side_car_frames import AnswerHeader, Kind


@pytest.mark.parametrize(("rows", "columns", "width"), [(1, 1, 1), (100_000, 12, 2), (3, 200_000, 1), (70_000, 1, 40)])
def test_the_requests_of_a_table_are_its_rows_in_order(rows: int, columns: int, width: int) -> None:
    """None is empty, and none is larger than the side-car takes, nor is its answer."""
    parts = list(frames.split_rows(rows, columns, width))
    assert [place for part in parts for place in range(part.start, part.stop)] == list(range(rows))
    assert all(8 * (part.stop - part.start) * max(columns, width) <= frames.MOST_BYTES for part in parts)


def test_headers_are_four_little_numbers() -> None:
    """As the Java side reads and writes them."""
    assert frames.request_header(7, 2, 3) == b"HDRM" + struct.pack("<3I", 7, 2, 3)
    assert frames.read_header(b"HDRM" + struct.pack("<3I", 7, 1, 20)) == AnswerHeader(7, Kind.SENTENCE, 20)


@pytest.mark.parametrize(
    "content", [b"HTTP" + bytes(12), b"HDRM" + struct.pack("<3I", 0, 9, 0), b"HDRM" + b"\xff" * 12]
)
def test_another_header_is_refused(content: bytes) -> None:
    """Another magic number, a kind that there is not, too many bytes."""
    with pytest.raises(ValueError, match=r"must begin with|is not a valid Kind"):
        frames.read_header(content)


def test_the_start_is_two_parts_with_their_lengths() -> None:
    """The description comes before the MOJO."""
    assert b"".join(frames.start_parts(b"{}", b"PK0")) == b"\x02\0\0\0{}\x03\0\0\0PK0"
