"""Bounds on a value in Avro, checked before it is read.

An array of nulls takes no bytes for its items, so nine bytes may claim 2^62 of them; and fastavro (1.13.1) reads a type
that names itself by recursion in C, so a value of some kilobytes ends the process. Both are found here by walking over
the bytes. Only values of schemas with arrays, maps or types that name themselves need it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.core.base.errors import RequestError
from headrace.streams.values.avro_schema import MOST_DEPTH, AvroSchema, kind_of

_MOST_VALUES = 200_000
# All but nulls and what holds others take a byte at least, and few levels hold a single value.
_VALUES_OF_A_BYTE, _FREE_VALUES = 8, 1_000
_ENDS = "the value of an event must be Avro of its schema; it ends too early."


def check_bounds(value: bytes, start: int, schema: AvroSchema) -> None:
    """Raise unless a value is within bounds.

    Args:
        value: The value.
        start: Where the event begins in it.
        schema: The schema that it was written with.

    Raises:
        RequestError: If it holds too many values or levels, or ends too early.
    """
    _Walk(value, start, schema.names).skip(schema.parsed, 0)


class _Walk:
    def __init__(self, value: bytes, start: int, names: Mapping[str, Any]) -> None:
        self._value, self._place, self._names, self._count = value, start, names, 0
        self._most = min(_MOST_VALUES, _FREE_VALUES + _VALUES_OF_A_BYTE * len(value))
        self._ways: dict[str, Callable[[Any, int], object]] = {
            "int": lambda _, __: self._read_long(),
            "long": lambda _, __: self._read_long(),
            "bytes": lambda _, __: self._move(self._read_long()),
            "string": lambda _, __: self._move(self._read_long()),
            "fixed": lambda schema, _: self._move(schema["size"]),
            "enum": lambda schema, _: self._read_index(schema["symbols"]),
            "union": lambda schema, depth: self.skip(schema[self._read_index(schema)], depth),
            "record": self._skip_fields,
            "error": self._skip_fields,
            "array": self._skip_blocks,
            "map": self._skip_blocks,
        }
        for kind, size in {"null": 0, "boolean": 1, "float": 4, "double": 8}.items():
            self._ways[kind] = lambda _, __, size=size: self._move(size)  # type: ignore[misc]  # bound by the default

    def skip(self, schema: Any, depth: int) -> None:
        """Go to the end of a value."""
        self._count += 1
        if self._count > self._most:
            raise RequestError(
                f"an event of its size must hold at most {self._most:,} values, with those in arrays.", "value"
            )
        if depth > MOST_DEPTH:
            raise RequestError(f"an event must have at most {MOST_DEPTH} levels; this one has more.", "value")
        kind = kind_of(schema)
        if kind in self._names:
            schema = self._names[kind]
            kind = kind_of(schema)
        self._ways[kind](schema, depth)

    def _skip_fields(self, schema: Any, depth: int) -> None:
        for field in schema["fields"]:
            self.skip(field["type"], depth + 1)

    def _skip_blocks(self, schema: Any, depth: int) -> None:
        is_map = schema["type"] == "map"
        items = schema["values" if is_map else "items"]
        while count := self._read_long():
            if count < 0:  # the length of the block in bytes follows
                count = -count
                self._read_long()
            for _ in range(count):
                if is_map:
                    self._move(self._read_long())
                self.skip(items, depth + 1)

    def _read_index(self, choices: Sequence[Any]) -> int:
        index = self._read_long()
        if not 0 <= index < len(choices):
            raise RequestError("the value of an event must be Avro of its schema; its bytes do not fit.", "value")
        return index

    def _read_long(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            if self._place >= len(self._value):
                break
            byte = self._value[self._place]
            self._place += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)
        raise RequestError(_ENDS, "value")

    def _move(self, count: int) -> None:
        self._place += count
        if count < 0 or self._place > len(self._value):
            raise RequestError(_ENDS, "value")
