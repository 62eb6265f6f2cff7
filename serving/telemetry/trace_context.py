"""Trace context: a client's ``traceparent`` is returned with the response and written to the logs.

Source: https://www.w3.org/TR/trace-context. The server creates no spans: its caller has one of the whole request.
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
    """Return the headers of a valid trace context, to return to the client; none if there is no valid one."""
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


def trace_id(trace_headers: tuple[Header, ...]) -> str:
    """Return the trace's id; empty without a context."""
    return trace_headers[0][1][3:35].decode() if trace_headers else ""
