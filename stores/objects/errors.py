"""Translates the errors of minio-py and urllib3, in one place."""

import contextlib
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

import urllib3.exceptions
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from headrace.core.base.errors import HeadraceError, MissingError, StoreError

_KEYS = "refuses the keys: set HEADRACE_S3_ACCESS_KEY and HEADRACE_S3_SECRET_KEY to keys that it knows"
# A refused HEAD request has no body, so minio-py cannot distinguish wrong keys and missing rights.
_RIGHTS = (
    "refuses the keys, or they lack the right to list, read and write the bucket: "
    "correct HEADRACE_S3_ACCESS_KEY and HEADRACE_S3_SECRET_KEY, or give them that right"
)
_PRESENT = 412
_BUSY = "answers that it is overloaded or failing: look at its log, then try again"

# Sentence by S3 error code. `absent` is not a sentence but marks an object that does not exist.
CODES = {
    "NoSuchKey": "absent",
    "NoSuchObject": "absent",
    "NoSuchBucket": "has no such bucket: create it, or set HEADRACE_S3_BUCKET to one that exists",
    "InvalidBucketName": "refuses the bucket's name: use 3 to 63 lower-case letters, digits and dashes",
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "RequestTimeTooSkewed": "refuses the time of the request: set this machine's clock",
    "AuthorizationHeaderMalformed": "signs for another region: set HEADRACE_S3_REGION",
    "InvalidRegion": "signs for another region: set HEADRACE_S3_REGION",
    "XMinioStorageFull": "is full: make room in it",
    "QuotaExceeded": "is full: make room in it",
    "SlowDown": _BUSY,
    "InternalError": _BUSY,
    "ServiceUnavailable": _BUSY,
}

# Sentence by HTTP status, for servers whose errors minio-py cannot read (rclone sends them as text/xml).
STATUSES = {
    400: "does not understand the request: check that HEADRACE_S3_ENDPOINT is an S3 server",
    401: _RIGHTS,
    403: _RIGHTS,
    404: "absent",
    405: "does not understand the request: check that HEADRACE_S3_ENDPOINT is an S3 server",
    409: "reports a conflict: another client holds this bucket or key; try again",
    500: _BUSY,
    501: "lacks an operation that is needed; use another S3 server",
    502: _BUSY,
    503: _BUSY,
    504: _BUSY,
    507: "is full: make room in it",
}

# Sentence by class, the most specific first, for errors without a code or a status.
CLASSES: dict[type[Exception], str] = {
    urllib3.exceptions.SSLError: "does not speak TLS as expected: check its scheme and its certificate",
    urllib3.exceptions.NewConnectionError: "is not reachable: start it, or correct HEADRACE_S3_ENDPOINT",
    urllib3.exceptions.TimeoutError: "does not answer in time: look whether it is overloaded, then try again",
    urllib3.exceptions.LocationParseError: "is not an address: correct HEADRACE_S3_ENDPOINT",
    urllib3.exceptions.ProtocolError: "broke off its answer: look at its log, then try again",
    urllib3.exceptions.ResponseError: _BUSY,
    urllib3.exceptions.HTTPError: "cannot be used: check that HEADRACE_S3_ENDPOINT is an S3 server",
    MinioException: "sent a response that is not S3's: check that HEADRACE_S3_ENDPOINT is an S3 server",
}


def sentence(error: Exception) -> str:
    """Return what is wrong with the store, or ``absent`` if the object does not exist."""
    if isinstance(error, S3Error):
        status = error.response.status if error.response is not None else 0
        return CODES.get(error.code or "") or STATUSES.get(status) or f"answers with the error {error.code}"
    if isinstance(error, ServerError):
        return STATUSES.get(error.status_code, _BUSY)
    if isinstance(error, InvalidResponseError):
        return STATUSES.get(int(error._code), CLASSES[MinioException])  # noqa: SLF001 - it has no public field
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        return sentence(error.reason)
    return next(text for kind, text in CLASSES.items() if isinstance(error, kind))


def says_present(error: S3Error | InvalidResponseError) -> bool:
    """Return whether the store refused a conditional write because the object exists, or is being written."""
    if isinstance(error, S3Error):
        status = error.response.status if error.response is not None else 0
        return error.code in {"PreconditionFailed", "ConditionalRequestConflict"} or status == _PRESENT
    return int(error._code) == _PRESENT  # noqa: SLF001 - it has no public field


@contextlib.contextmanager
def translate_errors(endpoint: str, place: str) -> Iterator[None]:
    """Turn errors of minio-py and urllib3 in the block into one sentence each.

    Args:
        endpoint: URL of the store.
        place: The bucket or object in use.

    Raises:
        MissingError: If the object does not exist.
        StoreError: If the store is down, full or refuses the keys.
    """
    try:
        yield
    except HeadraceError:
        raise
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        text = sentence(error)
        if text == "absent":
            raise MissingError(f"the object store {endpoint} holds no {place}; publish it first.") from error
        raise StoreError(f"the object store {endpoint} {text} ({place}).") from error
    except (ValueError, ParseError) as error:
        # minio-py does not catch errors of its XML parser.
        raise StoreError(f"the object store {endpoint} {CLASSES[MinioException]} ({place}).") from error
