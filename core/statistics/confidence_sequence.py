"""Comparing two versions while their requests come in: intervals that hold however often one looks.

Requests are divided at random with a share that is the same for the length of a step. Within a step both versions see
the same hours and the same clients, between steps they need not: steps are strata, weighted as Mantel and Haenszel do
(1959), so that a share that grows while the traffic changes does not look like a difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TIGHT_AT = 300.0
_NORMAL_80 = 0.8416  # 80 % point of the normal distribution


@dataclass(frozen=True)
class MeasureSums:
    """What was measured of some requests.

    Attributes:
        count: How many there were.
        total: Sum of the measure.
        squares: Sum of its squares.
    """

    count: float
    total: float
    squares: float

    @classmethod
    def share(cls, of: float, count: float) -> "MeasureSums":
        """Sums of a measure that is 1 for ``of`` of the requests and 0 for the others."""
        return cls(count, of, of)

    @property
    def mean(self) -> float:
        """Mean of the measure; 0 without requests."""
        return self.total / self.count if self.count else 0.0


@dataclass(frozen=True)
class SequentialInterval:
    """How much larger a measure's mean is for the candidate.

    Attributes:
        effect: Estimate.
        low: Lower end of the confidence sequence.
        high: Upper end.
        requests: Requests of the candidate that it rests on.
        detectable: Difference beyond any bound that four of five such rollouts would have seen by now.
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
    """The confidence sequence of a difference of means.

    With probability 1 - ``alpha`` the true difference is inside at every look at once, as far as sums of requests are
    normal; a variance is never taken for smaller than that of one request at each of the bounds would make it, since
    errors that have not happened yet may be rare instead of impossible.

    Source: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Annals of Statistics
    2024, theorem 2.2), which is Robbins' normal mixture (1970) with an estimated variance.

    Args:
        steps: The candidate's sums and the stable version's, for each step.
        alpha: Probability of an interval that ever misses.
        bounds: Smallest and largest value of the measure.
        tight_at: Effective number of requests at which the interval is to be narrowest.

    Returns:
        The interval; boundless while a version has no request.
    """
    weight = effect = variance = requests = 0.0
    for candidate, stable in steps:
        if not candidate.count or not stable.count:
            continue
        own = candidate.count * stable.count / (candidate.count + stable.count)
        weight += own
        requests += candidate.count
        effect += own * (candidate.mean - stable.mean)
        variance += own**2 * (_variance(candidate, bounds) / candidate.count + _variance(stable, bounds) / stable.count)
    if not weight:
        return UNKNOWN
    level = -2 * math.log(alpha)
    mixed = tight_at / (level + math.log(level + 1))
    scale = math.sqrt(variance / weight)
    half = scale * math.sqrt((weight + mixed) * math.log((weight + mixed) / (mixed * alpha**2))) / weight
    centre = effect / weight
    return SequentialInterval(
        centre, centre - half, centre + half, requests, detectable=half + _NORMAL_80 * scale / math.sqrt(weight)
    )


def _variance(sums: MeasureSums, bounds: tuple[float, float]) -> float:
    """Variance of a measure, with one more request at each bound."""
    low, high = bounds
    count, total = sums.count + 2, sums.total + low + high
    return max(0.0, (sums.squares + low**2 + high**2) / count - (total / count) ** 2)
