"""Universal Binary JSON as XGBoost writes it: objects, arrays, texts, numbers, and arrays of one type of number.

Source: https://ubjson.org/type-reference and ``src/common/json.cc`` of XGBoost.
"""

import struct
from typing import Any

import numpy as np

from headrace.core.base.errors import InputError

_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_DEEPEST = 64


def read_ubjson(content: bytes, source: str) -> Any:
    """Read a document; arrays of one type of number become NumPy arrays (n,).

    Args:
        content: Its bytes.
        source: Name of the file in messages.

    Raises:
        InputError: If it is not such a document.
    """
    try:
        reader = _Reader(content)
        value = reader.document()
    except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise InputError(f"{source} must be a model of XGBoost in UBJSON; {error}.") from error
    return value


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.place = 0
        self._content = content

    def document(self) -> Any:
        value = self.value(0)
        if self.place != len(self._content):
            raise ValueError(f"{len(self._content) - self.place} bytes follow its end")
        return value

    def value(self, depth: int) -> Any:
        return self._read_typed(self._take(1), depth)

    def _read_typed(self, kind: bytes, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        if kind in _NUMBERS:
            return self._number(kind)
        if kind in {b"Z", b"T", b"F"}:
            return {b"Z": None, b"T": True, b"F": False}[kind]
        if kind == b"S":
            return self._text()
        if kind == b"C":
            return self._take(1).decode()
        if kind == b"[":
            return self._array(depth)
        if kind == b"{":
            return self._object(depth)
        raise ValueError(f"byte {self.place - 1} is no type")

    def _take(self, count: int) -> bytes:
        taken = self._content[self.place : self.place + count]
        if count < 0 or len(taken) < count:
            raise ValueError("it ends too early")
        self.place += count
        return taken

    def _number(self, kind: bytes) -> Any:
        dtype = np.dtype(_NUMBERS[kind])
        return np.frombuffer(self._take(dtype.itemsize), dtype=dtype)[0].item()

    def _length(self) -> int:
        kind = self._take(1)
        if kind not in _NUMBERS or kind in {b"d", b"D"}:
            raise ValueError(f"byte {self.place - 1} is no length")
        length = int(self._number(kind))
        if not 0 <= length <= len(self._content):
            raise ValueError("a length is larger than the file")
        return length

    def _text(self) -> str:
        return self._take(self._length()).decode()

    def _array(self, depth: int) -> Any:
        kind = b""
        if self._peek() == b"$":
            self.place += 1
            kind = self._take(1)
        if self._peek() == b"#":
            self.place += 1
            count = self._length()
            if kind in _NUMBERS:
                dtype = np.dtype(_NUMBERS[kind])
                return np.frombuffer(self._take(dtype.itemsize * count), dtype=dtype).astype(dtype.newbyteorder("="))
            return [self._read_typed(kind, depth + 1) if kind else self.value(depth + 1) for _ in range(count)]
        values = []
        while self._peek() != b"]":
            values.append(self.value(depth + 1))
        self.place += 1
        return values

    def _object(self, depth: int) -> dict[str, Any]:
        members = {}
        if self._peek() == b"#":
            self.place += 1
            for _ in range(self._length()):
                key = self._text()
                members[key] = self.value(depth + 1)
            # XGBoost ends also such an object.
            if self._peek() == b"}":
                self.place += 1
            return members
        while self._peek() != b"}":
            key = self._text()
            members[key] = self.value(depth + 1)
        self.place += 1
        return members

    def _peek(self) -> bytes:
        if self.place >= len(self._content):
            raise ValueError("it ends too early")
        return self._content[self.place : self.place + 1]
