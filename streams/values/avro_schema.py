"""Avro schemas as the stream reads events with them: parsed, bounded, with values as JSON would hold them.

Source: https://avro.apache.org/docs/1.12.0/specification/ (complex types, logical types).
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import fastavro
import orjson

from headrace.core.base.errors import InputError, quote
from headrace.streams.values.iso_times import write_clock, write_date, write_time

MOST_DEPTH = 64
"""Most levels of a schema, and of a value of one that names itself."""

_MOST_FIELDS = 10_000
_MOST_DECIMAL_BYTES = 64
_MOST_SCALE = 1_000
_PREFIX = "headrace-"
_FLOATS = frozenset({"float", "double"})
_COMPLEX = frozenset({"array", "map", "record", "error"})
_TOO_DEEP = f"a schema must have at most {MOST_DEPTH} levels; this one has more."


@dataclass(frozen=True)
class AvroSchema:
    """A schema of events.

    Attributes:
        parsed: As fastavro parsed it.
        names: The named types in it, by full name.
        plain: Whether no value of it may be large or deep: it holds no array, no map and no type that names itself.
        numbers: Fields that may hold a float.
        complex: Fields that may hold an array, a map or a record.
    """

    parsed: Any
    names: Mapping[str, Any]
    plain: bool
    numbers: tuple[str, ...]
    complex: tuple[str, ...]


def parse_avro(text: bytes | str, named: Iterable[bytes | str] = ()) -> AvroSchema:
    """Parse the schema of an event.

    Args:
        text: The schema, in JSON.
        named: Schemas of types that it names, each after those that it names itself.

    Raises:
        InputError: If it is no Avro schema of a record, or too large.
    """
    known: dict[str, Any] = {}
    try:
        for other in named:
            fastavro.parse_schema(_rename(orjson.loads(other)), named_schemas=known)
        parsed = fastavro.parse_schema(_rename(orjson.loads(text)), named_schemas=known)
    except InputError:
        raise
    except Exception as error:  # fastavro checks little, so that nearly any error may come
        raise InputError(
            f"a schema must be one of Avro, in JSON; {type(error).__name__}: {quote(str(error), 200)}."
        ) from error
    branches = parsed if isinstance(parsed, list) else [parsed]
    records = [known.get(one, one) if isinstance(one, str) else one for one in branches]
    if not records or not all(isinstance(one, dict) and one.get("type") in {"record", "error"} for one in records):
        raise InputError("the schema of an event must be a record, or a union of records.")
    size = _measure(parsed, known, {}, ())
    if size is not None and size > _MOST_FIELDS:
        raise InputError(f"a schema must have at most {_MOST_FIELDS:,} fields, written out; this one has {size:,}.")
    fields = [field for one in records for field in one["fields"]]
    numbers, others = [
        dict.fromkeys(field["name"] for field in fields if _may_be(kinds, field["type"], known))
        for kinds in (_FLOATS, _COMPLEX)
    ]
    return AvroSchema(parsed, known, size is not None, tuple(numbers), tuple(others))


def kind_of(schema: Any) -> str:
    """Return the type of a parsed schema: ``union``, a primitive or complex one, or the full name of a named one."""
    if isinstance(schema, list):
        return "union"
    return schema if isinstance(schema, str) else str(schema["type"])


def _rename(schema: Any, depth: int = 0) -> Any:
    """Return a schema whose logical types are the stream's own, which give what JSON would hold."""
    if depth > 2 * MOST_DEPTH:
        raise InputError(_TOO_DEEP)
    if isinstance(schema, list):
        return [_rename(one, depth + 1) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {
        name: _rename(schema[name], depth + 1) for name in ("type", "items", "values", "fields") if name in schema
    }
    logical = schema.get("logicalType")
    if isinstance(logical, str):
        changed["logicalType"] = _PREFIX + logical
    return {**schema, **changed}


def _measure(schema: Any, known: Mapping[str, Any], sizes: dict[str, int | None], above: tuple[str, ...]) -> int | None:
    """Return how many values one of a schema holds at most; None with arrays, maps and types that name themselves."""
    kind = kind_of(schema)
    if kind in {"array", "map"}:
        return None
    if kind == "union":
        parts = [_measure(one, known, sizes, above) for one in schema]
        return None if None in parts else max((part for part in parts if part is not None), default=0) + 1
    if kind in known:
        return _measure(known[kind], known, sizes, above)
    if kind not in {"record", "error"}:
        return 1
    name = schema["name"]
    if name in above:
        return None
    if len(above) > MOST_DEPTH:
        raise InputError(_TOO_DEEP)
    if name not in sizes:
        parts = [_measure(field["type"], known, sizes, (*above, name)) for field in schema["fields"]]
        sizes[name] = None if None in parts else sum(part for part in parts if part is not None) + 1
    return sizes[name]


def _may_be(kinds: frozenset[str], schema: Any, known: Mapping[str, Any]) -> bool:
    kind = kind_of(schema)
    if kind == "union":
        return any(_may_be(kinds, one, known) for one in schema)
    return (kind_of(known[kind]) if kind in known else kind) in kinds


def _read_decimal(data: bytes, writer: Any) -> int | float:
    """Return a decimal as JSON holds it: whole if it has no places, else the nearest number of 64 bits."""
    if len(data) > _MOST_DECIMAL_BYTES:
        raise ValueError("a decimal must have at most 64 bytes")
    number, scale = int.from_bytes(data, "big", signed=True), int(writer.get("scale", 0))
    if not 0 <= scale <= _MOST_SCALE:
        raise ValueError("a decimal must have 0 to 1,000 places")
    # Python divides whole numbers exactly, and rounds once.
    return number / 10**scale if scale else number


_READERS: dict[str, Callable[[Any, Any], Any]] = {
    "int-date": lambda days, _: write_date(days),
    "int-time-millis": lambda ticks, _: write_clock(ticks, 10**3),
    "long-time-micros": lambda ticks, _: write_clock(ticks, 10**6),
    "bytes-decimal": _read_decimal,
    "fixed-decimal": _read_decimal,
    "fixed-uuid": lambda data, _: str(uuid.UUID(bytes=data)),
}


def _time_reader(per_second: int) -> Callable[[Any, Any], Any]:
    return lambda ticks, _: write_time(ticks, per_second)


def _add_reader(name: str, read: Callable[[Any, Any], Any]) -> None:
    # Under names of our own: what a user of fastavro in the same process reads stays as it is.
    base, _, logical = name.partition("-")
    fastavro.read.LOGICAL_READERS[f"{base}-{_PREFIX}{logical}"] = lambda data, writer, _: read(data, writer)


for _unit, _count in {"millis": 10**3, "micros": 10**6, "nanos": 10**9}.items():
    _READERS |= {f"long-{zone}timestamp-{_unit}": _time_reader(_count) for zone in ("", "local-")}
for _name, _read in _READERS.items():
    _add_reader(_name, _read)
