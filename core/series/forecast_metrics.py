"""Metrics of forecasts, and the paired test of two forecasts over their origins.

Sources: Hyndman and Koehler 2006, Another look at measures of forecast accuracy, International Journal of Forecasting
22 (MASE, sMAPE); Diebold and Mariano 1995, Comparing predictive accuracy, Journal of Business and Economic Statistics
13; Harvey, Leybourne and Newbold 1997, Testing the equality of prediction mean squared errors, IJF 13 (the correction
of small samples); Newey and West 1987, Econometrica 55 (weights that keep a variance positive).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def smape(actual: Floats, predicted: Floats) -> float:
    """Compute the symmetric mean absolute percentage error, 0 to 200 %, of values (n,); 0 / 0 counts as 0."""
    size = np.abs(actual) + np.abs(predicted)
    shares = np.divide(np.abs(actual - predicted), size, out=np.zeros_like(size), where=size > 0)
    return float(200.0 * shares.mean())


def mase(errors: Floats, scales: Floats) -> float:
    """Compute the mean absolute scaled error of n forecasts; NaN if a scale is 0.

    Args:
        errors: Errors (n,).
        scales: For each (n,), the mean absolute error of the seasonal naive forecast in the training part of its
            series.
    """
    if not len(errors) or not (scales > 0).all():
        return float("nan")
    return float((np.abs(errors) / scales).mean())


def pinball(actual: Floats, predicted: Floats, *, quantile: float) -> float:
    """Compute the mean pinball loss of n forecasts of a quantile, in the unit of the values (n,)."""
    above = actual - predicted
    return float(np.maximum(quantile * above, (quantile - 1.0) * above).mean())


def coverage(actual: Floats, low: Floats, high: Floats) -> float:
    """Compute the share of n values that lie inside their intervals (n,), bounds included."""
    return float(((actual >= low) & (actual <= high)).mean())


@dataclass(frozen=True)
class PairedForecasts:
    """Comparison of two forecasts over origins.

    Attributes:
        difference: Mean of the losses of the first minus those of the second; below 0 if the first is better.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Chance of such a difference, either way, between equally good forecasts.
        origins: Number of origins.
    """

    difference: float
    low: float
    high: float
    p_value: float
    origins: int

    @property
    def better(self) -> bool:
        """Whether the first forecast is clearly better."""
        return self.high < 0

    @property
    def worse(self) -> bool:
        """Whether the first forecast is clearly worse."""
        return self.low > 0


def compare_forecasts(losses: Floats, *, overlap: int) -> PairedForecasts | None:
    """Test whether two forecasts differ, from the differences of their mean losses by origin.

    Args:
        losses: Mean loss of the first minus that of the second for each origin (n,), in the order of time.
        overlap: Number of following origins whose forecasts share times with one; 0 for none.

    Returns:
        The comparison; None for fewer than two stretches of origins that share nothing, which tell nothing.
    """
    from scipy.stats import t as student  # noqa: PLC0415 - a second to import

    count, horizon = len(losses), overlap + 1
    if count < max(2 * horizon, 4):
        return None
    mean = float(losses.mean())
    centred = losses - mean
    variance = _variance(centred, [1.0] * horizon)
    if variance <= 0:
        variance = _variance(centred, [1.0 - lag / horizon for lag in range(horizon)])
    # Stretches that share nothing are what the sample really holds.
    freedom = max(1, count // horizon - 1)
    correction = (count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count
    error = math.sqrt(max(variance, 0.0) / count / max(correction, 1.0 / count))
    if error == 0.0:
        return PairedForecasts(mean, mean, mean, 1.0 if mean == 0 else 0.0, count)
    width = float(student.ppf(0.975, freedom)) * error
    chance = float(2.0 * student.sf(abs(mean) / error, freedom))
    return PairedForecasts(mean, mean - width, mean + width, chance, count)


def _variance(centred: Floats, weights: Sequence[float]) -> float:
    """Return the long-run variance of centred values (n,), with a weight for each lag from 0 on."""
    lags = [float(centred[lag:] @ centred[: len(centred) - lag]) / len(centred) for lag in range(len(weights))]
    return lags[0] + 2.0 * sum(weight * value for weight, value in zip(weights[1:], lags[1:], strict=True))
