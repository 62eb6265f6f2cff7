"""Drift of a model's inputs, with one promise for all tests together."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.drift.input_bins import choose_bins
from headrace.core.drift.input_counts import InputCounts
from headrace.core.drift.input_drift import find_drift
from headrace.core.features.matrix_layout import MatrixColumn

COLUMNS = (
    *(MatrixColumn(f"number {index}") for index in range(6)),
    *(MatrixColumn(f"count {index}") for index in range(3)),
    *(MatrixColumn(f"category {index}", categories=tuple("abcdefgh")) for index in range(3)),
)


def _matrix(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    shares = np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.03, 0.015, 0.005])
    matrix = np.column_stack(
        [
            *(rng.standard_t(3, rows) for _ in range(6)),
            *(rng.poisson(2.0, rows) for _ in range(3)),
            *(rng.choice(8, rows, p=shares) for _ in range(3)),
        ]
    ).astype(float)
    matrix[rng.random(matrix.shape) < 0.02] = np.nan
    return matrix


def _counts(reference: NDArray[np.float64], window: NDArray[np.float64]) -> tuple[InputCounts, InputCounts]:
    bins = choose_bins(reference, COLUMNS)
    return InputCounts.of(reference, bins), InputCounts.of(window, bins)


def test_a_report_of_clean_windows_keeps_its_promise() -> None:
    """Of 150 clean windows with 24 tests each, at most about one in five has any alarm at ``alpha`` 0.2."""
    rng = np.random.default_rng(0)
    alarms = sum(
        any(
            result.drifted
            for result in find_drift(*_counts(_matrix(rng, 2000), _matrix(rng, 300)), alpha=0.2, smallest_effect=0.0)
        )
        for _ in range(150)
    )
    assert alarms <= 44  # 30 expected at most, and three standard deviations


def test_the_changed_inputs_are_named_first() -> None:
    """A moved number, a value that went missing and a category that took over, and nothing else."""
    rng = np.random.default_rng(1)
    window = _matrix(rng, 1000)
    window[:, 2] += 0.6
    window[:100, 4] = np.nan
    window[:150, 10] = 7
    window[:80, 11] = -1
    results = find_drift(*_counts(_matrix(rng, 5000), window))
    drifted = {(result.column, result.aspect) for result in results if result.drifted}
    assert drifted == {
        ("number 2", "distribution"),
        ("number 4", "missing"),
        ("category 1", "distribution"),
        ("category 2", "unseen"),
    }
    assert all(result.drifted for result in results[:4])


def test_many_rows_do_not_make_a_trifle_a_drift() -> None:
    """In 400,000 rows a shift of a fiftieth of a standard deviation is certain, and too small to matter."""
    rng = np.random.default_rng(2)
    reference, window = rng.standard_normal((400_000, 1)), rng.standard_normal((400_000, 1)) + 0.02
    bins = choose_bins(reference[:10_000], COLUMNS[:1])
    (result,) = find_drift(InputCounts.of(reference, bins), InputCounts.of(window, bins))
    assert result.adjusted_p_value < 1e-9
    assert not result.drifted
    assert result.effect < 0.02


@pytest.mark.parametrize(("alpha", "effect"), [(0.0, 0.1), (1.0, 0.1), (0.1, -0.1), (0.1, 1.1)])
def test_a_promise_that_cannot_be_kept_is_refused(alpha: float, effect: float) -> None:
    """No chance at all of a false alarm, or an effect beyond all rows, is a mistake."""
    counts = _counts(*(_matrix(np.random.default_rng(3), 20) for _ in range(2)))
    with pytest.raises(InputError, match="alpha must be above 0 and below 1"):
        find_drift(*counts, alpha=alpha, smallest_effect=effect)
