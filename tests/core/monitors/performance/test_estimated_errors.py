"""Mean errors of a regression's rows without labels, from the counts of their inputs."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.drift.error_model import ErrorModel
from headrace.core.drift.input_bins import choose_edges
from headrace.core.drift.input_counts import ColumnCounts
from headrace.core.features.bins import ColumnBins
from headrace.core.monitors.performance.estimated_errors import FEWEST_ALIKE, estimate_errors

Columns = tuple[ColumnCounts, ...]


def _fit(rows: int = 1500) -> tuple[ErrorModel, Columns]:
    """Fit errors that grow with the second of three columns, the first of which is the prediction."""
    rng = np.random.default_rng(1)
    columns = rng.standard_normal((rows, 3))
    errors = np.exp(0.5 * columns[:, 1]) * rng.standard_normal(rows)
    trained = _count(columns, [ColumnBins(f"x{place}", edges=choose_edges(one)) for place, one in enumerate(columns.T)])
    return ErrorModel.fit(list(columns.T), trained, errors), trained


def _count(columns: np.ndarray, bins: Sequence[ColumnBins]) -> Columns:
    return tuple(ColumnCounts.of(one, place) for one, place in zip(columns.T, bins, strict=True))


MODEL, TRAINED = _fit()
BINS = [column.bins for column in TRAINED]
WINDOWS = st.tuples(st.integers(0, 99), st.integers(1, 500), st.floats(-0.5, 0.5))


def _window(seed: int, rows: int, shift: float) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, 3)) + shift


def test_the_test_part_itself_has_its_own_errors() -> None:
    """The estimate is what was measured, with no uncertainty but that of its mean, and rests on all rows."""
    for estimate, measure in zip(
        estimate_errors(MODEL, TRAINED, TRAINED), (MODEL.absolute, MODEL.squared), strict=True
    ):
        assert estimate.ratio == pytest.approx(1.0, abs=1e-4)
        assert estimate.error == pytest.approx(np.sqrt(measure.covariance[0]), rel=1e-3)
        assert estimate.alike == pytest.approx(1.0, abs=1e-2)


@given(first=WINDOWS, second=WINDOWS)
def test_the_mean_error_of_two_windows_is_the_mean_of_theirs(
    first: tuple[int, int, float], second: tuple[int, int, float]
) -> None:
    """An estimate follows from counts, which add up: a week is the mean of its days, weighted by their rows."""
    one, other = _window(*first), _window(*second)
    both = np.concatenate([one, other])
    parts = [estimate_errors(MODEL, TRAINED, _count(rows, BINS)) for rows in (one, other, both)]
    for measure in range(2):
        ratios = [part[measure].ratio for part in parts]
        expected = np.average(ratios[:2], weights=[len(one), len(other)])
        assert ratios[2] == pytest.approx(expected, abs=1e-6)


@given(seed=st.integers(0, 99))
def test_the_uncertainty_grows_with_the_distance_from_the_test_part(seed: int) -> None:
    """Fewer rows of it are alike, the farther the window's rows lie."""
    windows = [_count(_window(seed, 2000, shift), BINS) for shift in (0.0, 0.5, 1.0, 1.5)]
    estimates = [estimate_errors(MODEL, TRAINED, window)[0] for window in windows]
    assert all(near.error < far.error for near, far in pairwise(estimates))
    assert all(near.alike > far.alike for near, far in pairwise(estimates))
    assert [one.alike >= FEWEST_ALIKE for one in estimates] == [True, True, False, False], [
        one.alike for one in estimates
    ]


@pytest.mark.parametrize("rows", [5, 30])
def test_few_rows_differ_by_chance_and_are_known(rows: int) -> None:
    """That they are not spread as the test part is, is no shift."""
    known = [
        estimate_errors(MODEL, TRAINED, _count(_window(seed, rows, 0.0), BINS))[0].alike >= FEWEST_ALIKE
        for seed in range(100)
    ]
    assert np.mean(known) > 0.85


def test_a_shift_of_an_input_without_a_term_widens_the_interval() -> None:
    """Its effect is not in the model, so nothing is known of it but how large an effect would have been noticed."""
    rng = np.random.default_rng(0)
    columns = rng.standard_normal((40, 12))
    counts = _count(columns, [ColumnBins(f"x{place}", edges=choose_edges(one)) for place, one in enumerate(columns.T)])
    model = ErrorModel.fit(list(columns.T), counts, rng.standard_normal(40))
    absent = next(place for place in range(12) if place not in {term.column for term in model.terms})
    moved = columns.copy()
    moved[:, absent] += 1
    before, after = (
        estimate_errors(model, counts, _count(rows, [one.bins for one in counts]))[0] for rows in (columns, moved)
    )
    assert after.ratio == before.ratio
    assert after.error > before.error


def test_draws_are_never_negative_and_centred_on_the_estimate() -> None:
    """Of one row the error may be near zero; of many it is near its mean."""
    estimate, _ = estimate_errors(MODEL, TRAINED, TRAINED)
    rng = np.random.default_rng(0)
    for rows in (1, 1000):
        drawn = estimate.draw(rows, draws=4000, rng=rng)
        assert drawn.min() >= 0
        assert drawn.mean() == pytest.approx(MODEL.absolute.mean, rel=0.05)
    assert np.quantile(estimate.draw(1, draws=4000, rng=rng), 0.025) < 0.1 * MODEL.absolute.mean
