"""Card payments made for tests and for the guide: few of them are fraud, and fewer are known to be."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

KINDS = ("grocery", "fuel", "travel", "online", "electronics")
_START = datetime(2026, 3, 1)  # noqa: DTZ001 - a table's times have no zone


def payments(rows: int = 4000, *, seed: int = 7, fraud: float = 0.012, labelled: float = 0.15) -> pl.DataFrame:
    """Make payments by time, some 400 a day.

    Fraud is of three kinds: large amounts in electronics at night, many small ones within the hour, and amounts that
    are far from those of the card at a place far from its last. Nobody looked at most payments: their label is missing.

    Args:
        rows: Number of payments.
        seed: Seed of all of it.
        fraud: Share of payments that are fraud.
        labelled: Share of payments that somebody looked at.
    """
    draw = np.random.default_rng(seed)
    hour = np.clip(draw.normal(14, 4, rows), 0, 23.9)
    kind = draw.choice(len(KINDS), rows, p=(0.4, 0.2, 0.05, 0.25, 0.1))
    usual = np.exp(draw.normal(3.2, 0.5, rows))
    amount = usual * np.exp(draw.normal(0, 0.45, rows)) * np.array([1.0, 1.3, 4.0, 1.2, 3.0])[kind]
    distance = np.exp(draw.normal(1.2, 1.0, rows))
    count = draw.poisson(0.6, rows)
    is_fraud = draw.random(rows) < fraud
    style = draw.integers(0, 3, rows)
    at_night, burst, away = (is_fraud & (style == number) for number in range(3))
    kind = np.where(at_night, 4, kind)
    hour = np.where(at_night, draw.uniform(0, 5, rows), hour)
    amount = np.where(at_night, usual * draw.uniform(8, 20, rows), amount)
    count = np.where(burst, draw.integers(6, 15, rows), count)
    amount = np.where(burst, draw.uniform(0.5, 3.0, rows), amount)
    distance = np.where(away, draw.uniform(300, 4000, rows), distance)
    amount = np.where(away, usual * draw.uniform(4, 9, rows), amount)
    day = np.sort(draw.integers(0, max(1, rows // 400), rows))
    times = sorted(_START + timedelta(days=int(d), hours=float(h)) for d, h in zip(day, hour, strict=True))
    label = np.where(is_fraud, "fraud", "ok")
    known = draw.random(rows) < np.where(is_fraud, max(labelled, 0.5) if labelled else 0.0, labelled)
    return pl.DataFrame(
        {
            "paid_at": pl.Series(times, dtype=pl.Datetime("us")),
            "amount": amount.round(2),
            "usual_amount": usual.round(2),
            "hour": hour.round(1),
            "kind": np.array(KINDS)[kind],
            "distance_km": np.where(draw.random(rows) < 0.03, np.nan, distance.round(1)),
            "payments_last_hour": count,
            "label": np.where(known, label, ""),
        }
    ).with_columns(pl.col("distance_km").fill_nan(None), pl.col("label").replace("", None))
