"""Events in Avro: of a schema in a file, or of the schema in a registry whose key stands before each value.

Only what JSON holds comes out: a time or a date is its text in ISO 8601, a decimal a number, an enum its symbol, NaN is
missing; bytes, arrays, maps and records are left for the contract to refuse.
"""

import io
from collections.abc import Sequence
from typing import Any

from fastavro import schemaless_reader

from headrace.core.base.errors import InputError, RequestError
from headrace.streams.broker import Headers
from headrace.streams.schema_registry import RegisteredSchema, SchemaRegistry
from headrace.streams.values.avro_bounds import check_bounds
from headrace.streams.values.avro_schema import AvroSchema, parse_avro
from headrace.streams.values.schema_lookup import SchemaLookup, find_references, read_key


class AvroValues:
    """Reads events in Avro; see ``ValueReader``."""

    def __init__(self, schema: AvroSchema | None, registry: SchemaRegistry | None = None) -> None:
        """Prepare to read.

        Args:
            schema: Without a registry the schema of all events, whose values are bare; with one the schema that each
                event's own is resolved to, or None to take events as they were written.
            registry: Where the schemas of events are; None if values are bare.
        """
        self._schema = schema
        self._lookup = None
        if registry:
            self._lookup = SchemaLookup(registry, lambda one: parse_registered(one, registry))

    def decode(self, values: Sequence[bytes], headers: Sequence[Headers | None] = ()) -> list[Any]:
        """Return the rows in n values; see ``ValueReader``."""
        rows: list[Any] = []
        for place, value in enumerate(values):
            try:
                rows.append(self._read(value, headers[place] if headers else None))
            except RequestError as error:
                rows.append(error.with_traceback(None))  # which holds these rows
        return rows

    def _read(self, value: bytes, headers: Headers | None) -> Any:
        if self._lookup is None:
            assert self._schema is not None  # noqa: S101 - for the type checker
            return self._read_bare(value, self._schema)
        key, _, start = read_key(value, headers)
        return _read(value, start, self._lookup.find(key), self._schema)

    def _read_bare(self, value: bytes, schema: AvroSchema) -> Any:
        try:
            return _read(value, 0, schema, None)
        except RequestError as error:
            if value[:1] != b"\0":
                raise
            hint = "perhaps a client of a schema registry wrote it: see --schema-registry"
            raise RequestError(f"{str(error).removesuffix('.')}; {hint}.", error.reason) from error


def _read(value: bytes, start: int, writer: AvroSchema, reader: AvroSchema | None) -> Any:
    """Return the row in a value of a schema, resolved to another one if that is given."""
    stream = io.BytesIO(value)
    stream.seek(start)
    try:
        if not writer.plain:
            check_bounds(value, start, writer)
        row: Any = schemaless_reader(stream, writer.parsed, reader.parsed if reader else None)
    except RequestError:
        raise
    except EOFError as error:
        raise RequestError("the value of an event must be Avro of its schema; it ends too early.", "value") from error
    except Exception as error:  # fastavro checks little; whatever it raises concerns this value alone
        problem = f"its bytes do not fit ({type(error).__name__})"
        raise RequestError(f"the value of an event must be Avro of its schema; {problem}.", "value") from error
    rest = len(value) - stream.tell()
    if rest:
        raise RequestError(
            f"the value of an event must be Avro of its schema; {rest} bytes follow after its end.", "value"
        )
    for name in (reader or writer).numbers:
        number = row.get(name)
        if number != number:  # noqa: PLR0124 - NaN
            row[name] = None
    for name in (reader or writer).complex:
        # The contract refuses them without a look at what they hold; some bytes may hold much.
        kind = type(row.get(name))
        if kind in {list, dict}:
            row[name] = kind()
    return row


def parse_registered(schema: RegisteredSchema, registry: SchemaRegistry) -> AvroSchema:
    """Parse a schema of a registry with those that it names.

    Args:
        schema: The schema.
        registry: Where the others are.

    Raises:
        InputError: If it cannot be used, or names one that is not there.
        SchemasUnavailable: If the registry does not answer.
    """
    if schema.kind != "AVRO":
        raise InputError(f"the schema of an event must be AVRO; it is {schema.kind}.")
    return parse_avro(schema.text, [one.text for _, one in find_references(schema, registry)])
