"""Confidence sequences hold under peeking, and find what is there."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.statistics.confidence_sequence import UNKNOWN, MeasureSums, SequentialInterval, difference

STEPS = (1, 5, 25, 50)
LOOKS, REQUESTS = 15, 100


def rollouts(
    count: int, *, stable: float, candidate: float, drift: Sequence[float] = (0, 0, 0, 0), seed: int = 5
) -> list[list[SequentialInterval]]:
    """Simulated rollouts of a share of errors, each with its interval at every look.

    Args:
        count: How many.
        stable: The stable version's share of errors.
        candidate: The candidate's.
        drift: What is added to both in each step, as when the hours are others.
        seed: Seed of the requests.
    """
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        steps: list[tuple[MeasureSums, MeasureSums]] = []
        looks: list[SequentialInterval] = []
        for percent, more in zip(STEPS, drift, strict=True):
            seen = np.zeros(4)
            for _ in range(LOOKS):
                mine = draw.binomial(REQUESTS, percent / 100)
                others = REQUESTS - mine
                seen += (
                    draw.binomial(mine, candidate + more),
                    mine,
                    draw.binomial(others, stable + more),
                    others,
                )
                pair = MeasureSums.share(seen[0], seen[1]), MeasureSums.share(seen[2], seen[3])
                looks.append(difference([*steps, pair], alpha=0.05))
            steps.append(pair)
        found.append(looks)
    return found


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02, 0.001, 0.0])
def test_the_truth_is_inside_at_every_look_at_once(share: float) -> None:
    """Of 300 rollouts without a difference, no more than alpha and chance ever leave it outside at any of 60 looks."""
    found = rollouts(300, stable=share, candidate=share)
    missed = sum(any(not one.low <= 0 <= one.high for one in looks) for looks in found)
    assert missed <= 300 * 0.05 + 3 * math.sqrt(300 * 0.05 * 0.95)


def test_a_difference_is_inside_too() -> None:
    """Also where there is one, and where both versions have worse hours in some steps."""
    found = rollouts(200, stable=0.05, candidate=0.08, drift=(0, 0.2, 0.05, 0.4))
    missed = sum(any(not one.low <= 0.03 <= one.high for one in looks) for looks in found)
    assert missed <= 200 * 0.05 + 3 * math.sqrt(200 * 0.05 * 0.95)


def test_looking_often_at_a_usual_interval_would_not_do() -> None:
    """Of rollouts without a difference, one in three leaves the interval for a single look at one of sixty looks."""
    draw = np.random.default_rng(5)
    usual = ours = 0
    for _ in range(300):
        mine, others = (np.cumsum(draw.binomial(50, 0.3, 60)) for _ in range(2))
        count = 50 * np.arange(1, 61)
        both = (mine + others) / (2 * count)
        distance = np.abs(mine - others) / count / np.sqrt(both * (1 - both) * 2 / count)
        usual += bool((distance > 1.96).any())
        looks = [
            difference([(MeasureSums.share(a, n), MeasureSums.share(b, n))], alpha=0.05)
            for a, b, n in zip(mine, others, count, strict=True)
        ]
        ours += any(not one.low <= 0 <= one.high for one in looks)
    assert usual > 300 * 0.25
    assert ours < 300 * 0.05


def test_a_worse_candidate_is_found() -> None:
    """Five points more errors are told from one in nearly all rollouts of this size, most of them before the last."""
    found = rollouts(100, stable=0.01, candidate=0.06)
    last = [looks[-1].low > 0.0 for looks in found]
    early = [any(one.low > 0.0 for one in looks[: 3 * LOOKS]) for looks in found]
    assert np.mean(last) > 0.95
    assert np.mean(early) > 0.5


def test_a_good_candidate_is_shown_to_be_good() -> None:
    """No error at all is surely less than two points more, after enough requests."""
    found = rollouts(50, stable=0.0, candidate=0.0)
    assert all(looks[-1].high < 0.02 for looks in found)
    assert not any(looks[LOOKS - 1].high < 0.02 for looks in found), "a dozen requests show nothing"


COUNTS = st.tuples(st.integers(1, 500), st.floats(0, 1), st.integers(1, 500), st.floats(0, 1))


def _steps(drawn: list[tuple[int, float, int, float]]) -> list[tuple[MeasureSums, MeasureSums]]:
    return [(MeasureSums.share(round(a * p), a), MeasureSums.share(round(b * q), b)) for a, p, b, q in drawn]


@given(st.lists(COUNTS, min_size=1, max_size=5), st.floats(0.001, 0.2))
def test_the_estimate_is_inside_and_more_certainty_is_wider(
    drawn: list[tuple[int, float, int, float]], alpha: float
) -> None:
    """An interval holds its estimate; half the risk of a miss makes it wider; its ends are finite."""
    one, surer = (difference(_steps(drawn), alpha=a) for a in (alpha, alpha / 2))
    assert surer.low < one.low < one.effect < one.high < surer.high
    assert all(math.isfinite(end) for end in (one.low, one.high, one.detectable))
    assert one.requests == sum(a for a, *_ in drawn)


@given(st.lists(COUNTS, min_size=1, max_size=5))
def test_exchanged_versions_exchange_the_sign(drawn: list[tuple[int, float, int, float]]) -> None:
    """What is worse for one is better for the other, by as much."""
    steps = _steps(drawn)
    one = difference(steps, alpha=0.05)
    other = difference([(stable, candidate) for candidate, stable in steps], alpha=0.05)
    assert math.isclose(one.effect, -other.effect, abs_tol=1e-12)
    assert math.isclose(one.low, -other.high, abs_tol=1e-9)


@given(st.floats(0, 0.5), st.floats(0, 0.4))
def test_a_share_that_grows_while_the_hours_change_is_no_difference(base: float, more: float) -> None:
    """Simpson's paradox: both versions fail equally often in each step, though not in the sum of the steps."""
    steps = [
        (MeasureSums.share(10 * base, 10), MeasureSums.share(990 * base, 990)),
        (MeasureSums.share(500 * (base + more), 500), MeasureSums.share(500 * (base + more), 500)),
    ]
    assert abs(difference(steps, alpha=0.05).effect) < 1e-9


def test_without_requests_nothing_is_known() -> None:
    """Neither a version that was not asked nor no step at all says anything."""
    assert difference([], alpha=0.05) == UNKNOWN
    assert difference([(MeasureSums(0, 0, 0), MeasureSums.share(1, 10))], alpha=0.05) == UNKNOWN
    assert MeasureSums(0, 0, 0).mean == 0
