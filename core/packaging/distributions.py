"""The installed distributions that a set of packages stands on, with their versions and licences."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_LONGEST_LICENCE = 60


@dataclass(frozen=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: Its name in the normal form: lower case, single dashes.
        version: Its version.
        licence: Its licence as its metadata give it, in a few words; empty if they do not.
        needs: Names of the distributions of this list that it needs, sorted.
    """

    name: str
    version: str
    licence: str = ""
    needs: tuple[str, ...] = ()

    @property
    def pin(self) -> str:
        """The distribution as a line of a requirements file."""
        return f"{self.name}=={self.version}"


def closure(roots: Iterable[str]) -> tuple[Distribution, ...]:
    """Some distributions and everything that they need here, sorted by name.

    What they would need on another system or for an extra that nobody asks for is left out, and so is what is not
    installed: the list says what there was, and not what there should have been. Tools that are installed beside, such
    as a linter, are no part of it.

    Args:
        roots: Names of distributions; those that are not installed are left out.
    """
    found: dict[str, metadata.Distribution] = {}
    needs: dict[str, set[str]] = {}
    todo = [(canonicalize_name(root), frozenset[str]()) for root in roots]
    done = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for other in _requirements_of(found[name], extras):
            needs.setdefault(name, set()).add(canonicalize_name(other.name))
            todo.append((canonicalize_name(other.name), frozenset(other.extras)))
    return tuple(
        Distribution(
            name=name,
            version=one.version,
            licence=_licence(one.metadata),
            needs=tuple(sorted(needs.get(name, set()) & found.keys())),
        )
        for name, one in sorted(found.items())
    )


@functools.cache
def suite() -> tuple[Distribution, ...]:
    """Headrace and everything that it needs, as it is installed."""
    return closure(["headrace"])


def _requirements_of(one: metadata.Distribution, extras: frozenset[str]) -> list[Requirement]:
    given = [Requirement(text) for text in one.requires or ()]
    return [need for need in given if _applies(need, extras)]


def _applies(need: Requirement, extras: frozenset[str]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def _licence(told: metadata.PackageMetadata) -> str:
    """The licence's expression, else its name if that is short: some packages give the whole text."""
    for field in ("License-Expression", "License"):
        text = " ".join(" ".join(told.get_all(field) or ()).split())
        if 0 < len(text) <= _LONGEST_LICENCE:
            return text
    kinds = (line.rpartition(" :: ") for line in told.get_all("Classifier") or ())
    return next((name for head, _, name in kinds if head.startswith("License")), "")
