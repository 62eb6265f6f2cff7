"""Series made for tests."""

import datetime as dt

import numpy as np
import polars as pl

from headrace.core.contracts.series import Series

MONTHLY = Series("month", "sold", "1mo", length=24, horizon=6, season=12)


def monthly(count: int = 120, *, seed: int = 0, noise: float = 0.2, trend: float = 0.1) -> pl.DataFrame:
    """A table with one row a month: a trend, a season of twelve months, and noise."""
    draw, steps = np.random.default_rng(seed), np.arange(count)
    values = 10 + trend * steps + 3 * np.sin(2 * np.pi * steps / 12) + noise * draw.normal(size=count)
    times = [dt.datetime(2000 + step // 12, step % 12 + 1, 1) for step in range(count)]  # noqa: DTZ001 - naive by design
    return pl.DataFrame({"month": pl.Series(times, dtype=pl.Datetime("us")), "sold": values})
