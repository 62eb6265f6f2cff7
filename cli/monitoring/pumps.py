"""A made world of pumps, for the demonstration of a model's life: what is measured each week, and which ones fail.

The rows are drawn, not real: only a made world has a change whose moment and size are known.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

TARGET = "fails"
KEY = "inspection"
START = datetime(2025, 1, 6, tzinfo=UTC)
_SITES = ("harbour", "mill", "quarry", "works")
_SERIES = ("A", "B", "C")
_TRAINING_ROWS = 3_000
SENSOR = "pressure"


@dataclass(frozen=True)
class PumpWeek:
    """The state of the world in one week.

    Attributes:
        number: The week, from 0; negative before the model is trained.
        rows: Number of inspections.
        share_without_pressure: Share of the rows whose pressure sensor is silent, 0 to 1.
        warming: By how much it is warmer than in training, in degrees.
        new_lubricant: Whether pumps vibrate for another reason than before, so that vibration is no sign of failure.
    """

    number: int
    rows: int = 300
    share_without_pressure: float = 0.01
    warming: float = 0.0
    new_lubricant: bool = False

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return START + timedelta(weeks=self.number)


def draw_week(week: PumpWeek, seed: int = 0) -> pl.DataFrame:
    """Draw the inspections of a week, with what became of each pump.

    Args:
        week: The state of the world.
        seed: Seed of the draws.

    Returns:
        Rows with ``inspection`` (the key), ``time`` (UTC), ``site``, ``series``, ``age_days``, ``temperature``,
        ``pressure``, ``vibration`` and ``fails`` (``yes`` or ``no``).
    """
    draw, rows = np.random.default_rng([seed, week.number + 1_000]), week.rows
    age = draw.gamma(2.0, 400.0, rows).round()
    temperature = draw.normal(60 + week.warming, 8, rows).round(1)
    vibration = draw.gamma(3.0, 1.0, rows).round(2)
    pressure = draw.normal(5.0, 0.8, rows).round(2)
    series = draw.choice(len(_SERIES), rows, p=[0.5, 0.3, 0.2])
    wear = 0.0012 * age + 0.06 * (temperature - 60) - 1.1 * (pressure - 5.0) + np.array([0.0, 0.4, -0.5])[series]
    wear = wear + (-0.9 if week.new_lubricant else 1.0) * (vibration - 3.0)
    fails = draw.random(rows) < 1 / (1 + np.exp(1.6 - wear))
    # Inspections are on working days, in the hour from nine.
    seconds = np.sort(draw.integers(0, 5, rows) * 86_400 + 9 * 3_600 + draw.integers(0, 3_600, rows))
    silent = draw.random(rows) < week.share_without_pressure
    return pl.DataFrame(
        {
            KEY: [f"{week.start:%Y%m%d}-{index:05d}" for index in range(rows)],
            "time": [week.start + timedelta(seconds=int(second)) for second in seconds],
            "site": draw.choice(_SITES, rows, p=[0.4, 0.3, 0.2, 0.1]),
            "series": np.array(_SERIES)[series],
            "age_days": age.astype(np.int64),
            "temperature": temperature,
            SENSOR: pl.Series(np.where(silent, np.nan, pressure)).fill_nan(None),
            "vibration": vibration,
            TARGET: np.where(fails, "yes", "no"),
        }
    )


def draw_training_table(seed: int = 0) -> pl.DataFrame:
    """Draw the table on which the first model is trained: ten quiet weeks."""
    weeks = [PumpWeek(number, rows=_TRAINING_ROWS // 10) for number in range(-10, 0)]
    return pl.concat([draw_week(week, seed) for week in weeks])


def draw_year(seed: int = 0) -> list[tuple[PumpWeek, pl.DataFrame]]:
    """Draw a year: a sensor that falls silent, weather that slowly warms, and a new lubricant.

    Returns:
        The state of the world in each of 52 weeks, and its inspections.
    """
    weeks = [
        PumpWeek(
            number,
            share_without_pressure=0.97 if number == SILENT_WEEK else 0.01,
            warming=max(0.0, min(6.0, 0.6 * (number - WARMING_WEEK))),
            new_lubricant=number >= LUBRICANT_WEEK,
        )
        for number in range(WEEKS)
    ]
    return [(week, draw_week(week, seed)) for week in weeks]


WEEKS, SILENT_WEEK, WARMING_WEEK, LUBRICANT_WEEK = 52, 8, 14, 28
