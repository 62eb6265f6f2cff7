"""How the faults of a contract are said: each is one sentence that names its place."""

from collections.abc import Iterable, Iterator
from typing import get_args

from headrace.core.base.errors import InputError, quote


def wants(what: str, must: str, got: object) -> str:
    """The suite's one sentence for a wrong value."""
    return f"{what} must be {must}; got {quote(got)} instead."


def one_of(what: str, kind: object, value: object) -> Iterator[str]:
    """The fault of a value that is none of those that a ``Literal`` allows, if it is none."""
    allowed = get_args(kind)
    if value not in allowed:
        yield wants(what, "one of " + ", ".join(repr(item) for item in allowed if item), value)


def raise_first(prefix: str, faults: Iterable[str]) -> None:
    """Raise the first fault, if there is one, as an ``InputError`` that begins with ``prefix``."""
    for fault in faults:
        raise InputError(f"{prefix}: {fault}")
