"""How an Arrow IPC body is laid out, looked at before anything is made of it.

A few bytes can claim a thousand nested columns, or buffers that inflate to gigabytes. Source:
https://arrow.apache.org/docs/format/Columnar.html, ``Message.fbs`` and ``Schema.fbs``; https://flatbuffers.dev/internals.
"""

import struct
from collections.abc import Iterator

from headrace.core.base.errors import RequestError, quote
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols.json_body import check_row_count

_MAGIC = b"ARROW1\0\0"
_MOST = 20_000
"""Most messages of a body, and most columns or buffers of a message: all of them are looked at."""
_CONTINUED = 0xFFFF_FFFF
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_TYPES = {
    1: "null",
    2: "integer",
    3: "floating point",
    5: "utf8",
    6: "bool",
    7: "decimal",
    8: "date",
    10: "timestamp",
    20: "large utf8",
    24: "utf8 view",
}
_WIDTHS = {"<B": 1, "<H": 2, "<i": 4, "<I": 4, "<q": 8}


def check_stream(body: bytes, limits: RequestLimits) -> bytes:
    """Return the stream inside a body of either form, if it keeps the bounds.

    Args:
        body: A stream, or a file, which is one between two marks.
        limits: Bounds; ``rows``, and ``body_bytes`` for the buffers, inflated.

    Raises:
        RequestError: If it is no Arrow IPC, holds columns that are no plain values, or more than allowed.
    """
    stream = body.removeprefix(_MAGIC)
    rows = size = schemas = 0
    try:
        for kind, message, start, length in _messages(stream):
            if kind == _SCHEMA:
                schemas += 1
                _check_columns(message)
            elif kind in {_DICTIONARY, _BATCH}:
                batch = message if kind == _BATCH else message.table(6)
                size += _size(batch, stream[start : start + length], limits.body_bytes)
                rows += abs(batch.number(4, "<q")) if kind == _BATCH else 0
    except (struct.error, IndexError) as error:
        raise _broken_body() from error
    if schemas != 1:
        raise _broken_body()
    if size > limits.body_bytes:
        raise _too_long(limits.body_bytes)
    check_row_count(rows, limits)
    return stream


class _Table:
    """A table of FlatBuffers at a place of some bytes."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place

    def read(self, place: int, form: str) -> int:
        """Return a number at a place; struct.error beyond the end."""
        if not 0 <= place <= len(self._data) - _WIDTHS[form]:
            raise IndexError
        return int(struct.unpack_from(form, self._data, place)[0])

    def _field(self, slot: int) -> int:
        """Return where a field lies; 0 if it is absent."""
        fields = self._place - self.read(self._place, "<i")
        if slot >= self.read(fields, "<H"):
            return 0
        offset = self.read(fields + slot, "<H")
        return self._place + offset if offset else 0

    def number(self, slot: int, form: str) -> int:
        """Return a number; 0 if it is absent."""
        place = self._field(slot)
        return self.read(place, form) if place else 0

    def has(self, slot: int) -> bool:
        """Return whether there is a field."""
        return bool(self._field(slot))

    def table(self, slot: int) -> "_Table":
        """Return a table that must be there."""
        place = self._field(slot)
        if not place:
            raise IndexError
        return _Table(self._data, place + self.read(place, "<I"))

    def vector(self, slot: int, width: int) -> Iterator[int]:
        """Places of the items of a vector."""
        place = self._field(slot)
        if not place:
            return
        start = place + self.read(place, "<I")
        count = self.read(start, "<I")
        if count > _MOST or start + 4 + count * width > len(self._data):
            raise IndexError
        yield from range(start + 4, start + 4 + count * width, width)

    def tables(self, slot: int) -> Iterator["_Table"]:
        """The tables of a vector."""
        for place in self.vector(slot, 4):
            yield _Table(self._data, place + self.read(place, "<I"))

    def text(self, slot: int) -> str:
        """Return a text; empty if it is absent."""
        place = self._field(slot)
        if not place:
            return ""
        start = place + self.read(place, "<I")
        return self._data[start + 4 : start + 4 + self.read(start, "<I")].decode(errors="replace")


def _messages(stream: bytes) -> Iterator[tuple[int, _Table, int, int]]:
    """Kind and head of each message, and where its body lies."""
    place = met = 0
    whole = _Table(stream, 0)
    while place < len(stream):
        met += 1
        if met > _MOST:
            raise IndexError
        length = whole.read(place, "<I")
        place += 4
        if length == _CONTINUED:
            length = whole.read(place, "<I")
            place += 4
        if length == 0:
            return
        if length > len(stream) - place:
            raise IndexError
        data = stream[place : place + length]
        message = _Table(data, _Table(data, 0).read(0, "<I"))
        body = message.number(10, "<q")
        place += length
        if not 0 <= body <= len(stream) - place:
            raise IndexError
        yield message.number(6, "<B"), message.table(8), place, body
        place += body


def _check_columns(schema: _Table) -> None:
    for field in schema.tables(6):
        if field.number(8, "<B") not in _TYPES or any(True for _ in field.vector(14, 4)):
            raise RequestError(
                f"the column {quote(field.text(4), 60)} must be of a plain type: {', '.join(_TYPES.values())}, or a "
                "dictionary of these.",
                "kind",
            )


def _size(batch: _Table, body: bytes, most: int) -> int:
    """Bytes of a batch's buffers, inflated; each says at its beginning how many it holds."""
    inner, compressed, size = _Table(body, 0), batch.has(10), 0
    for place in batch.vector(8, 16):
        offset, length = batch.read(place, "<q"), batch.read(place + 8, "<q")
        if offset < 0 or not 0 <= length <= len(body) - offset:
            raise IndexError
        claimed = inner.read(offset, "<q") if compressed and length else -1
        if claimed < -1:
            raise IndexError
        size += length if claimed < 0 else claimed
        if size > most:
            raise _too_long(most)
    return size


def _broken_body() -> RequestError:
    return RequestError("the body must be an Arrow IPC stream or file, as its Content-Type says; it is none.")


def _too_long(most: int) -> RequestError:
    return RequestError(f"an Arrow table must have at most {most} bytes, inflated; send fewer rows at a time.", "size")
