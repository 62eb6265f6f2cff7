"""Features that give the target away."""

import numpy as np
import polars as pl
import pytest
from numpy.random import default_rng

from headrace.core.contracts.contract import Column, Contract
from headrace.core.validation.leakage import find_leaks

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
    return [leak.columns[0] for leak in find_leaks(frame, contract)]


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


def leaks(frame: pl.DataFrame, *, meant: tuple[str, ...] = (), regression: bool = False) -> dict[str, bool]:
    """Whether each suspicion is perfect, by its first column."""
    columns = [
        Column(name, "string", categories=("a",), known_at_prediction=name in meant)
        if frame.schema[name] == pl.String
        else Column(name, "number", known_at_prediction=name in meant)
        for name in frame.columns
        if name != "y"
    ]
    goal = NUMBER if regression else BINARY
    contract = Contract(name="a", task="regression" if regression else "binary", columns=(*goal, *columns))
    return {leak.columns[0]: leak.perfect for leak in find_leaks(frame, contract)}


@pytest.mark.parametrize("share", [0.5, 0.05, 0.01])
def test_a_leak_is_perfect_if_nothing_is_left_to_learn(share: float) -> None:
    """Copies and thresholds are, however rare the class; a copy of which one value in a hundred is wrong is not."""
    rng = default_rng(0)
    y = rng.random(N) < share
    wrong = np.flatnonzero(y)[::90] if y.sum() > 600 else np.array([], dtype=int)
    nearly = y.copy()
    nearly[wrong] = False
    amount = rng.lognormal(size=N)
    top = np.where(y, amount + amount.max() + 1, amount)
    frame = pl.DataFrame({"y": np.where(y, "yes", "no"), "copy": np.where(y, "b", "a"), "top": top, "low": -top})
    found = leaks(frame.with_columns(nearly=pl.Series(np.where(nearly, "b", "a"))))
    assert {name: found[name] for name in ("copy", "top", "low")} == {"copy": True, "top": True, "low": True}
    assert found.get("nearly") is (wrong.size == 0)


def test_few_rows_of_a_class_prove_no_perfect_leak() -> None:
    """Two rows of a class that a code tells by chance are a suspicion, nothing more."""
    y = np.zeros(100, dtype=bool)
    y[[1, 50, 51]] = True
    frame = pl.DataFrame({"y": np.where(y, "yes", "no"), "code": np.where(y, "b", "a")})
    assert leaks(frame) == {"code": False}


def test_a_number_is_told_perfectly_by_any_form_of_itself() -> None:
    """A rescaled or a bent copy and an exact sum are perfect; a rounded copy, or a sum with fees left out, is not."""
    rng = default_rng(0)
    fare, tip = rng.gamma(2, 5, N), rng.gamma(1, 2, N)
    forms = pl.DataFrame({"y": fare, "cents": 100 * fare, "log": np.log(fare), "noisy": fare + rng.normal(0, 0.4, N)})
    assert leaks(forms, regression=True) == {"cents": True, "log": True, "noisy": False}
    parts = pl.DataFrame({"y": fare, "tip": tip, "total": fare + tip})
    assert leaks(parts, regression=True) == {"tip": True}
    fees = parts.with_columns(total=pl.col("total") + rng.choice([0, 0.5, 1.0], N))
    assert leaks(fees, regression=True) == {"tip": False}


def test_what_is_meant_is_no_leak() -> None:
    """A column of which the contract says so may tell the target; a sum is meant if all its columns are."""
    rng = default_rng(0)
    y = np.where(rng.random(N) < 0.3, "yes", "no")
    both = pl.DataFrame({"y": y, "copy": y, "again": y})
    assert leaks(both, meant=("copy",)) == {"again": True}
    a, b = rng.normal(size=N), rng.normal(size=N)
    total = pl.DataFrame({"y": a + b, "a": a, "b": b})
    assert leaks(total, meant=("a",), regression=True) == {"a": True}
    assert leaks(total, meant=("a", "b"), regression=True) == {}


def test_each_row_twice_is_no_leak() -> None:
    """A number that is another one for each person tells nothing, though each person is there twice."""
    rng = default_rng(0)
    once = pl.DataFrame({"y": rng.choice(["no", "yes"], N), "x": rng.normal(size=N)})
    assert leaks(pl.concat([once, once]).sample(fraction=1, shuffle=True, seed=1)) == {}


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
