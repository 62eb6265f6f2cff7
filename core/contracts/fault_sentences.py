"""The sentences for errors in a contract: each names its place."""

from collections.abc import Iterable, Iterator
from typing import get_args

from headrace.core.base.errors import InputError, quote


def must_be(what: str, must: str, got: object) -> str:
    """Return the suite's one sentence for a wrong value."""
    return f"{what} must be {must}; got {quote(got)} instead."


def check_one_of(what: str, kind: object, value: object) -> Iterator[str]:
    """Yield an error if the value is not one that the ``Literal`` allows."""
    allowed = get_args(kind)
    if value not in allowed:
        yield must_be(what, "one of " + ", ".join(repr(item) for item in allowed if item), value)


def raise_first(prefix: str, faults: Iterable[str]) -> None:
    """Raise the first fault, if any, as an ``InputError`` that begins with ``prefix``."""
    for fault in faults:
        raise InputError(f"{prefix}: {fault}")
