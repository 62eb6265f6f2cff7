"""The JSON documents of requests, read within bounds."""

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
        limits: Bounds; ``nesting`` is read here.

    Raises:
        RequestError: If it is no JSON object, or nested too deeply.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body must be JSON (without NaN or Infinity); {error}.", "json") from error
    if type(found) is not dict:
        raise RequestError(f"the body must be a JSON object; got {kind(found)} instead.", "json")
    if _deepest(body, limits.nesting) > limits.nesting:
        _check_nesting(found, limits.nesting)
    return found


def kind(value: Any) -> str:
    """What a JSON value is; never the value itself, which may be personal."""
    return _KINDS.get(type(value), "another value")


def check_row_count(rows: int, limits: RequestLimits) -> int:
    """Return the number of rows, if it is within bounds.

    Raises:
        RequestError: If there are too many.
    """
    if rows > limits.rows:
        raise RequestError(f"a request must have at most {limits.rows} rows; got {rows}: send fewer at a time.", "size")
    return rows


def require_known_name(name: str, names: tuple[str, ...], what: str) -> str:
    """``name``, if it is one of ``names``.

    Raises:
        RequestError: If it is not.
    """
    if name not in names:
        raise RequestError(f"{what} must be one of {quote(list(names))}; got {quote(name)} instead.", "columns")
    return name


def _deepest(body: bytes, most: int) -> int:
    """Return an upper bound of the nesting: brackets in texts count too."""
    brackets = body.translate(None, _NO_BRACKETS)
    if len(brackets) <= 2 * most:
        return len(brackets) // 2
    return int(np.cumsum(_OPENING[np.frombuffer(brackets, dtype=np.uint8)], dtype=np.int32).max(initial=0))


def _check_nesting(found: Any, most: int) -> None:
    level = [found]
    for _ in range(most):
        level = [child for item in level for child in _children(item) if type(child) in {dict, list}]
        if not level:
            return
    raise RequestError(f"a body must be nested at most {most} deep; send rows of plain values.", "json")


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
