"""Compressed bodies: inflated while they arrive, and never further than a body may be long.

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
# A gzip body may be several, one after the other; each costs time, and may hold nothing.
_MOST_MEMBERS = 1000


def inflating(headers: Iterable[Header], limits: RequestLimits) -> "Decompressor | None":
    """What inflates a request's body; None if it is not compressed.

    Args:
        headers: The request's headers.
        limits: Bounds; ``body_bytes`` holds for what comes out.

    Raises:
        RequestError: If it is compressed in another way, or twice (415).
    """
    told = header(headers, b"content-encoding")
    if told is None or told.lower() in {"", "identity"}:
        return None
    if told.lower() not in _NAMES:
        raise RequestError(
            f"a body may be compressed once, by {' or '.join(CODINGS)}; got the Content-Encoding {quote(told, 60)}.",
            "encoding",
        )
    return Decompressor(_NAMES[told.lower()], limits.body_bytes)


class Decompressor:
    """A compressed body on its way."""

    def __init__(self, coding: str, most: int) -> None:
        """Begin.

        Args:
            coding: ``gzip``, or ``deflate``, which some clients send without its frame.
            most: Most bytes that may come out.
        """
        self._coding = coding
        self._most = self._left = most
        self._stream: zlib._Decompress | None = None
        self._held = b""
        self._members = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What some bytes of the body hold, in pieces of at most 256 KiB.

        Raises:
            RequestError: If it is more than allowed (413), or cannot be inflated.
        """
        data, self._held = self._held + data, b""
        full = False
        while data or full:
            if self._stream is None:
                if len(data) < 2:
                    self._held = data
                    return
                self._stream = self._begin(data)
            most = min(_PIECE, self._left + 1)
            try:
                piece = self._stream.decompress(data, most)
            except zlib.error as error:
                raise self._refusal("is none") from error
            self._left -= len(piece)
            if self._left < 0:
                raise RequestError(
                    f"a body must have at most {self._most} bytes, inflated; send fewer rows at a time.", "size"
                )
            yield piece
            full = len(piece) == most and not self._stream.eof
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data, self._stream = self._stream.unused_data, None

    def check_end(self) -> None:
        """Refuse a body that ends too early.

        Raises:
            RequestError: If it does.
        """
        if self._stream is not None or self._held or not self._members:
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
