"""Which fields of an object a manager owns, so that what it had applied can be applied again."""

import json
from collections.abc import Mapping
from typing import Any

from headrace.cluster.api.client import MANAGER, Document


def owned_fields_of(document: Mapping[str, Any], *, manager: str = MANAGER) -> Document | None:
    """What a manager had applied of an object, as it may be applied again.

    Args:
        document: The object, as the server gives it.
        manager: The name under which it was applied.

    Returns:
        The object without what others own, and without its status; None if the manager never applied it.
    """
    metadata = document["metadata"]
    for entry in metadata.get("managedFields") or []:
        if (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (manager, "Apply", ""):
            kept = _keep_fields(document, entry["fieldsV1"])
            own = {**kept.get("metadata", {}), "name": metadata["name"]}
            return {**kept, "apiVersion": document["apiVersion"], "kind": document["kind"], "metadata": own}
    return None


def made_here(document: Mapping[str, Any]) -> bool:
    """Return whether Headrace made an object, or changed it."""
    return any(entry.get("manager") == MANAGER for entry in document["metadata"].get("managedFields") or [])


def project_fields(document: Mapping[str, Any], wanted: Mapping[str, Any]) -> Document:
    """Return the fields that ``wanted`` has, with the values that they have in ``document``; those it lacks are left out."""
    return {
        key: project_fields(document[key], value)
        if isinstance(value, Mapping) and isinstance(document[key], Mapping)
        else document[key]
        for key, value in wanted.items()
        if key in document
    }


def merge_objects(first: Mapping[str, Any], second: Mapping[str, Any]) -> Document:
    """Return all fields of two objects; where both have one, the second's, unless both are objects."""
    both = {
        key: merge_objects(first[key], value)
        if isinstance(value, Mapping) and isinstance(first[key], Mapping)
        else value
        for key, value in second.items()
        if key in first
    }
    return {**first, **second, **both}


def _keep_fields(value: Any, fields: Mapping[str, Any]) -> Any:
    """Return the part of a value that is named by a set of fields (FieldsV1 of structured-merge-diff)."""
    if not fields:
        return value
    parts = {key: inner for key, inner in fields.items() if key != "."}
    if isinstance(value, Mapping):
        names = {key.removeprefix("f:"): inner for key, inner in parts.items()}
        return {name: _keep_fields(value[name], inner) for name, inner in names.items() if name in value}
    found = []
    for key, inner in parts.items():
        item = _item(value, key)
        if item is not None:
            found.append(_keep_fields(item, inner))
    return found


def _item(items: Any, key: str) -> Any:
    """Return the item of a list that a key of a set of fields names: by its own keys, by its value or by its place."""
    kind, _, text = key.partition(":")
    named = json.loads(text)
    if kind == "k":
        return next((item for item in items if all(item.get(name) == value for name, value in named.items())), None)
    if kind == "v":
        return named if named in items else None
    return items[named] if named < len(items) else None
