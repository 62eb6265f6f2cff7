"""Comparison of two versions while requests arrive: intervals that hold however often they are read.

Requests are assigned at random, with a share that is constant within a step. Within a step both versions see the same
hours and the same clients; between steps they need not. Steps are therefore strata with the weights of Mantel and
Haenszel (1959), so that a share that grows while the traffic changes does not look like a difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TIGHT_AT = 300.0
_NORMAL_80 = 0.8416  # 80 % point of the normal distribution


@dataclass(frozen=True)
class MeasureSums:
    """Sums of a measure over some requests.

    Attributes:
        count: Number of requests.
        total: Sum of the measure.
        squares: Sum of its squares.
    """

    count: float
    total: float
    squares: float

    @classmethod
    def share(cls, of: float, count: float) -> "MeasureSums":
        """Return the sums of a measure that is 1 for ``of`` of the requests and 0 for the others."""
        return cls(count, of, of)

    @property
    def mean(self) -> float:
        """Mean of the measure; 0 without requests."""
        return self.total / self.count if self.count else 0.0


@dataclass(frozen=True)
class SequentialInterval:
    """Difference of a measure's mean, candidate minus stable version, with its interval.

    Attributes:
        effect: Estimate.
        low: Lower end of the confidence sequence.
        high: Upper end.
        requests: Number of the candidate's requests.
        detectable: Difference that four of five such rollouts would have detected by now (power 80 %).
    """

    effect: float
    low: float
    high: float
    requests: float
    detectable: float


UNKNOWN = SequentialInterval(0.0, -math.inf, math.inf, 0.0, math.inf)


def difference(
    steps: Sequence[tuple[MeasureSums, MeasureSums]],
    *,
    alpha: float,
    bounds: tuple[float, float] = (0.0, 1.0),
    tight_at: float = TIGHT_AT,
) -> SequentialInterval:
    """Compute the confidence sequence of a difference of means.

    With probability 1 - ``alpha`` the true difference is inside at all times simultaneously, as far as sums of requests
    are normal, so that a rollout may look after every request and stop at any of them. One request at each bound is
    added to every variance, since errors that have not happened yet may be rare rather than impossible.

    Source: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Annals of Statistics
    2024, theorem 2.2), which is Robbins' normal mixture (1970) with an estimated variance.

    Args:
        steps: For each step the sums of the candidate and of the stable version.
        alpha: Probability that the interval ever misses the true difference.
        bounds: Smallest and largest value of the measure.
        tight_at: Effective number of requests at which the interval is narrowest.

    Returns:
        The interval; unbounded while a version has no request.
    """
    weight = effect = variance = requests = 0.0
    for candidate, stable in steps:
        if not candidate.count or not stable.count:
            continue
        # The harmonic weight: the inverse of the variance of this step's difference if both versions vary alike.
        step_weight = candidate.count * stable.count / (candidate.count + stable.count)
        weight += step_weight
        requests += candidate.count
        effect += step_weight * (candidate.mean - stable.mean)
        variance += step_weight**2 * (
            _variance(candidate, bounds) / candidate.count + _variance(stable, bounds) / stable.count
        )
    if not weight:
        return UNKNOWN
    return _interval(effect / weight, math.sqrt(variance / weight), weight, requests, alpha=alpha, tight_at=tight_at)


def mean(
    sums: MeasureSums, *, alpha: float, bounds: tuple[float, float] = (0.0, 1.0), tight_at: float = TIGHT_AT
) -> SequentialInterval:
    """Compute the confidence sequence of a mean, such as that of the differences of two versions on the same requests.

    Args:
        sums: Sums of the measure.
        alpha: Probability that the interval ever misses the true mean.
        bounds: Smallest and largest value of the measure.
        tight_at: Number of requests at which the interval is narrowest.

    Returns:
        The interval; unbounded without a request.
    """
    if not sums.count:
        return UNKNOWN
    scale = math.sqrt(_variance(sums, bounds))
    return _interval(sums.mean, scale, sums.count, sums.count, alpha=alpha, tight_at=tight_at)


def _interval(
    centre: float, scale: float, weight: float, requests: float, *, alpha: float, tight_at: float
) -> SequentialInterval:
    half = half_width(scale**2 / weight, alpha=alpha, tight_variance=scale**2 / tight_at)
    # If the true difference exceeds a bound by this much, the interval is clear of the bound in 80 % of rollouts.
    return SequentialInterval(
        centre, centre - half, centre + half, requests, detectable=half + _NORMAL_80 * scale / math.sqrt(weight)
    )


def half_width(variance: float, *, alpha: float, tight_variance: float) -> float:
    """Compute half the width of the confidence sequence of an estimate.

    The estimate's error must be a Brownian motion in the time 1 / ``variance``, divided by that time: it is so for a
    mean of ever more values, and for its difference from a second mean that is estimated once.

    Args:
        variance: Variance of the estimate by now; 0 gives a width of 0.
        alpha: Probability that the interval ever misses the true value.
        tight_variance: Variance at which the interval is narrowest, relative to one that is read once.
    """
    if variance <= 0:
        return 0.0
    level = -2 * math.log(alpha)
    # 1 / rho**2 of the source in units of 1 / variance; this choice makes the interval narrowest there.
    mixture = 1 / (tight_variance * (level + math.log(level + 1)))
    time = 1 / variance
    return math.sqrt((time + mixture) * math.log((time + mixture) / (mixture * alpha**2))) / time


def _variance(sums: MeasureSums, bounds: tuple[float, float]) -> float:
    """Compute the variance of a measure, with one more request at each bound."""
    low, high = bounds
    count, total = sums.count + 2, sums.total + low + high
    return max(0.0, (sums.squares + low**2 + high**2) / count - (total / count) ** 2)
