"""Extract the fields of an object that a manager owns, to apply them again."""

import json
from collections.abc import Mapping
from typing import Any

from headrace.cluster.api.client import MANAGER, Document


def owned_fields_of(document: Mapping[str, Any], *, manager: str = MANAGER) -> Document | None:
    """Return the part of an object that a manager applied, in a form to apply again.

    Args:
        document: The object, as the server returns it.
        manager: Name of the field manager.

    Returns:
        The object without fields of others and without its status; None if the manager never applied it.
    """
    metadata = document["metadata"]
    for entry in metadata.get("managedFields") or []:
        if (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (manager, "Apply", ""):
            owned = _keep_fields(document, entry["fieldsV1"])
            identity = {**owned.get("metadata", {}), "name": metadata["name"]}
            return {**owned, "apiVersion": document["apiVersion"], "kind": document["kind"], "metadata": identity}
    return None


def is_managed(document: Mapping[str, Any]) -> bool:
    """Return whether Headrace created or changed an object."""
    return any(entry.get("manager") == MANAGER for entry in document["metadata"].get("managedFields") or [])


def project_fields(document: Mapping[str, Any], wanted: Mapping[str, Any]) -> Document:
    """Return the fields of ``wanted`` with their values in ``document``, without those that it lacks."""
    return {
        key: project_fields(document[key], value)
        if isinstance(value, Mapping) and isinstance(document[key], Mapping)
        else document[key]
        for key, value in wanted.items()
        if key in document
    }


def merge_objects(first: Mapping[str, Any], second: Mapping[str, Any]) -> Document:
    """Merge two objects recursively; the second's values take precedence."""
    both = {
        key: merge_objects(first[key], value)
        if isinstance(value, Mapping) and isinstance(first[key], Mapping)
        else value
        for key, value in second.items()
        if key in first
    }
    return {**first, **second, **both}


def _keep_fields(value: Any, fields: Mapping[str, Any]) -> Any:
    """Return the part of a value that a field set names (FieldsV1 of structured-merge-diff)."""
    if not fields:
        return value
    parts = {key: inner for key, inner in fields.items() if key != "."}
    if isinstance(value, Mapping):
        names = {key.removeprefix("f:"): inner for key, inner in parts.items()}
        return {name: _keep_fields(value[name], inner) for name, inner in names.items() if name in value}
    items = []
    for key, inner in parts.items():
        item = _item(value, key)
        if item is not None:
            items.append(_keep_fields(item, inner))
    return items


def _item(items: Any, key: str) -> Any:
    """Return the item of a list that a key of a field set names: by its keys, by its value or by its index."""
    kind, _, text = key.partition(":")
    selector = json.loads(text)
    if kind == "k":
        return next((item for item in items if all(item.get(name) == value for name, value in selector.items())), None)
    if kind == "v":
        return selector if selector in items else None
    return items[selector] if selector < len(items) else None
