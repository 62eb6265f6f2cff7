"""Lines of a segment."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.broker import OutgoingRecord
from headrace.streams.folder.segment_lines import COMMIT, StoredRecord, read_line, write_line

_BYTES = st.none() | st.binary(max_size=12) | st.text(max_size=8).map(str.encode)
_HEADERS = st.lists(st.tuples(st.text(max_size=5), _BYTES), max_size=3)


@given(timestamp=st.integers(0, 2**53), key=_BYTES, value=_BYTES, headers=_HEADERS)
def test_a_record_comes_back_as_it_was(
    timestamp: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    """Whatever its bytes are, on one line."""
    line = write_line(OutgoingRecord("t", 0, value, key, headers, timestamp), timestamp)
    assert b"\n" not in line
    assert read_line(line) == StoredRecord(timestamp, key, value, headers)


def test_other_lines_are_values() -> None:
    """Rows of a person's own file, and what is damaged: the contract judges them."""
    assert read_line(COMMIT) is None
    for line in (
        b'{"age": 3}',
        b"",
        b"[1, 2]",
        b"[1,2,3,4]",
        b'["x",null,null,[]]',
        b"[",
        b'[1,{"base64":"!"},null,[]]',
    ):
        assert read_line(line) == StoredRecord(0, None, line, ())
