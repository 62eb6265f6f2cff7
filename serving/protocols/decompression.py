"""Decompression of bodies while they arrive, bounded by the longest body allowed.

Source: RFC 9110, 8.4 (content codings); RFC 1950 to 1952.
"""

import zlib
from collections.abc import Iterable, Iterator

from headrace.core.base.errors import RequestError, quote
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols.media_type import header
from headrace.serving.telemetry.trace_context import Header

CODINGS = ("gzip", "deflate")
_NAMES = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
_PIECE = 256 << 10
_GZIP, _ZLIB, _RAW = 31, 15, -15
# A gzip body may have many members, one after the other; even empty ones take time.
_MOST_MEMBERS = 1000


def create_decompressor(headers: Iterable[Header], limits: RequestLimits) -> "Decompressor | None":
    """Return the decompressor of a request's body; None if it is not compressed.

    Args:
        headers: The request's headers.
        limits: Limits, of which ``body_bytes`` applies to the decompressed body.

    Raises:
        RequestError: If it is compressed in another way, or twice (415).
    """
    coding = header(headers, b"content-encoding")
    if coding is None or coding.lower() in {"", "identity"}:
        return None
    if coding.lower() not in _NAMES:
        raise RequestError(
            f"a body may be compressed once, by {' or '.join(CODINGS)}; got the Content-Encoding {quote(coding, 60)}.",
            "encoding",
        )
    return Decompressor(_NAMES[coding.lower()], limits.body_bytes)


class Decompressor:
    """Decompresses one body piece by piece."""

    def __init__(self, coding: str, most: int) -> None:
        """Initialize for one body.

        Args:
            coding: ``gzip``, or ``deflate``, which some clients send without the zlib header.
            most: Maximum number of decompressed bytes.
        """
        self._coding = coding
        self._most = self._remaining = most
        self._stream: zlib._Decompress | None = None
        self._pending = b""
        self._members = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed bytes of a part of the body, in pieces of at most 256 KiB.

        Raises:
            RequestError: If the body is longer than allowed (413), or cannot be decompressed.
        """
        data, self._pending = self._pending + data, b""
        full = False
        while data or full:
            if self._stream is None:
                if len(data) < 2:
                    self._pending = data
                    return
                self._stream = self._begin(data)
            most = min(_PIECE, self._remaining + 1)
            try:
                piece = self._stream.decompress(data, most)
            except zlib.error as error:
                raise self._refusal("is not") from error
            self._remaining -= len(piece)
            if self._remaining < 0:
                raise RequestError(
                    f"a body must have at most {self._most} bytes, inflated; send fewer rows at a time.", "size"
                )
            yield piece
            full = len(piece) == most and not self._stream.eof
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data, self._stream = self._stream.unused_data, None

    def check_end(self) -> None:
        """Raise if the body is truncated.

        Raises:
            RequestError: If the body ends too early.
        """
        if self._stream is not None or self._pending or not self._members:
            raise self._refusal("ends too early")

    def _begin(self, data: bytes) -> "zlib._Decompress":
        self._members += 1
        if self._members > (_MOST_MEMBERS if self._coding == "gzip" else 1):
            raise self._refusal("goes on after its end")
        if self._coding == "gzip":
            return zlib.decompressobj(_GZIP)
        framed = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2]) % 31 == 0
        return zlib.decompressobj(_ZLIB if framed else _RAW)

    def _refusal(self, how: str) -> RequestError:
        return RequestError(f"the body must be {self._coding}, as its Content-Encoding says; it {how}.", "encoded")
