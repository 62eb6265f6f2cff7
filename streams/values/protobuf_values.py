"""Events in Protobuf: of a message of a descriptor set, or of the message that the bytes before each value name.

Only what JSON holds comes out. A field that knows whether it was set (``optional``, a member of a ``oneof``, a
message) is missing if it was not; any other field has its value, which is 0, false or empty where the writer left it
out. An enum is its name, a wrapper its value, a Timestamp its text in ISO 8601, NaN is missing; bytes, lists, maps and
other messages are left for the contract to refuse.
"""

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from headrace.core.base.errors import InputError, RequestError
from headrace.streams.broker import Headers
from headrace.streams.schema_registry import SchemaRegistry
from headrace.streams.values.iso_times import write_time
from headrace.streams.values.protobuf_schema import find_indexed, parse_registered
from headrace.streams.values.schema_lookup import SchemaLookup, read_key

_BILLION = 10**9
_MOST_NESTED = 32
_WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)

Convert = Callable[[Any], Any]


class MessageReader:
    """Reads the values of one message."""

    def __init__(self, message: Descriptor) -> None:
        """Prepare to read.

        Args:
            message: Descriptor of the message.
        """
        self.name = message.full_name
        self._parse = GetMessageClass(message).FromString
        self._fields = [
            (field.name, field.has_presence and not field.is_repeated, _find_absent(field), _find_conversion(field))
            for field in message.fields
        ]

    def read(self, content: bytes) -> dict[str, Any]:
        """Return the row in the bytes of a message.

        Raises:
            RequestError: If they are none of it.
        """
        try:
            message = self._parse(content)
            row = {}
            for name, has_presence, absent, convert in self._fields:
                if has_presence and not message.HasField(name):
                    row[name] = absent
                else:
                    value = getattr(message, name)
                    row[name] = convert(value) if convert else value
        except (DecodeError, ArithmeticError, ValueError) as error:
            raise RequestError(
                f"the value of an event must be the Protobuf message {self.name}; its bytes do not fit "
                f"({type(error).__name__}).",
                "value",
            ) from error
        return row


class ProtobufValues:
    """Reads events in Protobuf; see ``ValueReader``."""

    def __init__(self, message: Descriptor | None, registry: SchemaRegistry | None = None) -> None:
        """Prepare to read.

        Args:
            message: The message that all events are; None to take each by the schema that it was written with.
            registry: Where the schemas of events are; None if values are bare.
        """
        self._pinned = MessageReader(message) if message else None
        self._lookup: SchemaLookup[FileDescriptor] | None = None
        if registry:
            self._lookup = SchemaLookup(registry, lambda one: parse_registered(one, registry), serialized=True)
        self._readers: dict[tuple[bytes, tuple[int, ...]], MessageReader] = {}

    def decode(self, values: Sequence[bytes], headers: Sequence[Headers | None] = ()) -> list[Any]:
        """Return the rows in n values; see ``ValueReader``."""
        rows: list[Any] = []
        for place, value in enumerate(values):
            try:
                rows.append(self._read(value, headers[place] if headers else None))
            except RequestError as error:
                rows.append(error.with_traceback(None))  # which holds these rows
        return rows

    def _read(self, value: bytes, headers: Headers | None) -> dict[str, Any]:
        if self._lookup is None:
            assert self._pinned is not None  # noqa: S101 - for the type checker
            return self._pinned.read(value)
        key, holder, start = read_key(value, headers)
        indexes, end = _read_indexes(holder, len(key))
        reader = self._readers.get((key, indexes)) or self._find(self._lookup, key, indexes)
        if self._pinned is None:
            return reader.read(value[end if start else 0 :])
        if self._pinned.name != reader.name:
            raise RequestError(f"an event must be the message {self._pinned.name}; got {reader.name} instead.", "value")
        return self._pinned.read(value[end if start else 0 :])

    def _find(self, lookup: SchemaLookup[FileDescriptor], key: bytes, indexes: tuple[int, ...]) -> MessageReader:
        try:
            reader = MessageReader(find_indexed(lookup.find(key), indexes))
        except InputError as error:
            if isinstance(error, RequestError):
                raise
            raise RequestError(f"the schema of an event cannot be used: {error}", "value") from error
        if len(self._readers) >= 1_000:
            self._readers.clear()
        self._readers[key, indexes] = reader
        return reader


def _read_indexes(holder: bytes, start: int) -> tuple[tuple[int, ...], int]:
    """Return the place of a message in its file, and where it ends; one byte 0 stands for the first message."""
    count, place = _read_varint(holder, start)
    if not 0 <= count <= _MOST_NESTED:
        raise RequestError("the value of an event must name its message after its schema; this one does not.", "value")
    if not count:
        return (0,), place
    indexes = []
    for _ in range(count):
        index, place = _read_varint(holder, place)
        indexes.append(index)
    return tuple(indexes), place


def _read_varint(holder: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift, byte in enumerate(holder[place : place + 5]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), place + shift + 1
    raise RequestError("the value of an event must name its message after its schema; this one ends there.", "value")


def _find_absent(field: FieldDescriptor) -> Any:
    """Return what a field is that was not set: missing, unless its schema (proto2) says otherwise."""
    if not field.has_default_value or field.is_repeated:
        return None
    convert = _find_conversion(field)
    return convert(field.default_value) if convert else field.default_value


def _find_conversion(field: FieldDescriptor) -> Convert | None:
    """Return what makes of a field's value what JSON holds; None if it is that already."""
    if field.is_repeated:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        # The contract refuses both without a look at what they hold.
        return (lambda _: {}) if is_map else (lambda _: [])
    if field.enum_type is not None:
        names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
        return lambda number: names.get(number, number)
    if field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return _read_float
    if field.message_type is None:
        return None
    name = field.message_type.full_name
    if name in _WRAPPERS:
        return lambda wrapper: _read_float(wrapper.value)
    return _write_moment if name == "google.protobuf.Timestamp" else (lambda _: {})


def _read_float(number: Any) -> Any:
    return number if number == number else None  # noqa: PLR0124 - NaN


def _write_moment(moment: Any) -> str:
    if not 0 <= moment.nanos < _BILLION:
        raise ValueError("the nanoseconds of a Timestamp must be within a second")
    return write_time(moment.seconds * _BILLION + moment.nanos, _BILLION)
