"""A text cut into blocks of whole rows, so that a table of any size is read in the same memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from headrace.core.base.errors import InputError
from headrace.core.tables.source import MAX_ROW_BYTES

BLOCK_BYTES = 16 * 2**20
_CACHED_BYTES = 2**18
_ASCII = 127


@dataclass(frozen=True)
class TextBlock:
    """Some whole rows.

    Attributes:
        data: UTF-8 text that ends with a line end, unless it is the last of its file.
        line: Number of its first line in the file, from 1.
        quoted: Whether it holds a quotation mark.
        highest: Its greatest byte, or a greater one.
    """

    data: bytes
    line: int
    quoted: bool
    highest: int = 255


def rows_end(data: bytes, *, marks: int) -> int:
    """Where the last whole row of a text ends.

    Args:
        data: The text.
        marks: How many quotation marks stand before its end, counted from the begin of a row; a line end after an odd
            number of them belongs to a field (RFC 4180).

    Returns:
        Index after the line end; 0 if no row ends.
    """
    end = len(data)
    while (at := data.rfind(b"\n", 0, end)) >= 0:
        marks -= data.count(b'"', at, end) if marks else 0
        if marks % 2 == 0:
            return at + 1
        end = at
    return 0


def blocks(chunks: Iterable[bytes], *, name: str, quotes: bool = True, size: int = BLOCK_BYTES) -> Iterator[TextBlock]:
    """Cut a text at row ends.

    Args:
        chunks: UTF-8 text, cut anywhere.
        name: The file's name, for messages.
        quotes: Whether a line end between quotation marks belongs to a field.
        size: Bytes of a block, about.

    Raises:
        InputError: If a row is longer than ``MAX_ROW_BYTES``, or the text is not UTF-8 or holds a NUL byte.
    """
    line, offset, held = 1, 0, _Held(quotes=quotes)
    for chunk in _with_line_feeds(_pieces(chunks, size)):
        first = chunk.find(b"\n")
        if first > 0 and held.size - held.end + first > MAX_ROW_BYTES:
            held.add(chunk[:first])
            _check_row(held, line=line, name=name)
        held.add(chunk)
        if held.size - held.end > MAX_ROW_BYTES:
            _check_row(held, line=line, name=name)
        if held.size >= size and held.end:
            quoted, data = held.quoted, held.take()
            yield _check_text(data, line=line, offset=offset, name=name, quoted=quoted)
            line += lines(data)
            offset += len(data)
    if held.size:
        _check_row(held, line=line, name=name)
        yield _check_text(held.rest(), line=line, offset=offset, name=name, quoted=held.quoted)


def lines(data: bytes) -> int:
    """How many line ends a text has."""
    text = np.frombuffer(data, np.uint8)
    starts = range(0, text.size, _CACHED_BYTES)
    return sum(int(np.count_nonzero(text[start : start + _CACHED_BYTES] == ord("\n"))) for start in starts)


class _Held:
    """Chunks that wait until they make a block; joined once, because copies of all bytes are what costs here.

    Attributes:
        size: Bytes held.
        end: Where the last whole row ends; 0 if none does.
        quoted: Whether a quotation mark is held.
    """

    def __init__(self, *, quotes: bool) -> None:
        self.size = 0
        self.end = 0
        self.quoted = False
        self._quotes = quotes
        self._marks = 0
        self._chunks: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """Append a chunk and look for the last row end in it."""
        if b'"' in chunk:
            self.quoted = True
            self._marks += chunk.count(b'"') if self._quotes else 0
        end = rows_end(chunk, marks=self._marks)
        self._chunks.append(chunk)
        self.size += len(chunk)
        if end:
            self.end = self.size - len(chunk) + end

    def take(self) -> bytes:
        """The whole rows, which are held no longer."""
        last = self._chunks[-1]
        begin = self.size - len(last)
        if begin == 0 and self.end == self.size:
            data, rest = last, b""
        elif self.end > begin:
            data = b"".join((*self._chunks[:-1], memoryview(last)[: self.end - begin]))
            rest = last[self.end - begin :]
        else:
            joined = b"".join(self._chunks)
            data, rest = joined[: self.end], joined[self.end :]
        self.size, self.end, self._marks, self._chunks, self.quoted = 0, 0, 0, [], False
        if rest:
            self.add(rest)
        return data

    def rest(self) -> bytes:
        """Everything that is held."""
        return b"".join(self._chunks)

    @property
    def open_mark(self) -> bool:
        """Whether a quotation mark is not closed yet."""
        return self._marks % 2 == 1


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        if len(chunk) < 2 * size:
            yield chunk
            continue
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def _with_line_feeds(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn lone carriage returns, the line ends of old Macintosh files, into line feeds."""
    lone = None
    for chunk in chunks:
        if lone is None:
            lone = b"\r" in chunk and b"\n" not in chunk
        yield chunk.replace(b"\r", b"\n") if lone else chunk


def _check_text(data: bytes, *, line: int, offset: int, name: str, quoted: bool) -> TextBlock:
    """Refuse what is not text."""
    highest = int(np.frombuffer(data, np.uint8).max(initial=0))
    if highest > _ASCII:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            at = error.start
            number = line + data.count(b"\n", 0, at)
            raise InputError(
                f"{name} is not UTF-8 text: byte 0x{data[at]:02x} at offset {offset + at:,}, line {number:,}; if it "
                f"is text, name its encoding, for example windows-1252."
            ) from error
    at = data.find(b"\0")
    if at >= 0:
        number = line + data.count(b"\n", 0, at)
        raise InputError(
            f"{name} is no text: it holds a NUL byte at offset {offset + at:,}, line {number:,}; give a CSV, Parquet "
            f"or JSON Lines file, or name its encoding, for example utf-16."
        )
    return TextBlock(data, line, quoted, highest)


def _check_row(held: _Held, *, line: int, name: str) -> None:
    """Refuse a row, the last that is held, that is too long or whose quotation marks do not pair."""
    number = line + lines(held.rest()[: held.end])
    if held.open_mark:
        raise InputError(
            f"a quotation mark opened in line {number:,} of {name} is never closed; close it, or write a literal one "
            f'as "" inside a quoted field.'
        )
    if held.size - held.end > MAX_ROW_BYTES:
        raise InputError(
            f"line {number:,} of {name} is longer than {MAX_ROW_BYTES // 2**20} MB, the most that one row may have; "
            f"shorten its fields."
        )


def without_lines(found: Iterable[TextBlock], count: int) -> Iterator[TextBlock]:
    """The blocks after so many of their lines."""
    for block in found:
        end = 0
        while count and end < len(block.data):
            at = block.data.find(b"\n", end)
            end = at + 1 if at >= 0 else len(block.data)
            count -= 1
        line = block.line + lines(block.data[:end]) if end else block.line
        yield TextBlock(block.data[end:], line, block.quoted, block.highest) if end else block
