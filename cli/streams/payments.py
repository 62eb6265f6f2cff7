"""A made world of card payments, for the demonstration of a stream: which are fraud, and which events are broken.

The rows are drawn, not real.
"""

from typing import NamedTuple

import numpy as np
import orjson
import polars as pl

TARGET = "fraud"
TRAINING_ROWS = 3_000
_CATEGORIES = ("groceries", "travel", "fuel", "electronics", "restaurant")
_COUNTRIES = ("AT", "DE", "FR", "IT", "NL")
_BROKEN_EVERY = 150
_REST = b'"country": "AT", "card_age_days": 90, "payments_today": 1, "distance_km": 2}'
_BROKEN: tuple[bytes | None, ...] = (
    b'{"amount": 12.5, "categ',
    b'{"amount": -1000000, "category": "fuel", ' + _REST,
    b'{"amount": 9.9, "category": "casino", ' + _REST,
    None,
    b'{"amount": "a lot", "category": "fuel", ' + _REST,
    b'{"card": "4000-0000", "amount": 5, "category": "fuel", ' + _REST,
)


class Payment(NamedTuple):
    """An event.

    Attributes:
        key: Number of the payment, its own.
        value: The payment as JSON; None for one that is withdrawn.
    """

    key: bytes
    value: bytes | None


def draw_payments(rows: int, seed: int = 0) -> pl.DataFrame:
    """Draw payments, with whether they are fraud (about one in fifteen).

    Args:
        rows: Number of payments.
        seed: Seed of the draws.

    Returns:
        Rows with ``amount``, ``category``, ``country``, ``card_age_days``, ``payments_today``, ``distance_km`` and
        ``fraud`` (``yes`` or ``no``).
    """
    draw = np.random.default_rng([seed, rows])
    amount = draw.lognormal(3.2, 1.0, rows).round(2)
    category = draw.choice(len(_CATEGORIES), rows, p=[0.4, 0.1, 0.2, 0.1, 0.2])
    age = draw.gamma(1.5, 500.0, rows).round()
    today = 1 + draw.poisson(1.2, rows)
    distance = draw.exponential(40.0, rows).round(1)
    risk = 0.024 * amount + 1.0 * (today - 2.2) + 0.028 * distance - 0.0024 * age
    risk = risk + np.array([-1.6, 1.6, -0.4, 2.4, -0.8])[category]
    fraud = draw.random(rows) < 1 / (1 + np.exp(5.0 - risk))
    return pl.DataFrame(
        {
            "amount": amount,
            "category": np.array(_CATEGORIES)[category],
            "country": draw.choice(_COUNTRIES, rows, p=[0.3, 0.3, 0.15, 0.15, 0.1]),
            "card_age_days": age.astype(np.int64),
            "payments_today": today.astype(np.int64),
            "distance_km": distance,
            TARGET: np.where(fraud, "yes", "no"),
        }
    )


def draw_events(rows: int, seed: int = 0) -> list[Payment]:
    """Draw payments as events; every 150th is broken in one of five ways, or withdrawn.

    Args:
        rows: Number of events.
        seed: Seed of the draws.
    """
    drawn = draw_payments(rows, seed + 1).drop(TARGET).to_dicts()
    values: list[bytes | None] = [orjson.dumps(row) for row in drawn]
    for turn, place in enumerate(range(_BROKEN_EVERY // 2, rows, _BROKEN_EVERY)):
        values[place] = _BROKEN[turn % len(_BROKEN)]
    return [Payment(b"p%06d" % number, value) for number, value in enumerate(values)]
