"""Translate the exceptions of the Kubernetes client and urllib3, in one place.

Functions import the client themselves: the import is slow, and most commands need no cluster.
"""

import contextlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import urllib3.exceptions

from headrace.core.base.errors import ClusterError, HeadraceError, MissingError

_LIMIT = 900  # longest text of the server in a message, in characters
_LOG_IN = "does not know the credentials: sign in again, or correct the kubeconfig"
_BUSY = "answers that it is overloaded or failing: look at its log, then try again"
_REFUSED = "refuses the request: {message}"

# Reason and sentence by the `reason` of the API server's answer (metav1.StatusReason).
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
    "MethodNotAllowed": ("unserved", "cannot do that: {message}; check whether it is of a version that can"),
    "Gone": ("expired", "no longer knows that state: {message}; read it again"),
    "Expired": ("expired", "no longer knows that state: {message}; read it again"),
    "Timeout": ("timeout", "did not answer in time: {message}; check whether it is overloaded, then try again"),
    "ServerTimeout": ("timeout", "did not answer in time: {message}; check whether it is overloaded, then try again"),
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

# Reason and sentence by class, most specific first, for requests without an answer.
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
        "does not answer in time: check whether it is overloaded, then try again",
    ),
    urllib3.exceptions.LocationParseError: (
        "config",
        "is not an address of an API server: correct the server's address in the kubeconfig",
    ),
    urllib3.exceptions.ProtocolError: ("unreachable", "broke off its answer: check whether it runs, then try again"),
    urllib3.exceptions.ProxyError: ("unreachable", "is not reachable through the proxy: correct the proxy's address"),
    urllib3.exceptions.HTTPError: ("failed", "does not speak HTTP: check whether its address is an API server's"),
}


@dataclass(frozen=True)
class ServerRefusal:
    """An API server's answer to a request that it refuses.

    Attributes:
        status: HTTP status; 0 without an answer.
        reason: The ``reason`` of its Status object; empty without one.
        message: Its message, on one line.
        details: Details of the object: ``name``, ``kind``, ``causes``.
    """

    status: int
    reason: str = ""
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def answer_of(status: int, reason: str, body: bytes | str | None) -> ServerRefusal:
    """Parse a refusal: the Status object of an API server, or the text of a proxy in front of it."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("kind") == "Status":
        details = document.get("details")
        return ServerRefusal(
            status=status,
            reason=str(document.get("reason") or ""),
            message=_short(str(document.get("message") or reason)),
            details=details if isinstance(details, dict) else {},
        )
    return ServerRefusal(status=status, message=_short(text or reason))


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LIMIT else f"{line[: _LIMIT - 1]}…"


def _conflict(answer: ServerRefusal) -> str:
    """Return the owners of the fields that a server-side apply was refused; empty for any other conflict."""
    owners: dict[str, list[str]] = {}
    for cause in answer.details.get("causes") or []:
        if cause.get("reason") == "FieldManagerConflict":
            _, _, rest = str(cause.get("message", "")).partition('conflict with "')
            manager = rest.partition('"')[0] or "another"
            owners.setdefault(manager, []).append(str(cause.get("field", "")))
    if not owners:
        return ""
    ownership = "; ".join(f"{manager} owns {', '.join(fields)}" for manager, fields in owners.items())
    return f"refuses to change what another manager set: {ownership}; leave these fields to it, or have it give them up"


def refusal(answer: ServerRefusal, *, address: str, doing: str) -> HeadraceError:
    """Return the error for an API server's refusal.

    Args:
        answer: The refusal.
        address: Its URL.
        doing: The request, in words.
    """
    if answer.status == 404:
        if answer.details.get("name"):
            return MissingError(f"the cluster {address} has none: {answer.message} ({doing}).")
        return ClusterError(
            f"the cluster {address} does not serve this kind of object: install what provides it ({doing}).", "unserved"
        )
    reason = answer.reason if answer.reason in REASONS else STATUSES.get(answer.status, "")
    word, sentence = REASONS.get(reason, ("failed", f"answers with the status {answer.status}: {{message}}"))
    if word == "forbidden" and " cannot " not in answer.message:
        word, sentence = "invalid", _REFUSED  # an admission webhook refused, not the authorization
    text = (_conflict(answer) if word == "conflict" else "") or sentence.replace("{message}", answer.message)
    return ClusterError(f"the cluster {address} {text} ({doing}).", word)


def class_of(error: BaseException | None) -> type[Exception]:
    """Return the class among ``CLASSES`` that explains why a request got no answer.

    A server that dies or starts breaks off the handshake, which urllib3 reports as a TLS error like any other.

    Args:
        error: The exception of urllib3. The clients turn its TLS errors into answers without a status, with the
            exception as their context.
    """
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        return class_of(error.reason)
    if isinstance(error, urllib3.exceptions.SSLError):
        cause = error.args[0] if error.args else None
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return urllib3.exceptions.ProtocolError
        if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":  # it does not speak TLS
            return urllib3.exceptions.LocationParseError
    return next((kind for kind in CLASSES if isinstance(error, kind)), urllib3.exceptions.SSLError)


@contextlib.contextmanager
def translate_errors(address: str, doing: str) -> Iterator[None]:
    """Translate foreign exceptions of the block into errors of one sentence.

    Args:
        address: URL of the API server.
        doing: The request, in words.

    Raises:
        MissingError: If the object or its namespace does not exist.
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
