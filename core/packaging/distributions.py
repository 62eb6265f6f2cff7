"""Installed distributions that a set of packages depends on, with versions and licences."""

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
        licence: Its licence according to its metadata, in a few words; empty if they have none.
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


def resolve_requirements(roots: Iterable[str]) -> tuple[Distribution, ...]:
    """Return some distributions and everything that they need here, sorted by name.

    Requirements of other systems and of extras that are not requested are left out, and so is what is not installed:
    the list says what is there, not what should be. Tools that are installed beside, such as a linter, are not part of
    it.

    Args:
        roots: Names of distributions; those that are not installed are left out.
    """
    installed: dict[str, metadata.Distribution] = {}
    needs: dict[str, set[str]] = {}
    pending = [(canonicalize_name(root), frozenset[str]()) for root in roots]
    visited = set()
    while pending:
        name, extras = pending.pop()
        if (name, extras) in visited:
            continue
        visited.add((name, extras))
        try:
            installed[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for other in _requirements_of(installed[name], extras):
            needs.setdefault(name, set()).add(canonicalize_name(other.name))
            pending.append((canonicalize_name(other.name), frozenset(other.extras)))
    return tuple(
        Distribution(
            name=name,
            version=one.version,
            licence=_licence(one.metadata),
            needs=tuple(sorted(needs.get(name, set()) & installed.keys())),
        )
        for name, one in sorted(installed.items())
    )


@functools.cache
def installed_suite() -> tuple[Distribution, ...]:
    """Return Headrace and everything that it needs, as it is installed."""
    return resolve_requirements(["headrace"])


def _requirements_of(one: metadata.Distribution, extras: frozenset[str]) -> list[Requirement]:
    requirements = [Requirement(text) for text in one.requires or ()]
    return [need for need in requirements if _applies(need, extras)]


def _applies(need: Requirement, extras: frozenset[str]) -> bool:
    return need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*extras, ""))


def _licence(about: metadata.PackageMetadata) -> str:
    """Return the licence's expression, else its name if that is short: some packages hold the whole text."""
    for field in ("License-Expression", "License"):
        text = " ".join(" ".join(about.get_all(field) or ()).split())
        if 0 < len(text) <= _LONGEST_LICENCE:
            return text
    kinds = (line.rpartition(" :: ") for line in about.get_all("Classifier") or ())
    return next((name for head, _, name in kinds if head.startswith("License")), "")
