"""Translate the exceptions of the client of Kubeflow Pipelines and urllib3, in one place.

The server's error documents are those of its gRPC gateway, ``{"error", "code", "message", "details"}``, or for an
upload ``{"error_message", "error_details"}``; both hold a Go stack trace after the first line.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import urllib3.exceptions

from headrace.cluster.api import errors
from headrace.core.base.errors import ClusterError, HeadraceError, MissingError

_LIMIT = 500  # longest text of the server in a message, in characters
_LOG_IN = "does not know the credentials: set HEADRACE_KFP_TOKEN or HEADRACE_KFP_COOKIE again"
_BUSY = "answers that it is overloaded or failing: look at the log of ml-pipeline, then try again"
_REFUSED = "refuses the request: {message}"

# Reason and sentence by HTTP status.
STATUSES = {
    400: ("invalid", _REFUSED),
    401: ("unauthorized", _LOG_IN),
    403: ("forbidden", "does not allow it: {message}; have this right granted, or set HEADRACE_KFP_NAMESPACE"),
    405: ("unserved", "cannot do that: check whether it is of a version that can"),
    409: ("exists", "holds one already: {message}; choose another name"),
    412: ("invalid", _REFUSED),
    413: ("invalid", "refuses the request as too large: compile a smaller pipeline"),
    429: ("busy", "has too many requests: try again later"),
    500: ("failed", "failed: {message}; look at the log of ml-pipeline"),
    501: ("unserved", "cannot do that: check whether it is of a version that can"),
    502: ("unreachable", _BUSY),
    503: ("unreachable", _BUSY),
    504: ("timeout", "did not answer in time: check whether it is overloaded, then try again"),
}

# HTTP status by gRPC code (google.rpc.Code), which is more precise than the status of some answers.
CODES = {
    3: 400,  # INVALID_ARGUMENT
    4: 504,  # DEADLINE_EXCEEDED
    5: 404,  # NOT_FOUND
    6: 409,  # ALREADY_EXISTS
    7: 403,  # PERMISSION_DENIED
    8: 429,  # RESOURCE_EXHAUSTED
    9: 400,  # FAILED_PRECONDITION
    12: 501,  # UNIMPLEMENTED
    14: 503,  # UNAVAILABLE
    16: 401,  # UNAUTHENTICATED
}
# Some answers with status 500 are not server errors; the text of the nested error shows the real status.
_WORDS = {"already exist": 409, "not found": 404, "not required by pipeline": 400, "invalid input error": 400}

_ADDRESS = "correct HEADRACE_KFP_ENDPOINT"
CLASSES: dict[type[Exception], tuple[str, str]] = {
    **{kind: (word, text.partition(":")[0] + f": {_ADDRESS}") for kind, (word, text) in errors.CLASSES.items()},
    urllib3.exceptions.SSLError: ("config", "shows a certificate that is not trusted: set HEADRACE_KFP_CA_FILE"),
    urllib3.exceptions.NewConnectionError: (
        "unreachable",
        f"is not reachable: run kubectl port-forward -n kubeflow svc/ml-pipeline 8888:8888, or {_ADDRESS}",
    ),
    urllib3.exceptions.TimeoutError: errors.CLASSES[urllib3.exceptions.TimeoutError],
    urllib3.exceptions.ProtocolError: errors.CLASSES[urllib3.exceptions.ProtocolError],
}
"""Reason and sentence by class, for requests without an answer."""


def words_of(body: bytes | str | None) -> tuple[int, str]:
    """Return the gRPC code of an error, 0 if there is none, and the first line of its message."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        document: Any = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return 0, ""
    message = document.get("message") or document.get("error_message") or document.get("error") or ""
    code = document.get("code")
    return code if isinstance(code, int) else 0, _first(str(message))


def _first(message: str) -> str:
    """Return the first line of a message, without the stack trace and without a full stop."""
    line = " ".join(message.partition("\n")[0].split()).rstrip(".: ")
    return line if len(line) <= _LIMIT else f"{line[: _LIMIT - 1]}…"


def refusal(status: int, body: bytes | str | None, *, address: str, doing: str) -> HeadraceError:
    """Return the error for a refusal.

    Args:
        status: HTTP status.
        body: The body of the answer.
        address: URL of the API.
        doing: The request, in words.
    """
    code, message = words_of(body)
    status = CODES.get(code, status)
    if status == 500:
        status = next((mapped for words, mapped in _WORDS.items() if words in message.lower()), status)
    if status == 404 and message:
        return MissingError(f"Kubeflow Pipelines at {address} has none: {message} ({doing}).")
    if status == 404:
        return ClusterError(
            f"there is no API of Kubeflow Pipelines at {address}: correct HEADRACE_KFP_ENDPOINT ({doing}).", "unserved"
        )
    word, sentence = STATUSES.get(status, ("failed", f"answers with the status {status}: {{message}}"))
    return ClusterError(
        f"Kubeflow Pipelines at {address} {sentence.replace('{message}', message or 'it does not say why')} ({doing}).",
        word,
    )


@contextlib.contextmanager
def translate_errors(address: str, doing: str) -> Iterator[None]:
    """Translate foreign exceptions of the block into errors of one sentence.

    Args:
        address: URL of the API.
        doing: The request, in words.

    Raises:
        MissingError: If the requested object does not exist.
        ClusterError: If the server does not answer, or refuses.
    """
    from kfp_server_api.exceptions import ApiException, OpenApiException  # noqa: PLC0415 - slow

    try:
        yield
    except ApiException as error:
        if not error.status:  # the client turns TLS errors into an answer without a status
            word, text = CLASSES[errors.class_of(error.__context__)]
            raise ClusterError(f"Kubeflow Pipelines at {address} {text} ({doing}).", word) from error
        raise refusal(int(error.status), error.body, address=address, doing=doing) from error
    except urllib3.exceptions.HTTPError as error:
        word, text = CLASSES[errors.class_of(error)]
        raise ClusterError(f"Kubeflow Pipelines at {address} {text} ({doing}).", word) from error
    except OpenApiException as error:
        raise ClusterError(f"the request to {address} cannot be made: {_first(str(error))} ({doing}).") from error
