"""The making of a guard from training rows, with a limit at a chosen rate of false alarms."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from threadpoolctl import threadpool_limits

from headrace.core.robustness.input_guard import FORMAT, GuardDocument, scale
from headrace.core.robustness.shares import wilson_interval

FALSE_ALARMS = 0.01
"""Wanted share of usual rows beyond the limit."""
MOST_ROWS = 20_000
MOST_COLUMNS = 100
_FEWEST_ROWS = 50
_LARGEST_SCALED = 3.0
# The interquartile range of a normal distribution with a standard deviation of 1.
_QUARTILES = 1.349

Floats = NDArray[np.float64]


def fit_guard(train: Floats, test: Floats, names: tuple[str, ...]) -> GuardDocument | None:
    """Learn a guard.

    The limit is chosen by two halves of the training rows, each measured by what was learned from the other: the share
    of new rows beyond it is the wanted one on average (split conformal prediction, Vovk et al. 2005), at least 1 in n.

    Args:
        train: Columns of numbers (n, q) of the training rows; NaN where one is missing.
        test: The same (m, q) of the test rows, m > 0.
        names: Names of the columns (q).

    Returns:
        The guard; None with too few rows, or without columns that vary.
    """
    train = train[np.linspace(0, len(train) - 1, min(len(train), MOST_ROWS)).astype(int)] if len(train) else train
    used = [place for place in range(len(names)) if _varies(train[:, place])][:MOST_COLUMNS]
    if len(train) < max(_FEWEST_ROWS, 3 * len(used)) or not used:
        return None
    train, test = train[:, used], test[:, used]
    with threadpool_limits(1):  # sums that threads share differ in the last digit with their number
        odd, even = train[1::2], train[::2]
        held_out = np.concatenate([_measure(even, *_learn(odd)), _measure(odd, *_learn(even))])
        centre, spread, whitening = map(_shorten, _learn(train))
        beyond = _measure(test, centre, spread, whitening)
    rank = min(len(held_out), math.ceil((len(held_out) + 1) * (1 - FALSE_ALARMS)))
    limit = float(_shorten(np.sort(held_out)[rank - 1 : rank])[0])
    return GuardDocument(
        format=FORMAT,
        columns=tuple(names[place] for place in used),
        centre=tuple(centre.tolist()),
        spread=tuple(spread.tolist()),
        whitening=tuple(tuple(row) for row in whitening.tolist()),
        limit=limit,
        wanted_false_alarms=max(FALSE_ALARMS, 1 / (len(held_out) + 1)),
        false_alarms=wilson_interval(int((beyond > limit).sum()), len(test)),
        rows=len(train),
        test_rows=len(test),
    )


def _shorten(numbers: Floats) -> Floats:
    """Return numbers in six digits: the last ones differ between processors, and equal inputs give equal bundles."""
    return np.array([float(f"{number:.6g}") for number in numbers.ravel()]).reshape(numbers.shape)


def _varies(column: Floats) -> bool:
    """Return whether more than two values are there, so that a distance has a meaning."""
    present = column[~np.isnan(column)]
    return len(np.unique(present[:5000])) > 2


def _learn(rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Return centre (q,), spread (q,) and whitening (q, q) of rows (n, q)."""
    centre, spread = _locate(rows)
    limited = np.clip(scale(rows, centre, spread), -_LARGEST_SCALED, _LARGEST_SCALED)
    covariance = ledoit_wolf(limited, assume_centered=True)[0]
    # A column whose spread is all in a few rows would be infinitely far away.
    covariance[np.diag_indices_from(covariance)] += 1e-6
    whitening: Floats = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return centre, spread, whitening


def _locate(rows: Floats) -> tuple[Floats, Floats]:
    centre, spread = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    for place, column in enumerate(rows.T):
        present = column[~np.isnan(column)]
        if len(present):
            low, centre[place], high = np.percentile(present, [25, 50, 75])
            spread[place] = (high - low) / _QUARTILES or float(present.std()) or 1.0
    return centre, spread


def _measure(rows: Floats, centre: Floats, spread: Floats, whitening: Floats) -> Floats:
    """Return the squared distance (n,) of rows (n, q)."""
    away = scale(rows, centre, spread) @ whitening
    squared: Floats = np.square(away).sum(axis=1)
    return squared
