"""What the Kubernetes client and urllib3 raise, translated in one place.

The client is imported inside the functions: it takes long, and most of what Headrace does needs no cluster.
"""

import contextlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import urllib3.exceptions

from headrace.core.base.errors import ClusterError, HeadraceError, MissingError

_LIMIT = 900  # characters of the server's own words that a message may carry
_LOG_IN = "does not know the credentials: sign in again, or correct the kubeconfig"
_BUSY = "answers that it is overloaded or failing: look at its log, then try again"
_REFUSED = "refuses the request: {message}"

# Word and sentence by the `reason` of the API server's answer (metav1.StatusReason).
REASONS = {
    "Unauthorized": ("unauthorized", _LOG_IN),
    "Forbidden": ("forbidden", "does not allow it: {message}; have this right granted, or use another account"),
    "AlreadyExists": ("exists", "holds one already: {message}; choose another name, or delete that one"),
    "Conflict": ("conflict", "saw another change come first: {message}; try again"),
    "Invalid": ("invalid", _REFUSED),
    "BadRequest": ("invalid", _REFUSED),
    "NotAcceptable": ("invalid", _REFUSED),
    "UnsupportedMediaType": ("invalid", _REFUSED),
    "RequestEntityTooLarge": ("invalid", "refuses the request as too large: {message}; make the object smaller"),
    "MethodNotAllowed": ("unserved", "cannot do that: {message}; look whether it is of a version that can"),
    "Gone": ("expired", "no longer knows that state: {message}; read it anew"),
    "Expired": ("expired", "no longer knows that state: {message}; read it anew"),
    "Timeout": ("timeout", "did not answer in time: {message}; look whether it is overloaded, then try again"),
    "ServerTimeout": ("timeout", "did not answer in time: {message}; look whether it is overloaded, then try again"),
    "TooManyRequests": ("busy", "has too many requests: {message}; try again later"),
    "ServiceUnavailable": ("unreachable", _BUSY),
    "InternalError": ("failed", "failed: {message}; look at its log, then try again"),
}

# The same by HTTP status, for answers without a reason (from a proxy, or from a server that is starting).
STATUSES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    502: "ServiceUnavailable",
    503: "ServiceUnavailable",
    504: "Timeout",
}

# Word and sentence by class, most special first, for requests that got no answer.
CLASSES: dict[type[Exception], tuple[str, str]] = {
    urllib3.exceptions.SSLError: (
        "config",
        "shows a certificate that is not trusted: correct certificate-authority in the kubeconfig",
    ),
    urllib3.exceptions.NewConnectionError: (
        "unreachable",
        "is not reachable: start it, or correct the server's address in the kubeconfig",
    ),
    urllib3.exceptions.TimeoutError: (
        "timeout",
        "does not answer in time: look whether it is overloaded, then try again",
    ),
    urllib3.exceptions.LocationParseError: (
        "config",
        "is not an address of an API server: correct the server's address in the kubeconfig",
    ),
    urllib3.exceptions.ProtocolError: ("unreachable", "broke off its answer: look whether it runs, then try again"),
    urllib3.exceptions.ProxyError: ("unreachable", "is not reachable through the proxy: correct the proxy's address"),
    urllib3.exceptions.HTTPError: ("failed", "cannot be spoken to: look whether its address is an API server's"),
}


@dataclass(frozen=True)
class ServerRefusal:
    """What an API server says when it refuses.

    Attributes:
        status: HTTP status; 0 when no answer came.
        reason: The ``reason`` of its Status object; empty when there is none.
        message: Its own words, on one line.
        details: What it says about the object: ``name``, ``kind``, ``causes``.
    """

    status: int
    reason: str = ""
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def answer_of(status: int, reason: str, body: bytes | str | None) -> ServerRefusal:
    """Read a refusal: the Status object of an API server, or whatever a server in front of it says."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if isinstance(said, dict) and said.get("kind") == "Status":
        details = said.get("details")
        return ServerRefusal(
            status=status,
            reason=str(said.get("reason") or ""),
            message=_short(str(said.get("message") or reason)),
            details=details if isinstance(details, dict) else {},
        )
    return ServerRefusal(status=status, message=_short(text or reason))


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LIMIT else f"{line[: _LIMIT - 1]}…"


def _conflict(answer: ServerRefusal) -> str:
    """Who owns which fields, when a server-side apply is refused; empty for any other conflict."""
    owners: dict[str, list[str]] = {}
    for cause in answer.details.get("causes") or []:
        if cause.get("reason") == "FieldManagerConflict":
            _, _, rest = str(cause.get("message", "")).partition('conflict with "')
            manager = rest.partition('"')[0] or "another"
            owners.setdefault(manager, []).append(str(cause.get("field", "")))
    if not owners:
        return ""
    told = "; ".join(f"{manager} owns {', '.join(fields)}" for manager, fields in owners.items())
    return f"refuses to change what another manager set: {told}; leave these fields to it, or have it give them up"


def refusal(answer: ServerRefusal, *, address: str, doing: str) -> HeadraceError:
    """Return the error that an API server's refusal becomes.

    Args:
        answer: What it said.
        address: Its URL.
        doing: The request, in words.
    """
    if answer.status == 404:
        if answer.details.get("name"):
            return MissingError(f"the cluster {address} has none: {answer.message} ({doing}).")
        return ClusterError(
            f"the cluster {address} does not serve this kind of object: install what brings it ({doing}).", "unserved"
        )
    told = answer.reason if answer.reason in REASONS else STATUSES.get(answer.status, "")
    word, sentence = REASONS.get(told, ("failed", f"answers with the status {answer.status}: {{message}}"))
    if word == "forbidden" and " cannot " not in answer.message:
        word, sentence = "invalid", _REFUSED  # an admission rule said no, not the rights
    text = (_conflict(answer) if word == "conflict" else "") or sentence.replace("{message}", answer.message)
    return ClusterError(f"the cluster {address} {text} ({doing}).", word)


def class_of(error: BaseException | None) -> type[Exception]:
    """Return the class among ``CLASSES`` that tells why a request got no answer.

    A server that dies, or only begins, breaks off the handshake: urllib3 calls that a TLS error like any other.

    Args:
        error: What urllib3 raised; the clients turn its TLS errors into answers without a status, whose context it is.
    """
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        return class_of(error.reason)
    if isinstance(error, urllib3.exceptions.SSLError):
        within = error.args[0] if error.args else None
        if isinstance(within, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return urllib3.exceptions.ProtocolError
        if isinstance(within, ssl.SSLError) and within.reason == "WRONG_VERSION_NUMBER":  # it does not speak TLS
            return urllib3.exceptions.LocationParseError
    return next((kind for kind in CLASSES if isinstance(error, kind)), urllib3.exceptions.SSLError)


@contextlib.contextmanager
def translate_errors(address: str, doing: str) -> Iterator[None]:
    """Turn foreign errors of the block into one sentence each.

    Args:
        address: URL of the API server.
        doing: The request, in words.

    Raises:
        MissingError: If the object, or its namespace, is not there.
        ClusterError: If the server does not answer, or refuses.
    """
    from kubernetes.client.exceptions import ApiException, OpenApiException  # noqa: PLC0415 - slow
    from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415

    try:
        yield
    except ApiException as error:
        if not error.status:  # the client turns TLS errors into an answer without a status
            word, text = CLASSES[class_of(error.__context__)]
            raise ClusterError(f"the cluster {address} {text} ({doing}).", word) from error
        answer = answer_of(int(error.status), str(error.reason or ""), error.body)
        raise refusal(answer, address=address, doing=doing) from error
    except urllib3.exceptions.HTTPError as error:
        word, text = CLASSES[class_of(error)]
        raise ClusterError(f"the cluster {address} {text} ({doing}).", word) from error
    except ConfigException as error:
        raise ClusterError(f"the credentials for {address} cannot be read: {_short(str(error))}.", "config") from error
    except OpenApiException as error:
        raise ClusterError(f"the request to {address} cannot be made: {_short(str(error))} ({doing}).") from error
