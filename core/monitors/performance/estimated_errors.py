"""The mean errors of a regression over rows whose labels have not come, from the counts of their inputs.

The additive model of ``core/drift/error_model`` says how large errors are on average over rows with these counts. Its
uncertainty grows with the distance of the rows from the test part, and more than the model itself knows of, because
errors are additive in approximation only; where too few rows of the test part are alike, there is no estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from headrace.core.drift.error_model import ErrorMeasure, ErrorModel, term_values
from headrace.core.drift.input_counts import ColumnCounts
from headrace.core.drift.joint_drift import score_column
from headrace.core.monitors.performance.estimated_metrics import MetricDraws

Floats = NDArray[np.float64]

FEWEST_ALIKE = 1 / 3
"""Least share of the test part on which an estimate may rest, counted by its uncertainty."""
_APPROXIMATIONS = {"mae": (2.0, 0.25), "mse": (3.0, 0.5)}
"""By what the variance due to a shift is multiplied, and the standard error of the change that it causes as a share of
the change: bins and an additive model are an approximation, which does not improve with the rows of the test part."""
_LARGEST_ERROR = 0.5
IMPRECISE = "known to no better than half of their size for rows like these"
_CHANCE = 3.0
_DRAWS = 4000
_LARGEST_NOISE, _ROWS_OF_NOISE = 8.0, 300
"""Largest relative variance of squared errors, 2 for normal ones; more rows of the test part show more of a tail."""


@dataclass(frozen=True)
class MeanEstimate:
    """The mean of a measure of the errors over a window's rows, relative to that of the test part.

    Attributes:
        mean: Mean of the test part, in the target's unit or its square.
        ratio: The window's expected mean, as a multiple of it.
        error: Standard error of the ratio, for what the test part does not know.
        noise: Variance of one row's measure about its expectation, over the square of the latter.
        alike: Share of the test part that would say as much of rows like itself as all of it says of these.
    """

    mean: float
    ratio: float
    error: float
    noise: float
    alike: float

    @property
    def precise(self) -> bool:
        """Whether its standard error is at most half of it."""
        return self.error <= _LARGEST_ERROR * self.ratio

    def draw(self, rows: int, *, draws: int, rng: np.random.Generator) -> Floats:
        """Draw what the mean (b,) of some rows may turn out to be, which is never negative."""
        if not self.mean:
            return np.zeros(draws)
        expected = self.mean * self.ratio * np.exp(self.error / self.ratio * rng.standard_normal(draws))
        if not self.noise:
            return np.asarray(expected)
        shape = rows / self.noise
        return np.asarray(expected * rng.gamma(shape, 1 / shape, draws))


def estimate_errors(
    model: ErrorModel, trained: Sequence[ColumnCounts], window: Sequence[ColumnCounts]
) -> tuple[MeanEstimate, MeanEstimate]:
    """Estimate the mean absolute and the mean squared error of a window's rows.

    Args:
        model: How large errors are, by inputs.
        trained: Counts of the test part's predicted values, then of the training part's inputs.
        window: Counts of the window's predicted values and inputs, in the same bins.
    """
    scores = [score_column(column) for column in trained]
    means = np.array(
        [_mean(term_values(term, scores[term.column]), window[term.column]) for term in model.terms], dtype=np.float64
    )
    moves = np.array([(mean - term.mean) / term.deviation for mean, term in zip(means, model.terms, strict=True)])
    modelled = {term.column for term in model.terms}
    others = sum(
        _mean(score, column) ** 2
        for place, (score, column) in enumerate(zip(scores, window, strict=True))
        if place not in modelled
    )
    rows = max(1, window[0].rows)
    absolute = _estimate(model.absolute, model.rows, moves, others=others, rows=rows)
    return absolute, _estimate(model.squared, model.rows, moves, others=others, rows=rows)


def draw_errors(
    model: ErrorModel, estimates: tuple[MeanEstimate, MeanEstimate], rows: int, *, seed: int = 0
) -> list[MetricDraws]:
    """Draw what ``mae`` and ``rmse`` of some rows may turn out to be.

    Args:
        model: How large errors are, by inputs.
        estimates: What ``estimate_errors`` returned.
        rows: Number of the rows.
        seed: Seed of the draws.

    Returns:
        Both, the second with a reason to leave it out if a few errors make most of the squares.
    """
    rng = np.random.default_rng(seed)
    absolute, squared = estimates
    drawn, reason = MetricDraws("mae", absolute.draw(rows, draws=_DRAWS, rng=rng)), _why_unknown(model, squared)
    if reason:
        return [drawn, MetricDraws("rmse", np.full(_DRAWS, np.nan), reason)]
    return [drawn, MetricDraws("rmse", np.sqrt(squared.draw(rows, draws=_DRAWS, rng=rng)))]


def _why_unknown(model: ErrorModel, squared: MeanEstimate) -> str:
    """Return why the mean of the squares is unknown though that of the sizes is not; empty if it is known."""
    if squared.noise > max(_LARGEST_NOISE, model.rows / _ROWS_OF_NOISE):
        equal = model.rows / (1 + squared.noise)
        return (
            f"the squares of the {model.rows:,} errors on the test part say as little as {equal:.0f} equal ones would: "
            "the next large error decides, and it cannot be foreseen"
        )
    return "" if squared.precise else f"its squares are {IMPRECISE}"


def _estimate(measure: ErrorMeasure, fitted: int, moves: Floats, *, others: float, rows: int) -> MeanEstimate:
    """Estimate the mean of one measure.

    Args:
        measure: Its model.
        fitted: Number of rows that it is fitted on.
        moves: By how many standard deviations the mean of each term (m,) differs from that of the test part.
        others: Sum of the squared moves of the inputs without a term, whose effect is what chance leaves open.
        rows: Number of the window's rows.
    """
    covariance = measure.matrix()
    level = float(covariance[0, 0])
    if not level:
        return MeanEstimate(measure.mean, 1.0, 0.0, 0.0, 1.0)
    shift = max(0.0, float(moves @ covariance[1:, 1:] @ moves)) + others * measure.noise / fitted
    cross = 2 * float(moves @ covariance[0, 1:])
    # Chance moves the terms of few rows: that is no shift, and what it adds shrinks with the rows.
    chance = _CHANCE * len(moves) * level / rows
    change = float(moves @ np.array(measure.coefficients))
    # Larger errors are known less well in their unit, and no less well as a multiple of their mean.
    alike = min(1.0, max(0.0, 1 + change) ** 2 * level / (level + max(0.0, cross + shift - chance)))
    factor, share = _APPROXIMATIONS[measure.name]
    error = sqrt(max(level + cross + factor * shift, level) + (share * change) ** 2)
    return MeanEstimate(measure.mean, 1 + change, error, measure.noise, alike)


def _mean(values: Floats, column: ColumnCounts) -> float:
    """Return the mean over rows of a function (k + 1,) of their bin."""
    if not column.rows:
        return 0.0
    return float(values[:-1] @ column.counts + values[-1] * column.missing) / column.rows
