"""Texts that pass through pipeline parameters unchanged.

``kfp.local`` rewrites ``python3`` and expands ``{{$...}}`` anywhere in a parameter's value. A text that contains either
is passed as a JSON string literal in which those letters are escaped; every other text is passed as it is.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

_HARMED = ("python3", "{{$")


def escape(value: str) -> str:
    """Return ``value`` in a form that is safe as a pipeline parameter; ``unescape`` undoes it."""
    if not any(part in value for part in _HARMED) and not _is_literal(value):
        return value
    literal = json.dumps(value)
    return literal.replace("python3", "python\\u0033").replace("{{$", "\\u007b{$")


def unescape(value: str) -> str:
    """Return the text that ``escape`` was given; a text that is not a JSON string literal is returned unchanged."""
    return str(json.loads(value)) if _is_literal(value) else value


def escape_all(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with all texts escaped, also those in lists and mappings.

    The metadata of an artifact pass through the next step's parameters.
    """
    return {key: _each(value, escape) for key, value in facts.items()}


def unescape_all(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that ``escape_all`` was given; values other than texts, lists and mappings as they are."""
    return {key: _each(value, unescape) for key, value in facts.items()}


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    return {key: _each(item, change) for key, item in value.items()} if isinstance(value, dict) else value


def _is_literal(value: str) -> bool:
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return False
    try:
        return isinstance(json.loads(value), str)
    except ValueError:
        return False
