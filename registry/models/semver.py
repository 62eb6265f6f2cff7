"""Semantic versions of models, by https://semver.org (2.0.0): parsing, and the next version."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from headrace.core.base.errors import InputError, quote

Level = Literal["major", "minor", "patch"]
LEVELS: tuple[Level, ...] = ("major", "minor", "patch")
_FORM = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})")
_BUILD_DIGITS = 12


@dataclass(frozen=True, order=True)
class SemVer:
    """A semantic version: three numbers, in the order of their significance.

    Attributes:
        major: Raised where a client may break.
        minor: Raised where a client may notice.
        patch: Raised otherwise.
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "SemVer":
        """Parse ``1.2.0``; ignore build metadata after a ``+``.

        Raises:
            InputError: If the text has another form.
        """
        match = _FORM.fullmatch(text.partition("+")[0])
        if match is None:
            raise InputError(f"a version must be three numbers such as 1.2.0; got {quote(text)} instead.")
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST = SemVer(1, 0, 0)


def following(base: SemVer, level: Level, *, taken: Iterable[SemVer]) -> SemVer:
    """Return the lowest free version that is one ``level`` above ``base``.

    Two candidates that follow the same version get different numbers: the second gets the next free one.

    Args:
        base: The version before.
        level: The number to raise.
        taken: All existing versions.
    """
    existing = {*taken, base}
    if level == "patch":
        patches = [v.patch for v in existing if (v.major, v.minor) == (base.major, base.minor)]
        return SemVer(base.major, base.minor, max(patches) + 1)
    if level == "minor":
        return SemVer(base.major, max(v.minor for v in existing if v.major == base.major) + 1, 0)
    return SemVer(max(v.major for v in existing) + 1, 0, 0)


def with_digest(version: str, digest: str) -> str:
    """Return the version with the first digits of the bundle's digest as build metadata: ``1.2.0+3f2a9c01d4e5``."""
    return f"{version}+{digest[:_BUILD_DIGITS]}"
