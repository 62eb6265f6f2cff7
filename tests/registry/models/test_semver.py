"""Semantic versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.registry.models.semver import LEVELS, Level, SemVer, following, with_digest

_NUMBERS = st.integers(0, 12)
_VERSIONS = st.builds(SemVer, _NUMBERS, _NUMBERS, _NUMBERS)


@given(_VERSIONS)
def test_a_version_is_read_back(version: SemVer) -> None:
    """Its text means itself, with or without a digest."""
    assert SemVer.parse(str(version)) == version
    assert SemVer.parse(with_digest(str(version), "ab" * 32)) == version


@given(_VERSIONS, st.sampled_from(LEVELS), st.lists(_VERSIONS, max_size=30))
def test_the_following_version_is_free_higher_and_of_its_level(base: SemVer, level: Level, taken: list[SemVer]) -> None:
    """It is above the one that it follows, nobody has it, and only the numbers of its level and below it change."""
    found = following(base, level, taken=taken)
    assert found > base
    assert found not in taken
    if level == "patch":
        assert (found.major, found.minor) == (base.major, base.minor)
    elif level == "minor":
        assert (found.major, found.patch) == (base.major, 0)
    else:
        assert (found.minor, found.patch) == (0, 0)


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.-3", "v1.2.3", "latest", "1.2.9999999999"])
def test_what_is_no_version_is_refused(text: str) -> None:
    """One sentence says what a version looks like."""
    with pytest.raises(InputError, match=r"three numbers such as 1\.2\.0"):
        SemVer.parse(text)
