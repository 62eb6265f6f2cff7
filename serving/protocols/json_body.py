"""Read the JSON documents of requests within limits."""

from typing import Any

import numpy as np
import orjson

from headrace.core.base.errors import RequestError, quote
from headrace.serving.model.limits import RequestLimits

Document = dict[str, Any]
_OPENING = np.zeros(256, dtype=np.int8)
_OPENING[[ord("["), ord("{")]] = 1
_OPENING[[ord("]"), ord("}")]] = -1
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read(body: bytes, limits: RequestLimits) -> Document:
    """Return the JSON object of a body.

    Args:
        body: The body.
        limits: Limits, of which ``nesting`` applies.

    Raises:
        RequestError: If it is not a JSON object, or nested too deeply.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body must be JSON (without NaN or Infinity); {error}.", "json") from error
    if type(document) is not dict:
        raise RequestError(f"the body must be a JSON object; got {kind(document)} instead.", "json")
    if _deepest(body, limits.nesting) > limits.nesting:
        _check_nesting(document, limits.nesting)
    return document


def kind(value: Any) -> str:
    """Return the name of a JSON value's type; never the value itself, which may be personal data."""
    return _KINDS.get(type(value), "another value")


def check_row_count(rows: int, limits: RequestLimits) -> int:
    """Return the number of rows if it is within the limit.

    Raises:
        RequestError: If there are too many.
    """
    if rows > limits.rows:
        raise RequestError(f"a request must have at most {limits.rows} rows; got {rows}: send fewer at a time.", "size")
    return rows


def require_known_name(name: str, names: tuple[str, ...], what: str) -> str:
    """Return ``name`` if it is one of ``names``.

    Raises:
        RequestError: If it is not.
    """
    if name not in names:
        raise RequestError(f"{what} must be one of {quote(list(names))}; got {quote(name)} instead.", "columns")
    return name


def _deepest(body: bytes, limit: int) -> int:
    """Return an upper bound of the nesting; it also counts brackets inside texts."""
    brackets = body.translate(None, _NO_BRACKETS)
    if len(brackets) <= 2 * limit:
        return len(brackets) // 2
    return int(np.cumsum(_OPENING[np.frombuffer(brackets, dtype=np.uint8)], dtype=np.int32).max(initial=0))


def _check_nesting(document: Any, limit: int) -> None:
    level = [document]
    for _ in range(limit):
        level = [child for item in level for child in _children(item) if type(child) in {dict, list}]
        if not level:
            return
    raise RequestError(f"a body must be nested at most {limit} deep; send rows of plain values.", "json")


def _children(item: Any) -> Any:
    return item.values() if type(item) is dict else item


_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
