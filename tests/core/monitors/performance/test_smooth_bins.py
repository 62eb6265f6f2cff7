"""Smoothed bins: how certain the means of bins are, also of those that hold few rows or none."""

import numpy as np
import pytest
from scipy.special import expit, logit

from headrace.core.monitors.performance.smooth_bins import draw_logit_deviations


def _calibrate(rng: np.random.Generator, size: int, level: float, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the deviations of forty bins whose probabilities are off by a level and a slope, and draws of them."""
    logits = np.linspace(-3, 3, 40)
    rows = np.full(40, float(size))
    truth = level + (slope - 1) * logits
    actual = rng.binomial(size, expit(logits + truth)).astype(float)
    return truth, draw_logit_deviations(rows, actual, logits, draws=400, rng=rng)


@pytest.mark.parametrize(("level", "slope"), [(0.0, 1.0), (-2.0, 1.0), (0.5, 0.6)])
def test_draws_hold_the_true_deviations_at_about_their_rate(level: float, slope: float) -> None:
    """Intervals of 90 % hold the deviation of 25 rows a bin in at least 85 of 100, and are narrow: a logit at most."""
    inside, widths = [], []
    for seed in range(30):
        truth, draws = _calibrate(np.random.default_rng(seed), 25, level, slope)
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        inside.append((low <= truth) & (truth <= high))
        widths.append(high - low)
    assert np.mean(inside) > 0.85
    assert np.median(widths) < 1.0


def test_more_rows_make_the_draws_narrower() -> None:
    """The uncertainty of a calibration falls with the size of the test part."""
    widths = [_calibrate(np.random.default_rng(1), size, 0.3, 0.8)[1].std(axis=0).mean() for size in (5, 50, 500)]
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


def test_a_bin_without_rows_is_less_certain_than_its_neighbours() -> None:
    """It takes after them."""
    logits, rows = np.linspace(-2, 2, 21), np.full(21, 200.0)
    rows[-3:] = 0
    actual = np.round(rows * expit(logits + 1))
    draws = draw_logit_deviations(rows, actual, logits, draws=800, rng=np.random.default_rng(0))
    assert draws[:, -1].mean() == pytest.approx(1.0, abs=0.4)
    assert draws[:, -1].std() > 1.5 * draws[:, 10].std()


def test_a_model_that_is_always_right_is_not_certain() -> None:
    """Twenty right rows of twenty do not make a probability of 1."""
    rows = np.array([10.0, 10.0])
    draws = draw_logit_deviations(
        rows, np.array([0.0, 10.0]), np.asarray(logit([0.2, 0.8])), draws=800, rng=np.random.default_rng(0)
    )
    right = expit(logit(0.8) + draws[:, 1])
    assert np.quantile(right, 0.05) < 0.95 < np.quantile(right, 0.95)
