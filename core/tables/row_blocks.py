"""Cuts a text into blocks of whole rows, so that a table of any size is read in bounded memory."""

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
        line: Number of its first line in the file, starting at 1.
        quoted: Whether it holds a quotation mark.
        highest: An upper bound of its bytes.
    """

    data: bytes
    line: int
    quoted: bool
    highest: int = 255


def rows_end(data: bytes, *, marks: int) -> int:
    """Return where the last whole row of a text ends.

    Args:
        data: The text.
        marks: Number of quotation marks before its end, counted from the start of a row; a line end after an odd number
            of them belongs to a field (RFC 4180).

    Returns:
        Index after the line end; 0 if no row ends.
    """
    end = len(data)
    while (position := data.rfind(b"\n", 0, end)) >= 0:
        marks -= data.count(b'"', position, end) if marks else 0
        if marks % 2 == 0:
            return position + 1
        end = position
    return 0


def blocks(chunks: Iterable[bytes], *, name: str, quotes: bool = True, size: int = BLOCK_BYTES) -> Iterator[TextBlock]:
    """Cut a text at row ends.

    Args:
        chunks: UTF-8 text, cut anywhere.
        name: The file's name, for messages.
        quotes: Whether a line end between quotation marks belongs to a field.
        size: Approximate size of a block in bytes.

    Raises:
        InputError: If a row is longer than ``MAX_ROW_BYTES``, or the text is not UTF-8 or holds a NUL byte.
    """
    line, offset, pending = 1, 0, _PendingChunks(quotes=quotes)
    for chunk in _with_line_feeds(_pieces(chunks, size)):
        first = chunk.find(b"\n")
        if first > 0 and pending.size - pending.end + first > MAX_ROW_BYTES:
            pending.add(chunk[:first])
            _check_row(pending, line=line, name=name)
        pending.add(chunk)
        if pending.size - pending.end > MAX_ROW_BYTES:
            _check_row(pending, line=line, name=name)
        if pending.size >= size and pending.end:
            quoted, data = pending.quoted, pending.take()
            yield _check_text(data, line=line, offset=offset, name=name, quoted=quoted)
            line += lines(data)
            offset += len(data)
    if pending.size:
        _check_row(pending, line=line, name=name)
        yield _check_text(pending.rest(), line=line, offset=offset, name=name, quoted=pending.quoted)


def lines(data: bytes) -> int:
    """Return the number of line ends in a text."""
    text = np.frombuffer(data, np.uint8)
    starts = range(0, text.size, _CACHED_BYTES)
    return sum(int(np.count_nonzero(text[start : start + _CACHED_BYTES] == ord("\n"))) for start in starts)


class _PendingChunks:
    """Chunks that do not yet make a block; joined once, because copying all bytes is the main cost here.

    Attributes:
        size: Number of bytes.
        end: Index after the last whole row; 0 if no row ends.
        quoted: Whether a chunk holds a quotation mark.
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
        """Remove and return the whole rows."""
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
        """Return all pending bytes."""
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
        # The first chunk decides for the whole file.
        if lone is None:
            lone = b"\r" in chunk and b"\n" not in chunk
        yield chunk.replace(b"\r", b"\n") if lone else chunk


def _check_text(data: bytes, *, line: int, offset: int, name: str, quoted: bool) -> TextBlock:
    """Raise if the block is not text."""
    highest = int(np.frombuffer(data, np.uint8).max(initial=0))
    if highest > _ASCII:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            position = error.start
            number = line + data.count(b"\n", 0, position)
            raise InputError(
                f"{name} is not UTF-8 text: byte 0x{data[position]:02x} at offset {offset + position:,}, line "
                f"{number:,}; if it is text, name its encoding, for example windows-1252."
            ) from error
    position = data.find(b"\0")
    if position >= 0:
        number = line + data.count(b"\n", 0, position)
        raise InputError(
            f"{name} is not text: it holds a NUL byte at offset {offset + position:,}, line {number:,}; give a CSV, "
            f"Parquet or JSON Lines file, or name its encoding, for example utf-16."
        )
    return TextBlock(data, line, quoted, highest)


def _check_row(pending: _PendingChunks, *, line: int, name: str) -> None:
    """Raise if the last pending row is too long, or its quotation marks are not paired."""
    number = line + lines(pending.rest()[: pending.end])
    if pending.open_mark:
        raise InputError(
            f"a quotation mark opened in line {number:,} of {name} is never closed; close it, or write a literal one "
            f'as "" inside a quoted field.'
        )
    if pending.size - pending.end > MAX_ROW_BYTES:
        raise InputError(
            f"line {number:,} of {name} is longer than {MAX_ROW_BYTES // 2**20} MB, the most that one row may have; "
            f"shorten its fields."
        )


def without_lines(text_blocks: Iterable[TextBlock], count: int) -> Iterator[TextBlock]:
    """Yield the blocks without their first lines."""
    for block in text_blocks:
        end = 0
        while count and end < len(block.data):
            position = block.data.find(b"\n", end)
            end = position + 1 if position >= 0 else len(block.data)
            count -= 1
        line = block.line + lines(block.data[:end]) if end else block.line
        yield TextBlock(block.data[end:], line, block.quoted, block.highest) if end else block
