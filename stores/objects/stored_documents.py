"""JSON documents in an object store."""

from typing import TypeVar

import orjson

from headrace.core.base.errors import InputError
from headrace.core.base.files import dumps
from headrace.core.base.json_document import JsonDocument
from headrace.stores.objects.open_objects import StorePlace

_JSON = "application/json"
Document = TypeVar("Document", bound=JsonDocument)


def read_document(place: StorePlace, key: str, kind: type[Document]) -> Document:
    """Read a stored document.

    Args:
        place: The store.
        key: Its key.
        kind: Its class.

    Raises:
        MissingError: If there is none.
        InputError: If it is damaged, or another document.
        StoreError: If the store fails.
    """
    content = place.store.get_bytes(key)
    try:
        facts = orjson.loads(content)
    except ValueError as error:
        raise InputError(
            f"{place}{key.removeprefix(place.prefix)} must be JSON as it was written; it is damaged ({error}): restore "
            "it from a backup, or delete it."
        ) from error
    try:
        return kind.from_json(facts)
    except InputError as error:
        raise InputError(f"{place}{key.removeprefix(place.prefix)}: {error}") from error


def add_document(place: StorePlace, key: str, document: JsonDocument) -> bool:
    """Store a document, unless there is one under its key; return whether it was stored.

    Raises:
        StoreError: If the store fails.
    """
    return place.store.put_bytes(key, dumps(document.as_json()).encode(), _JSON, fresh=True)
