"""A text cut into blocks of whole rows, so that a table of any size is read in the same memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headrace.core.errors import InputError
from headrace.core.source import MAX_ROW_BYTES

BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Block:
    """Some whole rows.

    Attributes:
        data: UTF-8 text that ends with a line end, unless it is the last of its file.
        line: Number of its first line in the file, from 1.
        quoted: Whether it holds a quotation mark.
    """

    data: bytes
    line: int
    quoted: bool


def rows_end(data: bytes, *, quotes: bool) -> int:
    """Where the last whole row of a text ends that starts with a row.

    Args:
        data: The text.
        quotes: Whether a line end between quotation marks belongs to a field (RFC 4180).

    Returns:
        Index after the line end; 0 if no row ends.
    """
    end = len(data)
    count = data.count(b'"') if quotes else 0
    while True:
        at = data.rfind(b"\n", 0, end)
        if at < 0:
            return 0
        if not count:
            return at + 1
        count -= data.count(b'"', at, end)
        if count % 2 == 0:
            return at + 1
        end = at


def blocks(chunks: Iterable[bytes], *, name: str, quotes: bool = True, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """Cut a text at row ends.

    Args:
        chunks: UTF-8 text, cut anywhere.
        name: The file's name, for messages.
        quotes: Whether a line end between quotation marks belongs to a field.
        size: Bytes of a block, about.

    Raises:
        InputError: If a row is longer than ``MAX_ROW_BYTES``, or the text is not UTF-8 or holds a NUL byte.
    """
    line, offset, held = 1, 0, bytearray()
    for chunk in _with_line_feeds(chunks):
        held += chunk
        if len(held) < size:
            continue
        data = bytes(held)
        end = rows_end(data, quotes=quotes)
        _check_row(data, end, line=line, name=name, quotes=quotes, last=False)
        if end:
            yield _checked(data[:end], line=line, offset=offset, name=name)
            line += data.count(b"\n", 0, end)
            offset += end
            held = bytearray(data[end:])
    data = bytes(held)
    end = rows_end(data, quotes=quotes)
    _check_row(data, end, line=line, name=name, quotes=quotes, last=True)
    if data:
        yield _checked(data, line=line, offset=offset, name=name)


def _with_line_feeds(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn lone carriage returns, the line ends of old Macintosh files, into line feeds."""
    lone = None
    for chunk in chunks:
        if lone is None:
            lone = b"\r" in chunk and b"\n" not in chunk
        yield chunk.replace(b"\r", b"\n") if lone else chunk


def _checked(data: bytes, *, line: int, offset: int, name: str) -> Block:
    """Refuse what is not text."""
    if not data.isascii():
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
    return Block(data, line, b'"' in data)


def _check_row(data: bytes, end: int, *, line: int, name: str, quotes: bool, last: bool) -> None:  # noqa: PLR0913
    """Refuse a row, begun at ``end``, that is too long or whose quotation marks do not pair."""
    if len(data) - end <= MAX_ROW_BYTES and not last:
        return
    number = line + data.count(b"\n", 0, end)
    if quotes and data.count(b'"', end) % 2:
        raise InputError(
            f"a quotation mark opened in line {number:,} of {name} is never closed; close it, or write a literal one "
            f'as "" inside a quoted field.'
        )
    if len(data) - end > MAX_ROW_BYTES:
        raise InputError(
            f"line {number:,} of {name} is longer than {MAX_ROW_BYTES // 2**20} MB, the most that one row may have; "
            f"shorten its fields."
        )


def without_first_row(block: Block) -> Block:
    """The block after its first row that is not blank."""
    data, at, counted, quotes = block.data, -1, 0, 0
    while (at := data.find(b"\n", at + 1)) >= 0:
        quotes += data.count(b'"', counted, at)
        counted = at
        if quotes % 2 == 0 and data[:at].strip():
            break
    end = at + 1 if at >= 0 else len(data)
    return Block(data[end:], block.line + data.count(b"\n", 0, end), block.quoted)
