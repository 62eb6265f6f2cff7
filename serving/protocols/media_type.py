"""Media types of request bodies, and whether a body is plainly JSON.

Source: RFC 9110, 8.3 (media types); https://www.rfc-editor.org/rfc/rfc4180 (``text/csv`` and its ``header``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headrace.core.base.errors import RequestError, quote
from headrace.serving.telemetry.trace_context import TRACEPARENT, TRACESTATE, Header

CSV = "text/csv"
ARROW = ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file")
EVENT = "application/cloudevents+json"
EVENT_BATCH = "application/cloudevents-batch+json"
# Clients send one of these with their JSON unless given a type: curl, a browser's fetch, Triton's clients.
_JSON = frozenset(
    {"", "application/json", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"}
)
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})
_DECISIVE = frozenset({b"content-type", b"content-encoding", b"ce-specversion"})
_RELEVANT = _DECISIVE | {TRACEPARENT, TRACESTATE}
_PLAIN = frozenset(
    {
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json;charset=utf-8",
        b"application/json; charset=UTF-8",
        b"application/json;charset=UTF-8",
        b"application/octet-stream",
        b"application/x-www-form-urlencoded",
        b"identity",
    }
)


@dataclass(frozen=True)
class MediaType:
    """A media type.

    Attributes:
        name: In lower case, without parameters; empty if the request names none.
        parameters: Their values by name, in lower case.
    """

    name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_json(self) -> bool:
        """Whether to read the body as JSON."""
        event = self.name.startswith("application/cloudevents")
        return self.name in _JSON or (self.name.endswith("+json") and not event)


def trace_headers_if_plain(headers: Iterable[Header]) -> list[Header] | None:
    """Return the trace headers of a request that is plainly JSON, as most are.

    Args:
        headers: All headers; one loop over them, because this runs for each small prediction.

    Returns:
        The trace headers, few or none; None if another header matters, so that the request takes the full path.
    """
    relevant = [pair for pair in headers if pair[0] in _RELEVANT]
    trace_headers = []
    for name, value in relevant:
        if name not in _DECISIVE:
            trace_headers.append((name, value))
        elif value not in _PLAIN:
            return None
    return trace_headers


def header(headers: Iterable[Header], name: bytes) -> str | None:
    """Return the value of a header; None if it is absent."""
    content = next((value for key, value in headers if key == name), None)
    return None if content is None else content.decode("latin-1").strip()


def parse(text: str) -> MediaType:
    """Return the media type that a header or an event names."""
    name, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest if part.strip())
    parameters = {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}
    return MediaType(name.strip().lower(), parameters)


def check(media: MediaType, accepted: Iterable[str]) -> None:
    """Raise if a type is not accepted, or its parameters would change how a table is read.

    Args:
        media: The type of the body.
        accepted: Accepted types beside JSON.

    Raises:
        RequestError: If the type is not accepted (415).
    """
    if media.is_json:
        return
    accepted = list(accepted)
    if media.name not in accepted:
        raise RequestError(
            f"the Content-Type must be one of {', '.join(['application/json', *accepted])} here; got "
            f"{quote(media.name, 80)} instead.",
            "media",
        )
    allowed = {"charset", *(["header"] if media.name == CSV else [])}
    unknown = next((name for name in media.parameters if name not in allowed), None)
    if unknown is not None:
        raise RequestError(
            f"the Content-Type {media.name} may have {' and '.join(sorted(allowed))}; got {quote(unknown, 40)}.",
            "media",
        )
    if media.parameters.get("charset", "utf-8") not in _UTF8:
        raise RequestError(
            f"a body must be UTF-8; got the charset {quote(media.parameters['charset'], 40)} instead.", "media"
        )
