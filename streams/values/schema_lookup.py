"""Which schema a value was written with: its key before the value or in a header, and readers by that key.

Source: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html (wire format).
A value begins with a byte 0 and the number of its schema in four bytes, or with a byte 1 and the 16 bytes of its GUID;
or a header ``__value_schema_id`` holds these bytes, and the value is whole: confluent-kafka's
``header_schema_id_serializer`` writes it so.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from headrace.core.base.errors import InputError, RequestError
from headrace.streams.broker import Headers
from headrace.streams.schema_registry import RegisteredSchema, SchemaReference, SchemaRegistry

SCHEMA_HEADER = "__value_schema_id"
"""Header that may hold the key of an event's schema."""

_ID_BYTES, _GUID_BYTES = 5, 17
_UNKNOWN_SECONDS = 60.0
_MOST_KEPT = 10_000
_MOST_REFERENCES = 200

Parsed = TypeVar("Parsed")


def read_key(value: bytes, headers: Headers | None) -> tuple[bytes, bytes, int]:
    """Return the bytes of a schema's key, those that hold it, and where in the value the event begins.

    Args:
        value: Value of an event.
        headers: Its headers.

    Returns:
        The five or 17 bytes of the key; the header's value or the value of the event, which may go on after the key
        with the place of a Protobuf message; and 0 for a key in a header, else the length of the key.

    Raises:
        RequestError: If there is no such key.
    """
    place = next((content for name, content in headers or () if name == SCHEMA_HEADER), None)
    holder = value if place is None else place
    kind = holder[:1]
    length = _ID_BYTES if kind == b"\0" else _GUID_BYTES
    if kind not in {b"\0", b"\1"} or len(holder) < length:
        raise RequestError(
            "the value of an event must begin with the number of its schema, a byte 0 and four bytes, as clients of a "
            "schema registry write it; this one does not.",
            "value",
        )
    return holder[:length], holder, 0 if place is not None else length


class SchemaLookup(Generic[Parsed]):
    """Parsed schemas by their key: one that was found is kept for good, so that it outlasts the registry."""

    def __init__(
        self, registry: SchemaRegistry, parse: Callable[[RegisteredSchema], Parsed], *, serialized: bool = False
    ) -> None:
        """Prepare to look up.

        Args:
            registry: The registry.
            parse: Parses a schema; an ``InputError`` says why it cannot.
            serialized: Whether to ask for descriptors; see ``SchemaRegistry.find``.
        """
        self._registry, self._parse, self._serialized = registry, parse, serialized
        self._found: dict[bytes, Parsed] = {}
        self._refused: dict[bytes, tuple[float, str]] = {}

    def find(self, key: bytes) -> Parsed:
        """Return a parsed schema.

        Args:
            key: The bytes of its key; see ``read_key``.

        Raises:
            RequestError: If there is no such schema, or it cannot be used.
            SchemasUnavailable: If the registry does not answer, and the schema is not yet known.
        """
        found = self._found.get(key)
        if found is not None:
            return found
        until, sentence = self._refused.get(key, (0.0, ""))
        if sentence and time.monotonic() < until:
            raise RequestError(sentence, "value")
        try:
            found = self._look_up(key)
        except RequestError as error:
            _keep(self._refused, key, (time.monotonic() + _UNKNOWN_SECONDS, str(error)))
            raise
        _keep(self._found, key, found)
        return found

    def _look_up(self, key: bytes) -> Parsed:
        name = int.from_bytes(key[1:], "big") if len(key) == _ID_BYTES else str(uuid.UUID(bytes=key[1:]))
        schema = self._registry.find(name, serialized=self._serialized)
        if schema is None:
            raise RequestError(
                f"the schema of an event must be in the schema registry at {self._registry.url}; it has none {name}.",
                "value",
            )
        try:
            return self._parse(schema)
        except InputError as error:
            raise RequestError(f"schema {name} of the schema registry cannot be used: {error}", "value") from error


Kept = TypeVar("Kept")


def _keep(kept: dict[bytes, Kept], key: bytes, value: Kept) -> None:
    """Keep a value by its key, and forget the oldest of too many."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]


def find_references(
    schema: RegisteredSchema, registry: SchemaRegistry, *, serialized: bool = False
) -> list[tuple[str, RegisteredSchema]]:
    """Return the schemas that a schema names, each once and after those that it names itself, with their names there.

    Args:
        schema: The schema.
        registry: Where the others are.
        serialized: Whether to ask for descriptors; see ``SchemaRegistry.find``.

    Raises:
        InputError: If one is not there, or there are more than 200.
        SchemasUnavailable: If the registry does not answer.
    """
    found: dict[SchemaReference, RegisteredSchema] = {}

    def follow(above: RegisteredSchema) -> Iterator[tuple[str, RegisteredSchema]]:
        for reference in above.references:
            if reference in found:
                continue
            if len(found) >= _MOST_REFERENCES:
                raise InputError(f"a schema must name at most {_MOST_REFERENCES} others; this one names more.")
            other = registry.find_version(reference, serialized=serialized)
            if other is None:
                raise InputError(
                    f"it names version {reference.version} of the subject {reference.subject}, which is not there."
                )
            found[reference] = other
            yield from follow(other)
            yield reference.name, other

    return list(follow(schema))
