"""A key keeps its version, whoever computes it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headrace.core.ab_tests.assignment import (
    candidate_expression,
    check_key_column,
    check_share,
    check_test_name,
    find_place,
    is_candidate,
)
from headrace.core.base.errors import InputError

_SHARES = st.floats(0.001, 0.999)
_TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=20)
_INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20)
KEYS = [f"client-{number}" for number in range(40_000)]


def places(test: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The places of many keys in a test."""
    return np.array([find_place(key, test=test) for key in KEYS])


def candidates(keys: pl.Series, *, test: str, share: float) -> list[bool]:
    """Whether each key of a column gets the candidate."""
    return keys.to_frame("k").select(candidate_expression("k", test=test, share=share)).to_series().to_list()


@given(keys=_TEXTS, share=_SHARES)
def test_a_column_of_texts_is_assigned_as_one_key_is(keys: list[str], share: float) -> None:
    """To the bit, for any text and any share."""
    expected = [is_candidate(key, test="t", share=share) for key in keys]
    assert candidates(pl.Series(keys, dtype=pl.String), test="t", share=share) == expected


@given(keys=_INTEGERS, share=_SHARES)
def test_whole_numbers_are_their_digits(keys: list[int], share: float) -> None:
    """A number, a column of numbers and the text of the digits get the same version."""
    expected = [is_candidate(str(key), test="t", share=share) for key in keys]
    assert [is_candidate(key, test="t", share=share) for key in keys] == expected
    assert candidates(pl.Series(keys, dtype=pl.Int64), test="t", share=share) == expected


def test_the_documented_rule_is_the_one_that_is_used() -> None:
    """A change of the rule would move the clients of every test that is under way; other languages repeat it."""
    # printf 'new-model/client-7' | sha256sum | cut -c1-13
    assert find_place("client-7", test="new-model") == int("5e1e383c55e0f", 16) / 2**52


@given(key=st.text(st.characters(codec="utf-8")), small=_SHARES, large=_SHARES)
def test_a_larger_share_moves_keys_to_the_candidate_only(key: str, small: float, large: float) -> None:
    """So no key moves that need not."""
    low, high = sorted((small, large))
    assert is_candidate(key, test="t", share=low) <= is_candidate(key, test="t", share=high)


@given(share=_SHARES)
def test_a_place_at_the_share_is_not_below_it(share: float) -> None:
    """The expression compares digits; a share between two places and one at a place are handled alike."""
    key = "client-1"
    place = find_place(key, test="t")
    for limit in {share, place, float(np.nextafter(place, 1)), float(np.nextafter(place, 0))}:
        assert candidates(pl.Series([key]), test="t", share=limit) == [place < limit]


def test_places_are_uniform_and_tests_independent() -> None:
    """Chi-square of 50 equal bins, and the rank correlation of two tests with almost the same name."""
    first, second = places("ranking-1"), places("ranking-2")
    counts = np.bincount((first * 50).astype(np.int64), minlength=50)
    assert stats.chisquare(counts).pvalue > 0.001
    assert stats.spearmanr(first, second).pvalue > 0.001


def test_a_missing_key_stays_missing() -> None:
    """It is not hashed as a text."""
    assert candidates(pl.Series(["a", None]), test="t", share=0.999)[1] is None


@pytest.mark.parametrize("name", ["", "a/b", "a b", "-a", "ä", "x" * 101, "a\n"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    """A slash would make two pairs of test and key one text."""
    with pytest.raises(InputError, match="the name of a test must be"):
        check_test_name(name)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan"), 0.0001])
def test_a_share_that_leaves_nobody_is_refused(share: float) -> None:
    """Both versions need keys."""
    with pytest.raises(InputError, match="share of the keys must be from"):
        check_share(share)


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (pl.DataFrame({"a": [1]}), "the key must be a column of the table; got 'k', and the columns are a"),
        (pl.DataFrame({"k": [1.0]}), "keys must be texts or whole numbers"),
        (pl.DataFrame({"k": ["a", None]}), "1 of 2 rows have no value in column 'k'"),
    ],
)
def test_keys_that_cannot_be_assigned_are_refused(frame: pl.DataFrame, sentence: str) -> None:
    """With the column and the number of rows."""
    with pytest.raises(InputError, match=sentence):
        check_key_column(frame, "k")
