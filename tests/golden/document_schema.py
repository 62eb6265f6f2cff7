"""JSON Schemas of documents that are frozen dataclasses, with the attributes of their docstrings as descriptions."""

import inspect
import re
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from headrace.core.base.json_document import is_absent_as_empty

_ATTRIBUTE = re.compile(r"^(\w+): (.*(?:\n {4}.*)*)", re.MULTILINE)
_NO_KEY: dict[str, Any] = {"type": "object", "maxProperties": 0}


def schema_of(kind: type) -> dict[str, Any]:
    """JSON Schema of ``as_json`` of a document's class: no other key is allowed."""
    found = TypeAdapter(kind).json_schema()
    classes = {one.__name__: one for one in _classes(kind)}
    parts = {name: _explained(part, classes[name]) for name, part in found.pop("$defs", {}).items()}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_explained(found, kind)}
    return {**head, **({"$defs": parts} if parts else {})}


def _classes(kind: Any) -> set[type]:
    """All dataclasses that a type names, itself included."""
    found = {kind} if is_dataclass(kind) else set()
    parts = get_type_hints(kind).values() if is_dataclass(kind) else get_args(kind)
    return found.union(*(_classes(part) for part in parts))


def _explained(part: dict[str, Any], kind: Any) -> dict[str, Any]:
    texts = {name: text for one in reversed(kind.__mro__) for name, text in _attributes(one).items()}
    declared = {one.name: one for one in fields(kind)}
    head = inspect.cleandoc(kind.__doc__).partition("\n\nAttributes:\n")[0]
    return {
        "title": part["title"],
        "description": " ".join(head.split()),
        "type": "object",
        "properties": {
            name: _field(facts, declared[name]) | {"description": texts[name].replace("``", "`")}
            for name, facts in part["properties"].items()
        },
        "required": [name for name, one in declared.items() if one.default is not None],
        "additionalProperties": False,
    }


def _attributes(kind: type) -> dict[str, str]:
    _, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("\n\nAttributes:\n")
    return {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(inspect.cleandoc("\n" + attributes))}


def _field(facts: dict[str, Any], declared: "Field[Any]") -> dict[str, Any]:
    plain = {key: value for key, value in facts.items() if key not in {"title", "default"}}
    present = next((one for one in plain.get("anyOf", []) if one != {"type": "null"}), plain)
    if is_absent_as_empty(declared):
        return {"anyOf": [present, _NO_KEY]}
    return plain if declared.default is MISSING else present
