"""Trace context, passed through: a client's ``traceparent`` comes back with the answer and stands in the logs.

Source: https://www.w3.org/TR/trace-context. The server makes no spans: whoever called it has one of the whole request.
"""

import re
from collections.abc import Iterable

TRACEPARENT, TRACESTATE = b"traceparent", b"tracestate"
_PARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]{0,64})?"
)
_MOST_STATE = 512
Header = tuple[bytes, bytes]


def context(headers: Iterable[Header]) -> tuple[Header, ...]:
    """Return the headers of a valid trace context, to be sent back; none if there is no valid one."""
    parent = state = b""
    for name, value in headers:
        if name == TRACEPARENT:
            parent = value
        elif name == TRACESTATE:
            state = value
    if not parent or not _PARENT.fullmatch(parent):
        return ()
    if state and len(state) <= _MOST_STATE and state.isascii():
        return (TRACEPARENT, parent), (TRACESTATE, state)
    return ((TRACEPARENT, parent),)


def trace_id(found: tuple[Header, ...]) -> str:
    """Return the trace's id; empty without a context."""
    return found[0][1][3:35].decode() if found else ""
