"""Validate the layout of an Arrow IPC body before it is decoded.

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
"""Maximum number of messages in a body, and of columns or buffers in a message: the check visits all of them."""
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
    """Return the stream inside a body of either form, if it is within the limits.

    Args:
        body: A stream, or a file, which is a stream between two magic numbers.
        limits: Limits, of which ``rows`` and, for the decompressed buffers, ``body_bytes`` apply.

    Raises:
        RequestError: If it is not Arrow IPC, has columns of nested types, or exceeds a limit.
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
    """A FlatBuffers table at a position in a buffer."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position

    def read(self, position: int, form: str) -> int:
        """Return the number at a position; raise IndexError beyond the end."""
        if not 0 <= position <= len(self._data) - _WIDTHS[form]:
            raise IndexError
        return int(struct.unpack_from(form, self._data, position)[0])

    def _field(self, slot: int) -> int:
        """Return the position of a field; 0 if it is absent."""
        fields = self._position - self.read(self._position, "<i")
        if slot >= self.read(fields, "<H"):
            return 0
        offset = self.read(fields + slot, "<H")
        return self._position + offset if offset else 0

    def number(self, slot: int, form: str) -> int:
        """Return a number; 0 if it is absent."""
        position = self._field(slot)
        return self.read(position, form) if position else 0

    def has(self, slot: int) -> bool:
        """Return whether a field is present."""
        return bool(self._field(slot))

    def table(self, slot: int) -> "_Table":
        """Return a table; raise IndexError if it is absent."""
        position = self._field(slot)
        if not position:
            raise IndexError
        return _Table(self._data, position + self.read(position, "<I"))

    def vector(self, slot: int, width: int) -> Iterator[int]:
        """Yield the positions of the items of a vector."""
        position = self._field(slot)
        if not position:
            return
        start = position + self.read(position, "<I")
        count = self.read(start, "<I")
        if count > _MOST or start + 4 + count * width > len(self._data):
            raise IndexError
        yield from range(start + 4, start + 4 + count * width, width)

    def tables(self, slot: int) -> Iterator["_Table"]:
        """Yield the tables of a vector."""
        for position in self.vector(slot, 4):
            yield _Table(self._data, position + self.read(position, "<I"))

    def text(self, slot: int) -> str:
        """Return a text; empty if it is absent."""
        position = self._field(slot)
        if not position:
            return ""
        start = position + self.read(position, "<I")
        return self._data[start + 4 : start + 4 + self.read(start, "<I")].decode(errors="replace")


def _messages(stream: bytes) -> Iterator[tuple[int, _Table, int, int]]:
    """Yield kind, header, start and length of the body of each message."""
    position = count = 0
    buffer = _Table(stream, 0)
    while position < len(stream):
        count += 1
        if count > _MOST:
            raise IndexError
        length = buffer.read(position, "<I")
        position += 4
        if length == _CONTINUED:
            length = buffer.read(position, "<I")
            position += 4
        if length == 0:
            return
        if length > len(stream) - position:
            raise IndexError
        data = stream[position : position + length]
        message = _Table(data, _Table(data, 0).read(0, "<I"))
        body = message.number(10, "<q")
        position += length
        if not 0 <= body <= len(stream) - position:
            raise IndexError
        yield message.number(6, "<B"), message.table(8), position, body
        position += body


def _check_columns(schema: _Table) -> None:
    for field in schema.tables(6):
        if field.number(8, "<B") not in _TYPES or any(True for _ in field.vector(14, 4)):
            raise RequestError(
                f"the column {quote(field.text(4), 60)} must be of a plain type: {', '.join(_TYPES.values())}, or a "
                "dictionary of these.",
                "kind",
            )


def _size(batch: _Table, body: bytes, limit: int) -> int:
    """Return the decompressed size in bytes of a batch's buffers, which each compressed buffer claims in its prefix."""
    buffer, compressed, size = _Table(body, 0), batch.has(10), 0
    for position in batch.vector(8, 16):
        offset, length = batch.read(position, "<q"), batch.read(position + 8, "<q")
        if offset < 0 or not 0 <= length <= len(body) - offset:
            raise IndexError
        claimed = buffer.read(offset, "<q") if compressed and length else -1
        if claimed < -1:
            raise IndexError
        size += length if claimed < 0 else claimed
        if size > limit:
            raise _too_long(limit)
    return size


def _broken_body() -> RequestError:
    return RequestError("the body must be an Arrow IPC stream or file, as its Content-Type says; it is neither.")


def _too_long(limit: int) -> RequestError:
    return RequestError(f"an Arrow table must have at most {limit} bytes, inflated; send fewer rows at a time.", "size")
