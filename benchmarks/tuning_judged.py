"""Whether one search is better than another, by a paired test over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

ALPHA = 0.05
FEWEST_SEEDS = 6  # with fewer pairs the signed-rank test cannot reach 5 %
EVERYWHERE = "all"
_SAME = 1e-9  # scores that differ by less than this share of themselves are equal

Scores = Mapping[str, Sequence[float]]
"""The score of each seed, by the name of the search."""


@dataclass(frozen=True)
class Compared:
    """One of Headrace's searches beside one peer.

    Attributes:
        ours: The search of Headrace.
        peer: The peer.
        on: ``validation`` or ``held out``.
        where: Name of the table, or ``EVERYWHERE`` for all pairs of all tables.
        gain: Mean difference over seeds, positive if Headrace is better, in units of the table's typical difference.
        p: Two-sided p of the test.
        corrected: The same after Holm's correction for all comparisons of the same kind and place.
    """

    ours: str
    peer: str
    on: str
    where: str
    gain: float
    p: float
    corrected: float = 1.0

    @property
    def pair(self) -> tuple[str, str]:
        """Both searches."""
        return self.ours, self.peer

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``equal``."""
        if self.corrected >= ALPHA:
            return "equal"
        return "better" if self.gain > 0 else "worse"


def judged(
    tables: Mapping[str, Scores], pairs: Sequence[tuple[str, str]], *, on: str, higher: Mapping[str, bool]
) -> list[Compared]:
    """Compare searches on each table and on all of them together.

    The test is Wilcoxon's signed-rank test of the differences between seeds (zeros by Pratt's method), for which
    differences are first divided by the root mean square of all of a table, so that tables can be put together. Holm's
    correction is made for each table, and for all together.

    Args:
        tables: Scores of each search, by table.
        pairs: What to compare: a search of Headrace and a peer; those that did not run on a table are left out.
        on: What the scores are of.
        higher: Whether more is better, by table.
    """
    found: list[Compared] = []
    together: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for table, scores in tables.items():
        here = [pair for pair in pairs if set(pair) <= set(scores)]
        gains = {pair: _gains(scores[pair[0]], scores[pair[1]], higher=higher[table]) for pair in here}
        scale = np.sqrt(np.mean(np.square(list(gains.values())))) if gains else 0.0
        for pair, gain in gains.items():
            scaled = gain / scale if scale else gain
            found.append(_compared(pair, scaled, on=on, where=table))
            together.setdefault(pair, []).append(scaled)
    found += [_compared(pair, np.concatenate(parts), on=on, where=EVERYWHERE) for pair, parts in together.items()]
    return [one for _, group in groupby(found, key=lambda one: one.where) for one in _holm(list(group))]


def _gains(ours: Sequence[float], theirs: Sequence[float], *, higher: bool) -> NDArray[np.float64]:
    one, two = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    gains = one - two if higher else two - one
    return np.where(np.abs(gains) <= _SAME * np.abs(two), 0.0, gains)


def _compared(pair: tuple[str, str], gains: NDArray[np.float64], *, on: str, where: str) -> Compared:
    p = float(wilcoxon(gains, zero_method="pratt").pvalue) if gains.any() else 1.0
    return Compared(pair[0], pair[1], on, where, float(gains.mean()), p)


def _holm(group: list[Compared]) -> list[Compared]:
    """Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure."""
    order = sorted(range(len(group)), key=lambda place: group[place].p)
    largest, corrected = 0.0, [0.0] * len(group)
    for rank, place in enumerate(order):
        largest = max(largest, min(group[place].p * (len(group) - rank), 1.0))
        corrected[place] = largest
    return [replace(one, corrected=value) for one, value in zip(group, corrected, strict=True)]
