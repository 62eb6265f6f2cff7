"""Everything Headrace raises on purpose.

::

    HeadraceError
    ├── UserError                    the caller can mend it: exit code 2, or a 4xx
    │   ├── InputError   (ValueError)         a parameter, a file or a request is not what was expected
    │   │   └── RequestError                  a request is not what the protocol or the contract wants
    │   ├── MissingError (FileNotFoundError)  a thing that was named does not exist
    │   ├── DataError    (ValueError)         the data break the contract or cannot carry a model
    │   ├── BundleError  (ValueError)         a bundle is incomplete, altered or of another format
    │   ├── StoreError   (ConnectionError)    a store, a registry or a database is down, full or refuses
    │   │   └── BusyError                     somebody else is writing the same: trying again may help
    │   └── ClusterError (ConnectionError)    Kubernetes is down, refuses a request or is not what was expected
    └── InternalError    (RuntimeError)       a promise of Headrace's own is broken: exit code 1

Each message is one sentence: what was expected, what was found and where, and the remedy.
"""


class HeadraceError(Exception):
    """Base of all errors that Headrace raises on purpose."""


class UserError(HeadraceError):
    """The caller can mend it."""


class InputError(UserError, ValueError):
    """A parameter, a file or a request is not what was expected."""


class RequestError(InputError):
    """A request is not what the protocol or the contract wants.

    Attributes:
        reason: What is wrong in one word, for counting: ``form``, ``size``, ``shape``, ``kind``, or the name of a rule.
    """

    def __init__(self, message: str, reason: str = "form") -> None:
        """Say what is wrong, in a sentence and in a word."""
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """The error as it travels between processes."""
        return _restored, (type(self), str(self), self.reason)


def _restored(kind: type[RequestError], message: str, reason: str) -> RequestError:
    """A request's error of any subclass, whatever its constructor takes."""
    found = kind.__new__(kind, message)
    found.args, found.reason = (message,), reason
    return found


class MissingError(UserError, FileNotFoundError):
    """A thing that was named does not exist."""

    def __str__(self) -> str:
        """The sentence alone, not the errno form of OSError."""
        return " ".join(str(part) for part in self.args)


class DataError(UserError, ValueError):
    """The data break the contract or cannot carry a model."""


class BundleError(UserError, ValueError):
    """A bundle is incomplete, altered or of another format."""


class StoreError(UserError, ConnectionError):
    """A store, a registry or a database is down, locked, full, or refuses whoever asks."""

    def __str__(self) -> str:
        """The sentence alone, not the errno form of OSError."""
        return " ".join(str(part) for part in self.args)


class BusyError(StoreError):
    """Somebody else is writing the same at this moment: trying again may help."""


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
        """Say what is wrong, in a sentence and in a word."""
        super().__init__(message)
        self.reason = reason

    @property
    def unavailable(self) -> bool:
        """Whether the server gave no answer, or had too much to do: the same request may be sent again."""
        return self.reason in _UNAVAILABLE

    @property
    def transient(self) -> bool:
        """Whether it may pass by itself: who waits for something may ask again, with a bound on how long."""
        return self.reason in _TRANSIENT

    @property
    def denied(self) -> bool:
        """Whether the server does not let this account do it, or has no such kind.

        A server that has only just started says so too, before it has read its rights and kinds.
        """
        return self.reason in _DENIED

    def __str__(self) -> str:
        """The sentence alone, not the errno form of OSError."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        """The error as it travels between processes."""
        return type(self), (str(self), self.reason)


class InternalError(HeadraceError, RuntimeError):
    """A promise of Headrace's own is broken."""


def shown(value: object, limit: int = 80) -> str:
    """A value as it may stand in a message: quoted, on one line, at most ``limit`` characters long."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
