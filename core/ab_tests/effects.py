"""The difference of a metric between two versions, from one value for each key.

A metric is the quotient of two totals over the keys: of the values, and of their number (or of another column). Each
key gets the value that has the metric as its mean and the metric's sampling variance as its variance (linearization by
the delta method: Deng, Knoblich and Lu 2018, Applying the Delta Method in Metric Analytics, KDD), so that rows of one
key are never taken for independent ones. Where each key counts once, this is the key's own value.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from headrace.core.statistics.confidence_sequence import MeasureSums, SequentialInterval, difference
from headrace.core.statistics.metrics import Floats


class ValueMoments(NamedTuple):
    """Moments of the values of one version's keys.

    Attributes:
        keys: Number of keys.
        mean: Mean of their values.
        variance: Their variance, with keys - 1 below.
    """

    keys: int
    mean: float
    variance: float

    @classmethod
    def of(cls, values: Floats) -> "ValueMoments":
        """Return the moments of values (n,), n > 1."""
        return cls(len(values), float(values.mean()), float(values.var(ddof=1)))

    @property
    def square_error(self) -> float:
        """Square of the standard error of the mean."""
        return self.variance / self.keys


@dataclass(frozen=True)
class MeanDifference:
    """A difference of two means, with what chance may have done to it.

    Attributes:
        difference: The candidate's mean minus the baseline's.
        error: Its standard error.
        degrees_of_freedom: Welch and Satterthwaite's.
    """

    difference: float
    error: float
    degrees_of_freedom: float

    @classmethod
    def of(cls, candidate: ValueMoments, baseline: ValueMoments) -> "MeanDifference":
        """Compute the difference of two independent means that do not both lack variance (Welch 1947)."""
        first, second = candidate.square_error, baseline.square_error
        square = first + second
        freedom = square**2 / (first**2 / (candidate.keys - 1) + second**2 / (baseline.keys - 1))
        return cls(candidate.mean - baseline.mean, math.sqrt(square), freedom)

    @property
    def statistic(self) -> float:
        """The difference in standard errors: t, and with hundreds of keys as good as z."""
        return self.difference / self.error

    @property
    def p_value(self) -> float:
        """Two-sided probability of a difference this large between equal versions."""
        return float(2 * stdtr(self.degrees_of_freedom, -abs(self.statistic)))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the confidence interval of level 1 - ``alpha``."""
        half = float(stdtrit(self.degrees_of_freedom, 1 - alpha / 2)) * self.error
        return self.difference - half, self.difference + half


def relative_interval(candidate: ValueMoments, baseline: ValueMoments, *, alpha: float) -> tuple[float, float] | None:
    """Return the interval of the candidate's mean relative to the baseline's, minus 1 (Fieller 1954).

    Args:
        candidate: The candidate's values.
        baseline: The baseline's.
        alpha: Probability that the interval misses the true ratio.

    Returns:
        Its ends; None if the baseline's mean cannot be distinguished from 0, because every ratio is possible then.
    """
    freedom = MeanDifference.of(candidate, baseline).degrees_of_freedom
    square = float(stdtrit(freedom, 1 - alpha / 2)) ** 2
    leading = baseline.mean**2 - square * baseline.square_error
    if leading <= 0:
        return None
    middle = candidate.mean * baseline.mean
    constant = candidate.mean**2 - square * candidate.square_error
    root = math.sqrt(max(0.0, middle**2 - leading * constant))
    ends = sorted(((middle - root) / leading - 1, (middle + root) / leading - 1))
    return ends[0], ends[1]


def linearize(totals: Floats, denominators: Floats) -> Floats:
    """Return for each key of a version the value whose mean is the quotient of the totals.

    Args:
        totals: Total of each key (n,).
        denominators: What it is divided by (n,), of which the sum is above 0.

    Returns:
        Values (n,), as finite as the totals.
    """
    ratio = totals.sum() / denominators.sum()
    return np.asarray(ratio + (totals - ratio * denominators) / denominators.mean())


class AdjustedValues(NamedTuple):
    """Values of the keys without what a covariate explains.

    Attributes:
        candidate: Values (n,).
        baseline: Values (m,).
        reduction: Part of the variance that is gone, 0 to 1.
    """

    candidate: Floats
    baseline: Floats
    reduction: float


def adjust(candidate: Floats, baseline: Floats, covariates: tuple[Floats, Floats]) -> AdjustedValues:
    """Subtract what a covariate from before the test explains (CUPED, Deng, Xu, Kohavi and Walker 2013).

    The slope is pooled over both versions, each around its own mean, and the covariate is centred on the mean of all
    keys, so that the difference of the versions keeps its expectation.

    Args:
        candidate: Values (n,) of the candidate's keys.
        baseline: Values (m,) of the baseline's.
        covariates: The covariate of the candidate's keys (n,) and of the baseline's (m,); where it is unknown (NaN), a
            key's value stays as it is.
    """
    centre = float(np.nanmean(np.concatenate(covariates)))
    filled = [np.where(np.isnan(values), centre, values) for values in covariates]
    deviations = [values - values.mean() for values in filled]
    squares = sum(float(np.square(part).sum()) for part in deviations)
    if squares <= 0:
        return AdjustedValues(candidate, baseline, 0.0)
    products = sum(float(part @ values) for part, values in zip(deviations, (candidate, baseline), strict=True))
    slope = products / squares
    first, second = (
        values - slope * (covariate - centre) for values, covariate in zip((candidate, baseline), filled, strict=True)
    )
    before, after = (_square_error(*pair) for pair in ((candidate, baseline), (first, second)))
    return AdjustedValues(first, second, 1 - after / before if before else 0.0)


def _square_error(candidate: Floats, baseline: Floats) -> float:
    return float(candidate.var() / len(candidate) + baseline.var() / len(baseline))


def sequence(
    candidate: Floats, baseline: Floats, counts: Sequence[tuple[int, int]], *, alpha: float, tight_at: float
) -> list[SequentialInterval]:
    """Return the confidence sequence of the difference (``statistics.confidence_sequence``) at some looks.

    Args:
        candidate: Values (n,) of the candidate's keys in the order in which they came.
        baseline: Values (m,) of the baseline's.
        counts: Numbers of the candidate's and of the baseline's first keys at each look, which never fall.
        alpha: Probability that the sequence ever misses the true difference.
        tight_at: Effective number of keys at which it is narrowest, fixed before the test.
    """
    # Around a common centre, for squares of large values would swallow their variance.
    centre = float(baseline.mean())
    both = candidate - centre, baseline - centre
    bounds = min(float(part.min()) for part in both), max(float(part.max()) for part in both)
    sums = [MeasureSums(0, 0.0, 0.0), MeasureSums(0, 0.0, 0.0)]
    intervals = []
    for numbers in counts:
        sums = [_extend(known, part, number) for known, part, number in zip(sums, both, numbers, strict=True)]
        intervals.append(difference([(sums[0], sums[1])], alpha=alpha, bounds=bounds, tight_at=tight_at))
    return intervals


def _extend(sums: MeasureSums, values: Floats, number: int) -> MeasureSums:
    """Return the sums of the first values, from those of fewer."""
    more = values[int(sums.count) : number]
    return MeasureSums(number, sums.total + float(more.sum()), sums.squares + float(more @ more))


def holm(p_values: list[float]) -> list[float]:
    """Adjust p-values so that all of them together err as often as one (Holm 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted
