"""Texts of others, made safe and short for a terminal.

A terminal obeys escape sequences in what is printed, and text of both directions may read as something else. So every
character that is not printable (``str.isprintable``: controls, formats, unassigned ones) becomes its escape.
"""

import unicodedata
from typing import Any

import orjson

CUT = "…"
MOST_DECODED = 1 << 20
_MOST_ESCAPED = 4_000


def escape(text: str) -> str:
    r"""Return a text with escapes in place of what is not printable.

    >>> escape("a\\x1b[31mb\\u202ec")
    'a\\\\x1b[31mb\\\\u202ec'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def measure(text: str) -> int:
    """Return how many columns of a terminal a printable text takes: 2 for wide characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def fit(text: str, width: int) -> str:
    """Return a text escaped, and cut with a mark where it is wider than a number of columns.

    >>> fit("scores", 4)
    'sco…'

    Args:
        text: Any text.
        width: Most columns, 1 or more.
    """
    shown = escape(text[:_MOST_ESCAPED])
    if len(text) <= _MOST_ESCAPED and measure(shown) <= width:
        return shown
    taken, used = [], 0
    for one in shown:
        used += _columns(one)
        if used > width - 1:
            break
        taken.append(one)
    return "".join(taken) + CUT


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return a printable text with spaces up to a number of columns.

    Args:
        text: The text.
        width: Columns.
        right: Whether the text stands at the right.
    """
    space = " " * (width - measure(text))
    return space + text if right else text + space


def describe_bytes(value: bytes) -> str:
    """Return bytes as text where they are UTF-8 without controls but tabs and line ends; else count and first ones.

    Args:
        value: The bytes.
    """
    if len(value) > MOST_DECODED:
        return f"{len(value):,} bytes: {value[:120].decode(errors='replace')}{CUT}"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if all(one.isprintable() or one in "\t\r\n" for one in text):
        return text
    # A zero and the id of a schema before the value, as serializers of a registry write them.
    schema = f" of schema {int.from_bytes(value[1:5])}" if value[0] == 0 and len(value) > 5 else ""
    return f"{len(value):,} bytes{schema}: {value[:32].hex()}{CUT if len(value) > 32 else ''}"


def describe_value(value: Any) -> str:
    """Return a value of a JSON document as text: texts as they are, the rest as JSON.

    Args:
        value: The value.
    """
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _columns(one: str) -> int:
    if unicodedata.combining(one) or unicodedata.category(one) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1
