"""Drift of all inputs together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.drift.input_counts import InputCounts, find_bins
from headrace.core.drift.input_drift import find_drift
from headrace.core.drift.input_profile import InputProfile, TrainingRows, profile_inputs
from headrace.core.drift.joint_drift import JointReference, JointSums, find_joint_drift, score_bins, score_rows

Rng = np.random.Generator
NAMES = tuple(f"number_{index}" for index in range(6))


def _contract(names: tuple[str, ...] = NAMES) -> Contract:
    target = Column("sold", dtype="string", role="target", categories=("no", "yes"))
    return Contract("shop", "binary", (*(Column(name, dtype="number") for name in names), target))


def _rows(rng: Rng, count: int, correlation: float = 0.5) -> NDArray[np.float64]:
    """Six numbers, the first two of which are correlated; some are missing, one is heavy-tailed and one is tied."""
    matrix = rng.standard_normal((count, 6))
    matrix[:, 1] = correlation * matrix[:, 0] + (1 - correlation**2) ** 0.5 * matrix[:, 1]
    matrix[:, 4] = rng.standard_t(2, count)
    matrix[:, 5] = rng.poisson(1.0, count)
    matrix[rng.random(matrix.shape) < 0.02] = np.nan
    return matrix


def _profile(matrix: NDArray[np.float64]) -> InputProfile:
    return profile_inputs(lambda: [TrainingRows(matrix)], _contract())


def _sum(profile: InputProfile, matrix: NDArray[np.float64]) -> JointSums:
    columns = profile.counts.columns
    positions = [find_bins(values, column.bins) for values, column in zip(matrix.T, columns, strict=True)]
    return JointSums.of(score_rows(positions, score_bins(profile.counts)))


def _reference(profile: InputProfile) -> JointReference:
    assert profile.joint is not None
    return profile.joint


@given(st.integers(0, 40), st.integers(1, 40))
def test_sums_of_two_windows_add_up_to_those_of_all_their_rows(first: int, second: int) -> None:
    """A week needs none of its rows."""
    rng = np.random.default_rng(first * 100 + second)
    one, two = rng.standard_normal((first, 3)), rng.standard_normal((second, 3))
    added, whole = JointSums.of(one) + JointSums.of(two), JointSums.of(np.concatenate([one, two]))
    assert added.rows == whole.rows
    np.testing.assert_allclose(added.means(), whole.means(), atol=1e-12)


def test_dependence_that_turns_is_seen_though_no_input_has_changed() -> None:
    """Each number keeps its distribution and the tests of single inputs see nothing; the pair is named."""
    rng = np.random.default_rng(0)
    profile = _profile(_rows(rng, 20_000))
    matrix = _rows(rng, 1000, correlation=-0.5)
    drift = find_joint_drift(_reference(profile), _sum(profile, matrix))
    single = find_drift(profile.counts, InputCounts.of(matrix, [column.bins for column in profile.counts.columns]))
    assert drift is not None
    assert not any(result.drifted for result in single)
    assert (drift.part, drift.pair) == ("pair", ("number_0", "number_1"))
    assert drift.p_value < 1e-20
    assert drift.effect == pytest.approx(0.5, abs=0.1)
    assert drift.correlations[0] > 0.4
    assert drift.correlations[1] < -0.4


def test_many_small_shifts_are_seen_together() -> None:
    """A twelfth of a standard deviation in each of six numbers is little in each of them, and much in all."""
    rng = np.random.default_rng(1)
    profile = _profile(_rows(rng, 20_000))
    matrix = _rows(rng, 2000) + 0.08
    drift = find_joint_drift(_reference(profile), _sum(profile, matrix))
    assert drift is not None
    assert drift.part == "scores"
    assert drift.p_value < 0.001
    assert 0.02 < drift.effect < 0.3


def test_two_shifts_are_no_change_of_dependence() -> None:
    """Products are taken of what differs from the window's means."""
    rng = np.random.default_rng(2)
    profile = _profile(_rows(rng, 20_000))
    matrix = _rows(rng, 1000)
    matrix[:, 2:4] += 0.7
    drift = find_joint_drift(_reference(profile), _sum(profile, matrix))
    assert drift is not None
    assert drift.part == "scores"
    assert drift.pair != ("number_2", "number_3") or abs(drift.correlations[1]) < 0.15


def test_clean_windows_are_as_surprising_as_promised() -> None:
    """Of 300 clean windows about one in ten has a p-value below 0.1, whatever ties and tails there are."""
    rng = np.random.default_rng(3)
    profile = _profile(_rows(rng, 5000))
    p_values = []
    for _ in range(300):
        drift = find_joint_drift(_reference(profile), _sum(profile, _rows(rng, 400)))
        p_values.append(drift.p_value if drift else 1.0)
    assert np.mean(np.array(p_values) <= 0.1) < 0.16  # three standard errors above 0.1
    assert min(p_values) > 1e-5


def test_no_rows_and_a_single_input_are_no_comparison() -> None:
    """Neither has anything that could go together."""
    profile = _profile(_rows(np.random.default_rng(4), 200))
    assert find_joint_drift(_reference(profile), JointSums.empty(6)) is None
    single = profile_inputs(lambda: [TrainingRows(np.ones((30, 1)))], _contract(NAMES[:1]))
    assert single.joint is None


def test_sums_of_other_columns_are_refused() -> None:
    """The sentence says what to do."""
    profile = _profile(_rows(np.random.default_rng(5), 200))
    with pytest.raises(InputError, match="same columns only; got 2, and 6 in the profile"):
        find_joint_drift(_reference(profile), JointSums.empty(2))


def test_an_input_that_never_varied_is_left_out() -> None:
    """A constant column has no correlation, and must not make the others unknown."""
    rng = np.random.default_rng(6)
    matrix = _rows(rng, 2000)
    matrix[:, 3] = 7.0
    profile = _profile(matrix)
    window = _rows(rng, 500)
    window[:, 3] = 7.0
    drift = find_joint_drift(_reference(profile), _sum(profile, window))
    assert drift is not None
    assert 0.001 < drift.p_value <= 1.0
