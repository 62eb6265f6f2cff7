"""The anomaly score from which a row is an alert: by a budget of alerts, on scores of rows that no model had seen."""

import bisect
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

Floats = NDArray[np.float64]

_TAIL = 0.025
# All of the highest scores are kept, and of the others each that is a hundredth further down.
_EACH, _STEP = 500, 1.01
# Equal rows get scores this near to one another, as a share: the models of two folds sum in other orders.
_EQUAL = 1e-9


@dataclass(frozen=True)
class ScoreSample:
    """Anomaly scores of rows that were each scored by a model fitted without them, the highest of them all.

    Attributes:
        rows: Number of rows.
        ranks: Ranks (m,) of the kept scores from the highest, 1, to the lowest, ``rows``.
        scores: The kept scores (m,), falling.
    """

    rows: int
    ranks: tuple[int, ...]
    scores: tuple[float, ...]

    @classmethod
    def of(cls, scores: Floats) -> Self:
        """Keep what a threshold needs of scores (n,); NaN for rows that no fold held out."""
        ordered = np.sort(scores[np.isfinite(scores)])[::-1]
        ranks = list(range(1, min(len(ordered), _EACH) + 1))
        while ranks and ranks[-1] < len(ordered):
            ranks.append(min(len(ordered), math.ceil(ranks[-1] * _STEP)))
        return cls(len(ordered), tuple(ranks), tuple(float(ordered[rank - 1]) for rank in ranks))

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"rows": self.rows, "ranks": list(self.ranks), "scores": list(self.scores)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` returned.

        Raises:
            KeyError: If a key is missing.
            ValueError: If ranks and scores do not belong together.
        """
        ranks, scores = tuple(map(int, value["ranks"])), tuple(map(float, value["scores"]))
        if len(ranks) != len(scores) or any(a < b for a, b in itertools.pairwise(scores)):
            raise ValueError("alert_scores must hold as many falling scores as ranks")
        return cls(int(value["rows"]), ranks, scores)

    def score_at(self, rank: float) -> float:
        """Return the score of a rank, between those that are kept."""
        return float(np.interp(rank, self.ranks, self.scores))


@dataclass(frozen=True)
class AlertThreshold:
    """The lowest score that is an alert.

    Attributes:
        value: The score.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def choose_threshold(sample: ScoreSample, share: float) -> AlertThreshold:
    """Choose the lowest threshold that at most a share of the rows reach, and its interval.

    The interval is the bootstrap's without drawing: how many rows of a resample are above a score is binomial, so that
    the quantile of a resample is a known rank of the sample (Efron 1982, The Jackknife, the Bootstrap and Other
    Resampling Plans, section 10.4). It takes rows for independent draws.

    Args:
        sample: Scores of n > 0 rows.
        share: Share of rows that may be alerts, above 0 to 1.
    """
    count, expected = math.floor(share * sample.rows + 1e-9), share * sample.rows
    # One rank more at the lower end, as in the order statistics' interval of a quantile.
    fewest, most = _binomial_ends(sample.rows, share)
    value = _between(sample, count)
    high = _between(sample, min(count, fewest)) if expected else value
    return AlertThreshold(value, min(value, sample.score_at(min(most + 1, sample.rows))), max(value, high))


def _binomial_ends(rows: int, share: float) -> tuple[int, int]:
    """Return the 2.5 % and 97.5 % quantiles of a binomial number."""
    spread = 8 * math.sqrt(rows * share * (1 - share)) + 8
    counts = np.arange(max(0, math.floor(rows * share - spread)), min(rows, math.ceil(rows * share + spread)) + 1)
    below = np.asarray(bdtr(counts.astype(np.float64), rows, share), dtype=np.float64)
    places = np.minimum(np.searchsorted(below, [_TAIL, 1 - _TAIL]), len(counts) - 1)
    return int(counts[places[0]]), int(counts[places[1]])


def _between(sample: ScoreSample, count: int) -> float:
    """Return a threshold that at most ``count`` of the rows reach, in the middle between two scores."""
    if count >= sample.rows:
        return sample.scores[-1]
    # Between two ranks that are kept, the higher score: fewer alerts, never more.
    place = bisect.bisect_right(sample.ranks, count + 1) - 1
    below, above = sample.scores[place], sample.scores[max(place - 1, 0)]
    near = max(abs(below) * _EQUAL, math.ulp(below))
    if above - below <= near:  # equal scores cross a threshold together
        higher = [score for score in sample.scores if score > below + near]
        above = min(higher, default=below + 2 * near)
    middle = (above + below) / 2
    return middle if middle > below else above
