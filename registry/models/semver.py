"""Semantic versions of models, by https://semver.org (2.0.0): the numbers, and the one that follows."""

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
    """Three numbers, in the order in which they count.

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
        """Read ``1.2.0``; what follows a ``+`` names the build and does not count.

        Raises:
            InputError: If the text is none.
        """
        match = _FORM.fullmatch(text.partition("+")[0])
        if match is None:
            raise InputError(f"a version must be three numbers such as 1.2.0; got {quote(text)} instead.")
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST = SemVer(1, 0, 0)


def following(base: SemVer, level: Level, *, taken: Iterable[SemVer]) -> SemVer:
    """The least free version that lies ``level`` above ``base``.

    Two candidates for the place of one version get different numbers: the second one the next that is free.

    Args:
        base: The version that is to be followed.
        level: Which of the numbers is raised.
        taken: All versions that exist.
    """
    known = {*taken, base}
    if level == "patch":
        line = [v.patch for v in known if (v.major, v.minor) == (base.major, base.minor)]
        return SemVer(base.major, base.minor, max(line) + 1)
    if level == "minor":
        return SemVer(base.major, max(v.minor for v in known if v.major == base.major) + 1, 0)
    return SemVer(max(v.major for v in known) + 1, 0, 0)


def with_digest(version: str, digest: str) -> str:
    """The version with the first digits of the bundle's digest as build metadata: ``1.2.0+3f2a9c01d4e5``."""
    return f"{version}+{digest[:_BUILD_DIGITS]}"
