"""Features that give the target away."""

import numpy as np
import polars as pl
import pytest
from numpy.random import default_rng

from headrace.core.contract import Column, Contract
from headrace.core.leakage import find_leaks

N = 3_000
BINARY = (Column("y", "string", "target", categories=("no", "yes")),)
NUMBER = (Column("y", "number", "target"),)


def suspects(frame: pl.DataFrame, *, regression: bool = False) -> list[str]:
    """The columns that are suspected."""
    columns = [
        Column(name, "string", categories=("a",)) if frame.schema[name] == pl.String else Column(name, "number")
        for name in frame.columns
        if name != "y"
    ]
    contract = Contract(
        name="a", task="regression" if regression else "binary", columns=(*(NUMBER if regression else BINARY), *columns)
    )
    return [leak.column for leak in find_leaks(frame, contract)]


def test_classes_are_given_away_by_copies_codes_thresholds_and_missingness() -> None:
    """Whatever form the target takes in a feature, it is found; a merely good feature is not suspected."""
    rng = default_rng(0)
    y = rng.random(N) < 0.3
    noise = rng.normal(size=N)
    frame = pl.DataFrame(
        {
            "y": np.where(y, "yes", "no"),
            "noise": noise,
            "good": noise + 2.5 * y,
            "copy": np.where(y, "b", "a"),
            "code": y * 7.0,
            "threshold": np.where(y, 5 + rng.random(N), 4 - rng.random(N)),
            "codes": rng.integers(0, 500, N) * 2.0 + y,
            "gone": pl.Series(noise).zip_with(pl.Series(~y), pl.Series([None] * N, dtype=pl.Float64)),
            "id": np.arange(N, dtype=float),
        }
    )
    assert set(suspects(frame)) == {"copy", "code", "threshold", "gone"}


def test_a_number_is_given_away_by_copies_and_sums() -> None:
    """A rescaled copy is found alone, a total with the parts that it is made of."""
    rng = default_rng(0)
    fare, tip, tolls = rng.gamma(2, 5, N), rng.gamma(1, 2, N), rng.gamma(1, 1, N)
    other = rng.normal(size=N)
    assert suspects(pl.DataFrame({"y": fare, "cents": fare * 100, "other": other}), regression=True) == ["cents"]
    parts = pl.DataFrame({"y": fare, "other": other, "tip": tip, "tolls": tolls, "total": fare + tip + tolls})
    assert suspects(parts, regression=True) == ["tip"]
    fees = parts.with_columns(total=pl.col("total") + rng.choice([0, 0.5, 1.0], N))
    assert suspects(fees, regression=True) == ["tip"]
    assert suspects(pl.DataFrame({"y": 2.5 * other + fare, "other": other, "fare": tip}), regression=True) == []


@pytest.mark.parametrize("rows", [0, 10, 49])
def test_a_small_sample_suspects_nothing(rows: int) -> None:
    """Of a few rows chance tells too much."""
    frame = pl.DataFrame({"y": ["no", "yes"] * rows, "copy": ["a", "b"] * rows}).head(rows)
    assert suspects(frame) == []


def test_random_features_of_a_small_table_are_not_suspected() -> None:
    """No false alarm by chance, however many features are tried."""
    rng = default_rng(0)
    values = {f"x{place}": rng.normal(size=60) for place in range(300)}
    assert suspects(pl.DataFrame({"y": rng.choice(["no", "yes"], 60), **values})) == []
