"""Files as streams of UTF-8 text: decompressed, decoded, and added to a digest on the way."""

import codecs
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from typing import IO

from headrace.core.base.errors import InputError, MissingError
from headrace.core.tables.source import SourceFile

CHUNK_BYTES = 4 * 2**20
_LEAST_CHUNK, _LONGEST_LINE = 2**16, 2**16

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WITH_MARK = {"utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"}
_GZIP = b"\x1f\x8b"
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save it as CSV"),
    (b"BZh", "packed with bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\0", "packed with xz", "unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it, or pack it with gzip"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
    (b"ORC", "an ORC file", "save it as Parquet"),
    (b"SQLite format 3\0", "an SQLite database", "name it as sqlite:///FILE#TABLE"),
    (b"%PDF-", "a PDF document", "give a CSV, Parquet or JSON Lines file"),
    (b"\x80\x04\x95", "a pickle, which may run code", "save it as Parquet"),
)


class SourceDigest:
    """SHA-256 and size of all bytes that were read from a table's files, in order.

    Attributes:
        bytes: Number of bytes.
        enabled: Whether the digest is computed.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self.bytes = 0
        self.enabled = enabled
        self._sha256 = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Add the next bytes."""
        self.bytes += len(data)
        if self.enabled:
            self._sha256.update(data)

    def hexdigest(self) -> str:
        """Return the lower-case hexadecimal SHA-256 of the bytes so far."""
        return self._sha256.hexdigest()


class _Digested(io.RawIOBase):
    """A file that adds the bytes that are read from it to a digest."""

    def __init__(self, stream: IO[bytes], digest: SourceDigest) -> None:
        self._stream = stream
        self._digest = digest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        return data


def head(file: SourceFile, *, size: int = 65_536) -> bytes:
    """Return the first bytes of a file, decompressed if it is packed with gzip.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is a folder, cannot be read, is empty, or is of an unsupported kind.
    """
    with open_binary(file) as stream:
        first = stream.read(size)
    if not first:
        raise InputError(f"{file.name} is empty; give a table with a header and rows.")
    for magic, kind, remedy in _FOREIGN:
        if first.startswith(magic):
            raise InputError(f"{file.name} is {kind}; {remedy}.")
    if first.startswith(_GZIP):
        first = next(_decompress(file, SourceDigest()), b"")[:size]
        if not first:
            raise InputError(f"{file.name} is empty once unpacked; give a table with a header and rows.")
    return first


def digest_file(file: SourceFile, digest: SourceDigest) -> None:
    """Add a whole file, as stored, to a digest if that is enabled."""
    if not digest.enabled:
        return
    with open_binary(file) as stream:
        while data := stream.read(CHUNK_BYTES):
            digest.update(data)


def text(file: SourceFile, *, encoding: str, digest: SourceDigest, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield a file's text as UTF-8 without byte-order mark, in chunks that may end anywhere.

    Args:
        file: The file, packed with gzip or not.
        encoding: Its encoding; empty for UTF-8 or that of a byte-order mark. UTF-8 is not verified here.
        digest: Digest that the stored bytes are added to.
        chunk_bytes: Approximate size of the chunks. A chunk of an uncompressed file ends with a line, if one ends
            nearby, so that a caller who needs whole lines does not have to copy it.

    Raises:
        InputError: If the file is truncated, damaged, or not of that encoding.
    """
    chunks = _decompress(file, digest, max(chunk_bytes, _LEAST_CHUNK))
    first = next(chunks, b"")
    codec = encoding or "utf-8"
    if codec in _WITH_MARK:
        for mark, name in _MARKS:
            if first.startswith(mark):
                first, codec = first.removeprefix(mark), name
                break
    if codec in {"utf-8", "ascii", "utf-8-sig"}:
        yield first
        yield from chunks
        return
    yield from _decode(file, first, chunks, codec)


def _decode(file: SourceFile, first: bytes, chunks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)()
    done = 0
    chunk = first
    while True:
        # Bytes of an unfinished character at the end of the last chunk.
        pending = decoder.getstate()[0]
        try:
            yield decoder.decode(chunk, final=not chunk).encode()
        except UnicodeError as error:
            position = done - len(pending) + getattr(error, "start", 0)
            raise InputError(
                f"{file.name} is not {codec} text at byte {position:,}; name the encoding it is in, for example utf-8."
            ) from error
        if not chunk:
            return
        done += len(chunk)
        chunk = next(chunks, b"")


def _decompress(file: SourceFile, digest: SourceDigest, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    with open_binary(file) as stream:
        raw = _Digested(stream, digest)
        if stream.read(2) != _GZIP:
            stream.seek(0)
            while data := raw.read(_to_line_end(stream, chunk_bytes)):
                yield data
            return
        stream.seek(0)
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                while data := unpacked.read(CHUNK_BYTES):
                    yield data
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"{file.name} is a truncated or damaged gzip file ({error}); fetch or pack it again."
            ) from error


def _to_line_end(stream: IO[bytes], size: int) -> int:
    """Return how many bytes to read next: ``size``, and up to the end of the line in which they end."""
    return size + os.pread(stream.fileno(), _LONGEST_LINE, stream.tell() + size).find(b"\n") + 1


def open_binary(file: SourceFile) -> IO[bytes]:
    """Open a file to read its bytes as they are stored.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is a folder or a pipe, or cannot be read.
    """
    try:
        mode = file.path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(
                f"{file.name} is a folder; name a file in it, or several by a pattern such as {file.name}/*.csv."
            )
        # A pipe can be read only once, but the kind and the text of a file are read separately.
        if not stat.S_ISREG(mode):
            raise InputError(f"{file.name} must be a file that can be read twice; save the stream to a file first.")
        return file.path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(f"there is no file {file.name}.") from error
    except OSError as error:
        raise InputError(f"cannot read {file.name}: {error.strerror}.") from error
