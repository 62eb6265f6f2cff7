"""All errors that Headrace raises intentionally.

::

    HeadraceError
    ├── UserError                    the caller can fix it: exit code 2, or a 4xx
    │   ├── InputError   (ValueError)         a parameter, a file or a request is not what was expected
    │   │   └── RequestError                  a request violates the protocol or the contract
    │   ├── MissingError (FileNotFoundError)  a thing that was named does not exist
    │   ├── DataError    (ValueError)         the data break the contract or are unfit for a model
    │   ├── BundleError  (ValueError)         a bundle is incomplete, altered or of another format
    │   ├── StoreError   (ConnectionError)    a store, a registry or a database is down, full or refuses
    │   │   └── BusyError                     another process is writing the same: a retry may help
    │   └── ClusterError (ConnectionError)    Kubernetes is down, refuses a request or is not what was expected
    └── InternalError    (RuntimeError)       an internal invariant is broken: exit code 1

Each message is one sentence: what was expected, what was found and where, and the remedy.
"""


class HeadraceError(Exception):
    """Base of all errors that Headrace raises on purpose."""


class UserError(HeadraceError):
    """An error that the caller can fix."""


class InputError(UserError, ValueError):
    """A parameter, a file or a request is not what was expected."""


class RequestError(InputError):
    """A request violates the protocol or the contract.

    Attributes:
        reason: What is wrong in one word, for counting: ``form``, ``size``, ``shape``, ``kind``, or the name of a rule.
    """

    def __init__(self, message: str, reason: str = "form") -> None:
        """Create the error from a sentence and a one-word reason."""
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """Return the parts of the error that pickle needs, with its reason."""
        return _restore_request_error, (type(self), str(self), self.reason)


def _restore_request_error(kind: type[RequestError], message: str, reason: str) -> RequestError:
    """Rebuild a request's error of any subclass, whatever its constructor takes."""
    error = kind.__new__(kind, message)
    error.args, error.reason = (message,), reason
    return error


class MissingError(UserError, FileNotFoundError):
    """A thing that was named does not exist."""

    def __str__(self) -> str:
        """Return the sentence alone, not the errno form of OSError."""
        return " ".join(str(part) for part in self.args)


class DataError(UserError, ValueError):
    """The data break the contract or are unfit for a model."""


class BundleError(UserError, ValueError):
    """A bundle is incomplete, altered or of another format."""


class StoreError(UserError, ConnectionError):
    """A store, a registry or a database is down, locked, full, or denies access."""

    def __str__(self) -> str:
        """Return the sentence alone, not the errno form of OSError."""
        return " ".join(str(part) for part in self.args)


class BusyError(StoreError):
    """Another process is writing the same at this moment: a retry may help."""


_UNAVAILABLE = frozenset({"unreachable", "timeout", "busy"})
_TRANSIENT = _UNAVAILABLE | {"failed", "expired"}
_DENIED = frozenset({"forbidden", "unauthorized", "unserved"})


class ClusterError(UserError, ConnectionError):
    """Kubernetes is down, refuses a request or is not what was expected.

    Attributes:
        reason: What is wrong in one word, for branching: ``config``, ``unreachable``, ``timeout``, ``busy``,
            ``unauthorized``, ``forbidden``, ``conflict``, ``exists``, ``invalid``, ``expired``, ``unserved``,
            ``other-version`` (a route still answers by another one), ``failed``.
    """

    def __init__(self, message: str, reason: str = "failed") -> None:
        """Create the error from a sentence and a one-word reason."""
        super().__init__(message)
        self.reason = reason

    @property
    def unavailable(self) -> bool:
        """Whether the server did not respond or was overloaded: the same request may be sent again."""
        return self.reason in _UNAVAILABLE

    @property
    def transient(self) -> bool:
        """Whether the error may pass by itself: a caller that polls may continue, up to a time limit."""
        return self.reason in _TRANSIENT

    @property
    def denied(self) -> bool:
        """Whether this account lacks the permission, or the server has no such kind.

        A server that has just started responds so too, before it has loaded its permissions and kinds.
        """
        return self.reason in _DENIED

    def __str__(self) -> str:
        """Return the sentence alone, not the errno form of OSError."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        """Return the parts of the error that pickle needs, with its reason."""
        return type(self), (str(self), self.reason)


class InternalError(HeadraceError, RuntimeError):
    """An internal invariant is broken."""


def quote(value: object, limit: int = 80) -> str:
    """Return a value for a message: quoted, on one line, at most ``limit`` characters long."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
