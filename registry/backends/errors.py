"""What MLflow, SQLAlchemy and SQLite raise, translated in one place."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator

from headrace.core.base.errors import BusyError, HeadraceError, InputError, MissingError, StoreError, quote
from headrace.registry.backends.locations import RegistryLocation

# Sentence by MLflow's error code.
_CODES = {
    "PERMISSION_DENIED": "refuses what was asked: this user lacks the right to it",
    "UNAUTHENTICATED": "refuses the login: set HEADRACE_REGISTRY_USER and HEADRACE_REGISTRY_PASSWORD, or "
    "HEADRACE_REGISTRY_TOKEN",
    "REQUEST_LIMIT_EXCEEDED": "is overloaded: try again later",
    "ENDPOINT_NOT_FOUND": "does not know the request: check that it is an MLflow server of version 3",
}
# Sentence by what a message holds, where the code tells too little.
_MESSAGES = {
    "failed with exception": "is not reachable: start it, or correct HEADRACE_REGISTRY",
    "out-of-date database schema": "was made by an older MLflow: save a copy, then run `mlflow db upgrade` on it",
    "failed with error code 401": _CODES["UNAUTHENTICATED"],
    "failed with error code 403": _CODES["PERMISSION_DENIED"],
}
# MLflow looks, and then writes: of two that do so at once, the database stops one.
_CONFLICTS = ("UNIQUE constraint", "duplicate key", "is locked", "deadlock", "could not serialize", "StaleData")
_FILE_ERRORS = (
    ("locked", "is locked by another program: wait for it to end, then try again"),
    ("readonly", "is read-only: make the file and its folder writable, or name another"),
    ("not a database", "is not a SQLite file: name another, or restore it from a backup"),
    ("malformed", "is damaged: restore it from a backup"),
    ("unable to open", "cannot be opened: check its path and its rights"),
    ("full", "has no space left: make room on its disk"),
    ("disk i/o", "cannot be read or written: check its disk"),
)


def file_sentence(text: str) -> str:
    """What is the matter with a SQLite file, by what SQLite said; empty if that is not known."""
    lowered = text.lower()
    return next((sentence for part, sentence in _FILE_ERRORS if part in lowered), "")


@contextlib.contextmanager
def sqlite_errors(what: str, place: RegistryLocation) -> Iterator[None]:
    """Turn SQLite's errors of the block into one sentence each.

    Args:
        what: ``registry`` or ``catalogue``.
        place: Where it is.

    Raises:
        StoreError: If the file is locked, read-only, damaged or no database.
    """
    try:
        yield
    except sqlite3.Error as error:
        sentence = file_sentence(str(error)) or f"cannot be read ({error})"
        raise StoreError(f"the {what} {place} {sentence}.") from error


@contextlib.contextmanager
def mlflow_errors(place: RegistryLocation) -> Iterator[None]:
    """Turn MLflow's errors of the block, and those of what lies below it, into one sentence each.

    Args:
        place: The registry.

    Raises:
        MissingError: If a thing is not there.
        InputError: If MLflow does not take a name or a value.
        StoreError: If the registry is down, locked, read-only, or refuses whoever asks.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - slow to import; whoever is here has imported it
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except HeadraceError:
        raise
    except MlflowException as error:
        raise _translate(str(error.message), str(error.error_code), place) from error
    except (SQLAlchemyError, OSError) as error:
        first = _first_line(str(error))
        sentence = file_sentence(first) or f"cannot be reached ({first})"
        raise StoreError(f"the registry {place} {sentence}.") from error


def _translate(message: str, code: str, place: RegistryLocation) -> HeadraceError:
    first = _first_line(message)
    conflict = any(part in message for part in _CONFLICTS)
    if not conflict and place.path and (sentence := file_sentence(message)):
        return StoreError(f"the registry {place} {sentence}.")
    if conflict or code == "TEMPORARILY_UNAVAILABLE":
        return BusyError(f"the registry {place} is being written to by somebody else: try again ({first}).")
    sentence = next((text for part, text in _MESSAGES.items() if part in message), _CODES.get(code, ""))
    if sentence:
        return StoreError(f"the registry {place} {sentence}.")
    if code == "RESOURCE_DOES_NOT_EXIST":
        return MissingError(f"the registry {place} lacks something that was there before ({first}).")
    if code in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE", "RESOURCE_ALREADY_EXISTS"}:
        return InputError(f"the registry {place} does not take this: {first}")
    return StoreError(f"the registry {place} failed ({first}): look at its log, then try again.")


def _first_line(text: str) -> str:
    """The first line of a message, short, without addresses that may hold a password."""
    line = (text.strip().splitlines() or ["no reason given"])[0]
    return quote(re.sub(r"://[^/@\s]*@", "://***@", line), 300).strip("'\"")
