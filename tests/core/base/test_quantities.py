"""Counts with their nouns."""

import pytest

from headrace.core.base.quantities import describe_count


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (1.0, "1 row"), (1.5, "1.5 rows"), (1250, "1,250 rows")]
)
def test_a_noun_is_in_the_right_number(count: float, text: str) -> None:
    """One is one, and everything else is several."""
    assert describe_count(count, "row") == text
