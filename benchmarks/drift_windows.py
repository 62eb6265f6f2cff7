"""Tables of thirty mixed columns and windows of them, clean or shifted in one known way, from a seed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rng = np.random.Generator
_CATEGORIES = 12
NUMBERS = [f"number_{index}" for index in range(10)]
HEAVY = [f"heavy_{index}" for index in range(6)]
COUNTS = [f"count_{index}" for index in range(6)]
CATEGORIES = [f"category_{index}" for index in range(8)]
COLUMNS = [*NUMBERS, *HEAVY, *COUNTS, *CATEGORIES]


@dataclass(frozen=True)
class Season:
    """What is peculiar to a day: how far each column lies from its average.

    Attributes:
        moves: Shift of each number and heavy tail in its own unit, of each count's logarithm, and of the logarithm of
            the first category's odds (30,).
        common: Factor of what the numbers share.
        missing: Share of missing values.
    """

    moves: "NDArray[np.float64]"
    common: float = 0.58
    missing: float = 0.02


NO_SEASON = Season(np.zeros(len(COLUMNS)))


def season(rng: Rng, day: int) -> Season:
    """Draw a day of a process with a week and with chance from day to day.

    Every fourth column keeps still; the others move by the weekday and by chance, each by about 0.1 and 0.1 of its
    unit; what the numbers share and the share of missing values vary too.
    """
    week = 0.15 * np.sin(2 * np.pi * (day + np.arange(len(COLUMNS))) / 7)
    moves = np.where(np.arange(len(COLUMNS)) % 4 > 0, week + rng.normal(0, 0.1, len(COLUMNS)), 0.0)
    return Season(moves, float(np.clip(rng.normal(0.58, 0.05), 0.3, 0.8)), float(rng.uniform(0.01, 0.03)))


def rows(rng: Rng, count: int, day: Season = NO_SEASON) -> pd.DataFrame:
    """Draw rows of one distribution: normal, heavy-tailed and tied numbers, and categories of which some are rare.

    Args:
        rng: The source of randomness.
        count: Number of rows.
        day: What is peculiar to the day.

    Returns:
        A frame (count, 30) with 2 % missing values in every third column.
    """
    shares = 1 / np.arange(1, _CATEGORIES + 1) ** 1.5
    move = dict(zip(COLUMNS, day.moves.tolist(), strict=True))
    common = rng.standard_normal(count)  # a third of the numbers' variance is shared
    rest = (1 - day.common**2) ** 0.5
    columns: dict[str, NDArray[np.object_] | NDArray[np.float64]] = {
        **{name: day.common * common + rest * rng.standard_normal(count) + move[name] for name in NUMBERS},
        **{name: rng.standard_t(2, count) + move[name] for name in HEAVY},
        **{
            name: rng.poisson((0.5 + index) * np.exp(move[name]), count).astype(float)
            for index, name in enumerate(COUNTS)
        },
    }
    for name in CATEGORIES:
        odds = shares * np.exp(np.r_[move[name], np.zeros(_CATEGORIES - 1)])
        columns[name] = rng.choice(list("abcdefghijkl"), count, p=odds / odds.sum())
    frame = pd.DataFrame(columns)
    for name in COLUMNS[::3]:
        frame.loc[rng.random(count) < day.missing, name] = None
    return frame


def _add(name: str, amount: float) -> Callable[[Rng, pd.DataFrame], None]:
    def change(_: Rng, frame: pd.DataFrame) -> None:
        frame[name] += amount

    return change


def _scale(name: str, factor: float) -> Callable[[Rng, pd.DataFrame], None]:
    def change(_: Rng, frame: pd.DataFrame) -> None:
        frame[name] *= factor

    return change


def _replace(name: str, share: float, value: object) -> Callable[[Rng, pd.DataFrame], None]:
    def change(rng: Rng, frame: pd.DataFrame) -> None:
        frame.loc[rng.random(len(frame)) < share, name] = value

    return change


SHIFTS: dict[str, Callable[[Rng, pd.DataFrame], None]] = {
    "mean of a number by 0.15 sd": _add("number_1", 0.15),
    "mean of a number by 0.3 sd": _add("number_1", 0.3),
    "spread of a number by 1.2": _scale("number_1", 1.2),
    "spread of a heavy tail by 1.3": _scale("heavy_1", 1.3),
    "a sensor stuck in 5 % of rows": _replace("number_1", 0.05, 0.0),
    "counts: 8 % of rows become 0": _replace("count_4", 0.08, 0.0),
    "a rare category in 3 % more rows": _replace("category_1", 0.03, "l"),
    "the first category in 8 % more rows": _replace("category_1", 0.08, "a"),
    "missing in 4 % more rows": _replace("number_3", 0.04, None),
}
"""Changes of a clean window, in place, by their name."""
