"""Translates the errors of MLflow, SQLAlchemy and SQLite, in one place."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator

from headrace.core.base.errors import BusyError, HeadraceError, InputError, MissingError, StoreError, quote
from headrace.registry.backends.locations import RegistryLocation

# Sentence by MLflow's error code.
_CODES = {
    "PERMISSION_DENIED": "refuses the request: this user lacks the right to it",
    "UNAUTHENTICATED": "refuses the login: set HEADRACE_REGISTRY_USER and HEADRACE_REGISTRY_PASSWORD, or "
    "HEADRACE_REGISTRY_TOKEN",
    "REQUEST_LIMIT_EXCEEDED": "is overloaded: try again later",
    "ENDPOINT_NOT_FOUND": "does not know the request: check that it is an MLflow server of version 3",
}
# Sentence by a part of the message, for codes that are too general.
_MESSAGES = {
    "failed with exception": "is not reachable: start it, or correct HEADRACE_REGISTRY",
    "out-of-date database schema": "was made by an older MLflow: save a copy, then run `mlflow db upgrade` on it",
    "failed with error code 401": _CODES["UNAUTHENTICATED"],
    "failed with error code 403": _CODES["PERMISSION_DENIED"],
}
# MLflow reads before it writes: of two clients that do so at once, the database rejects one.
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
    """Return what is wrong with a SQLite file, by SQLite's message; empty if the message is unknown."""
    lowered = text.lower()
    return next((sentence for part, sentence in _FILE_ERRORS if part in lowered), "")


@contextlib.contextmanager
def sqlite_errors(kind: str, place: RegistryLocation) -> Iterator[None]:
    """Turn SQLite's errors of the block into one sentence each.

    Args:
        kind: ``registry`` or ``catalogue``.
        place: Its location.

    Raises:
        StoreError: If the file is locked, read-only, damaged or not a database.
    """
    try:
        yield
    except sqlite3.Error as error:
        sentence = file_sentence(str(error)) or f"cannot be read ({error})"
        raise StoreError(f"the {kind} {place} {sentence}.") from error


@contextlib.contextmanager
def mlflow_errors(place: RegistryLocation) -> Iterator[None]:
    """Turn errors of MLflow, and of the libraries below it, in the block into one sentence each.

    Args:
        place: Location of the registry.

    Raises:
        MissingError: If something does not exist.
        InputError: If MLflow rejects a name or a value.
        StoreError: If the registry is down, locked, read-only, or refuses the user.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - slow to import; the caller has imported it
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except HeadraceError:
        raise
    except MlflowException as error:
        raise _translate(str(error.message), str(error.error_code), place) from error
    except (SQLAlchemyError, OSError) as error:
        first_line = _first_line(str(error))
        sentence = file_sentence(first_line) or f"cannot be reached ({first_line})"
        raise StoreError(f"the registry {place} {sentence}.") from error


def _translate(message: str, code: str, place: RegistryLocation) -> HeadraceError:
    first_line = _first_line(message)
    conflict = any(part in message for part in _CONFLICTS)
    if not conflict and place.path and (sentence := file_sentence(message)):
        return StoreError(f"the registry {place} {sentence}.")
    if conflict or code == "TEMPORARILY_UNAVAILABLE":
        return BusyError(f"the registry {place} is being written to by another client: try again ({first_line}).")
    sentence = next((text for part, text in _MESSAGES.items() if part in message), _CODES.get(code, ""))
    if sentence:
        return StoreError(f"the registry {place} {sentence}.")
    if code == "RESOURCE_DOES_NOT_EXIST":
        return MissingError(f"the registry {place} lacks something that existed before ({first_line}).")
    if code in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE", "RESOURCE_ALREADY_EXISTS"}:
        return InputError(f"the registry {place} does not accept this: {first_line}")
    return StoreError(f"the registry {place} failed ({first_line}): look at its log, then try again.")


def _first_line(text: str) -> str:
    """Return the first line of a message, shortened, without passwords in addresses."""
    line = (text.strip().splitlines() or ["no reason given"])[0]
    return quote(re.sub(r"://[^/@\s]*@", "://***@", line), 300).strip("'\"")
