"""Variation between windows: what a season is worth."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.core.contracts.contract import Column, Contract
from headrace.core.drift.extra_variance import ExtraVariance, tail_with_variation
from headrace.core.drift.input_counts import InputCounts
from headrace.core.drift.input_drift import find_drift
from headrace.core.drift.input_profile import InputProfile, TrainingRows, profile_inputs
from headrace.core.drift.weighted_chi_square import tail_probability
from headrace.core.drift.window_variation import DAY, HOUR, WEEK, choose_variation, measure_variation

Rng = np.random.Generator
CONTRACT = Contract(
    "shop",
    "binary",
    (
        Column("price", dtype="number"),
        Column("town", dtype="string", categories=("a", "b", "c")),
        Column("sold", dtype="string", role="target", categories=("no", "yes")),
    ),
)


def _day(rng: Rng, rows: int, spread: float) -> NDArray[np.float64]:
    """Rows of a day whose mean, first category and share of missing values are its own."""
    move = rng.normal(0, spread)
    odds = np.array([np.exp(rng.normal(0, spread)), 1.0, 1.0])
    matrix = np.column_stack([rng.standard_normal(rows) + move, rng.choice(3, rows, p=odds / odds.sum())]).astype(float)
    matrix[rng.random(rows) < 0.05 * np.exp(rng.normal(0, spread)), 0] = np.nan
    return matrix


def _profile(rng: Rng, days: int, rows: int, spread: float) -> InputProfile:
    matrix = np.concatenate([_day(rng, rows, spread) for _ in range(days)])
    times = np.repeat(np.arange(days), rows) * DAY * 1_000_000
    return profile_inputs(lambda: [TrainingRows(matrix, times)], CONTRACT)


def _false_alarms(rng: Rng, profile: InputProfile, spread: float, *, known: bool, windows: int) -> int:
    bins = [column.bins for column in profile.counts.columns]
    variation = choose_variation(profile.variations, DAY) if known else None
    alarms = 0
    for _ in range(windows):
        window = InputCounts.of(_day(rng, 500, spread), bins)
        results = find_drift(profile.counts, window, alpha=0.1, smallest_effect=0.0, variation=variation)
        alarms += any(result.drifted for result in results)
    return alarms


def test_windows_of_a_season_keep_the_promise_if_its_days_are_known() -> None:
    """Of 100 clean days about 10 at most are alarms at ``alpha`` 0.1; taken for independent rows, nearly all are."""
    rng = np.random.default_rng(0)
    alarms = naive = 0
    for _ in range(5):
        profile = _profile(rng, 40, 300, 0.2)
        alarms += _false_alarms(rng, profile, 0.2, known=True, windows=20)
        naive += _false_alarms(rng, profile, 0.2, known=False, windows=4)
    assert alarms <= 19  # three standard deviations above 10
    assert naive >= 15


def test_the_variation_of_independent_rows_is_about_none() -> None:
    """The estimate of ``rho`` is within chance of 0, and that of a moving mean is its variance."""
    rng = np.random.default_rng(1)
    still = choose_variation(_profile(rng, 100, 200, 0.0).variations, DAY)
    moved = choose_variation(_profile(rng, 100, 200, 0.3).variations, DAY)
    assert still is not None
    assert moved is not None
    assert still.extra_variance(still.by_column["price"].distribution).rho < 0.002
    # In the metric of Anderson and Darling a variance of the mean counts about a half.
    assert moved.extra_variance(moved.by_column["price"].distribution).rho == pytest.approx(0.045, rel=0.4)


def test_blocks_add_up_and_the_nearest_length_is_chosen() -> None:
    """Training's days and production's earlier windows are one estimate; an hour is no week."""
    profile = _profile(np.random.default_rng(2), 30, 50, 0.2)
    by_length = {one.seconds: one for one in profile.variations}
    assert set(by_length) == {HOUR, DAY, WEEK}
    day = by_length[DAY]
    total = day + day
    assert (total.blocks, total.rows) == (60, 3000)
    assert total.by_column["price"].missing == 2 * day.by_column["price"].missing
    assert choose_variation(profile.variations, 2 * HOUR) is by_length[HOUR]
    assert choose_variation(profile.variations, 40_000) is day
    assert choose_variation((), DAY) is None


def test_rows_without_time_say_nothing_of_windows() -> None:
    """Without a time column there is nothing to estimate, and a row without a time is in no block."""
    matrix = _day(np.random.default_rng(3), 100, 0.0)
    assert profile_inputs(lambda: [TrainingRows(matrix)], CONTRACT).variations == ()
    missing = np.full(100, np.iinfo(np.int64).min)
    missing[:60] = np.repeat(np.arange(6), 10) * DAY * 1_000_000
    profile = profile_inputs(lambda: [TrainingRows(matrix, missing)], CONTRACT)
    assert {one.rows for one in profile.variations if one.seconds == DAY} == {60}
    assert measure_variation([], seconds=DAY) is None


@pytest.mark.parametrize("value", [0.3, 3.0, 30.0, 3000.0])
def test_the_tail_is_between_none_and_all_of_the_variation(value: float) -> None:
    """It falls with the number of windows that are known, down to that of the variance itself."""
    weights = np.array([0.5, 0.2, 0.1])
    tails = [tail_with_variation(weights, value, rows=100, extra=ExtraVariance(0.01, n)) for n in (5, 20, 100_000)]
    limit = tail_probability(np.array([0.5 + 1.0, 0.2, 0.1]), value)
    assert tail_probability(weights, value) <= tails[2] * (1 + 1e-6)
    assert tails[2] == pytest.approx(limit, rel=0.02)
    assert tails == sorted(tails, reverse=True) or value < 1  # below the mean all are near 1
    assert tail_with_variation(weights, value, rows=100, extra=ExtraVariance(0.01, 4)) == tail_probability(
        weights, value
    )


def test_one_normal_direction_has_the_tail_of_student() -> None:
    """With all variance in one direction and many rows, the test is Student's t, as few windows demand.

    The square of a normal variable whose variance is estimated from 9 others has its 1 % quantile at 10.56 (F with 1
    and 9 degrees of freedom), not at 6.63.
    """
    tail = tail_with_variation(np.array([1e-6]), 10.56, rows=10_000, extra=ExtraVariance(1e-4 * 10 / 11, 10))
    assert tail == pytest.approx(0.01, rel=0.05)
