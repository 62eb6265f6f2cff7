"""Intervals of shares."""

from math import sqrt
from statistics import NormalDist

from headrace.core.statistics.measures import Interval

_Z = NormalDist().inv_cdf(0.975)


def wilson_interval(hits: float, rows: int, *, independent: int = 0) -> Interval:
    """Return a share and its 95 % interval (Wilson 1927, Journal of the American Statistical Association 22).

    Args:
        hits: Number of rows that count.
        rows: Number of rows, above 0.
        independent: Number of independent draws that the rows come from, if fewer; 0 for as many.
    """
    share = hits / rows
    draws = min(rows, independent or rows)
    square = _Z**2 / draws
    centre = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(share * (1 - share) / draws + square / (4 * draws))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))
