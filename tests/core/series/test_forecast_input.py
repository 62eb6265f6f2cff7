"""Histories and what is known beforehand become rows for the model."""

import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.series import Series
from headrace.core.series.forecast_input import forecast_windows, typed_history
from headrace.core.series.window_contract import window_contract
from headrace.core.series.windows import STEP
from tests.core import made

SERIES = Series("day", "sold", "1d", length=8, horizon=3, season=7, keys=("shop",), known=("price",))
TABLE = Contract(
    name="shops",
    task="regression",
    columns=(
        Column("shop", "string", categories=("a", "b")),
        Column("day", "timestamp", "timestamp"),
        Column("sold", "number", "target", unit="pieces"),
        Column("price", "number"),
    ),
)
CONTRACT = window_contract(TABLE, SERIES, keys={"shop": ["a", "b"]})


def rows(days: int = 15, *, last: int = 10) -> pl.DataFrame:
    """Days of two shops as texts, as a CSV gives them; unknown after the last."""
    return pl.DataFrame([
        {"shop": shop, "day": f"2024-01-{day:02d}", "sold": str(day * size) if day <= last else None, "price": "1.5"}
        for shop, size in (("b", 1), ("a", 10))
        for day in range(1, days)
    ])  # fmt: skip


def test_each_key_gets_as_many_rows_as_the_horizon() -> None:
    """In the order of keys and time, each for a time after its last value."""
    found = forecast_windows(typed_history(rows(), CONTRACT), CONTRACT)
    assert found["shop"].to_list() == ["a"] * 3 + ["b"] * 3
    assert found["day"].dt.day().to_list() == [11, 12, 13] * 2
    assert found[STEP].to_list() == [1, 2, 3] * 2
    assert found["price"].to_list() == [1.5] * 6


def test_what_is_known_beforehand_must_be_there() -> None:
    """For every time of the horizon."""
    with pytest.raises(DataError, match=r"known columns \['price'\].*3 times; 1 have no row, such as \['2024-01-13"):
        forecast_windows(typed_history(rows(13), CONTRACT), CONTRACT)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (lambda table: table.drop("price"), "'price'. are absent"),
        (lambda table: table.with_columns(sold=pl.lit("many")), "'sold' must be of type number"),
        (
            lambda table: table.filter(pl.col("day") > "2024-01-05"),
            r"at least 8 steps of 1d; it holds 5 \(of \['a'\]\)",
        ),
        (lambda table: table.filter(pl.col("day") != "2024-01-07"), "must have a value of 'sold' every 1d"),
        (lambda table: table.with_columns(sold=pl.lit(None)), "must hold a value of 'sold'"),
    ],
)
def test_a_history_that_is_none_is_refused_in_a_sentence(changed: object, sentence: str) -> None:
    """With the key that it belongs to."""
    with pytest.raises(DataError, match=sentence):
        forecast_windows(typed_history(changed(rows()), CONTRACT), CONTRACT)  # type: ignore[operator]


def test_faults_before_the_window_are_no_reason_to_refuse() -> None:
    """A window sees the latest rows only."""
    table = rows().filter((pl.col("day") != "2024-01-01") | (pl.col("shop") == "a"))
    assert forecast_windows(typed_history(table, CONTRACT), CONTRACT).height == 6


def test_the_contract_of_windows_survives_yaml() -> None:
    """With its section, which other contracts do not have."""
    assert contract_yaml.parse(contract_yaml.dump(CONTRACT)) == CONTRACT
    assert "series" not in contract_yaml.dump(made.contract())


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("step: 1d", "step: 1x", "series: step must be a number and"),
        ("length: 8", "length: 5", "series: length must be at least 7"),
        ("horizon: 3", "horizon: 0", "series: horizon must be a whole number from 1"),
        ("horizon: 3", "horizon: 3, steps: 2", "series: a key must be one of"),
        ("known: [price]", "known: [cost]", "series must be of columns of the table"),
        ("keys: [shop]", "keys: [shop, sold]", "must be different columns"),
    ],
)
def test_a_wrong_section_is_refused_by_name(old: str, new: str, sentence: str) -> None:
    """As every other part of a contract."""
    text = contract_yaml.dump(CONTRACT)
    assert old in text
    with pytest.raises(InputError, match=sentence):
        contract_yaml.parse(text.replace(old, new))


def test_a_model_of_rows_makes_no_forecasts() -> None:
    """And says which command does."""
    with pytest.raises(InputError, match="no section series; `headrace forecast train`"):
        typed_history(rows(), made.contract("regression"))


def test_a_table_with_a_column_of_windows_is_refused() -> None:
    """Rather than mixed up."""
    with pytest.raises(InputError, match=r"'step'. must be named differently"):
        window_contract(
            Contract("t", "regression", (*TABLE.columns, Column("step", "number"))),
            Series("day", "sold", "1d", length=8, horizon=3, season=7, known=("step",)),
            keys={},
        )
