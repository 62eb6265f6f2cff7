"""Forecasts: of a table and of a server, from one bundle that the real steps made."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headrace.api as hr
from headrace.api.forecasts.series_table import SeriesChoice, make_windows
from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract_yaml import dump
from headrace.core.tables.source import ReadOptions
from tests.core.series.made_series import monthly
from tests.made_bundle import copy_bundle, make_bundle
from tests.serving.conftest import Running, running

V1 = "/v1/models/customers:predict"
PRICES = monthly(130).with_columns(
    pl.col("month").dt.to_string("%Y-%m-%d"), price=pl.int_range(130) % 5, sold=pl.col("sold") + pl.int_range(130) % 5
)
SALES, LATER = PRICES.head(120), PRICES.slice(120, 6).drop("sold")
CHOICE = SeriesChoice("sold", "month", 6, known=("price",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle that forecasts sales from prices."""
    folder = tmp_path_factory.mktemp("sales")
    SALES.write_csv(folder / "sales.csv")
    made = make_windows(str(folder / "sales.csv"), CHOICE, name="customers", options=ReadOptions())
    (folder / "given.yaml").write_text(dump(made.contract))
    made.rows.write_parquet(folder / "windows.parquet")
    make_bundle(
        folder, target="change", family="direct_linear", table=folder / "windows.parquet", given=folder / "given.yaml"
    )
    return folder / "bundle"


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of it."""
    with running(folder, tmp_path_factory.mktemp("server")) as started:
        yield started


def ask(server: Running, *instances: Any) -> tuple[int, Any]:
    """Status and document of an answer."""
    status, document, _ = server.ask("POST", V1, json.dumps({"instances": instances}).encode())
    return status, document


def history(rows: int = 24) -> dict[str, Any]:
    """The latest rows, and the prices that follow."""
    return {"history": SALES.tail(rows).to_dicts(), "future": LATER.to_dicts()}


def table() -> pl.DataFrame:
    """The same as a table."""
    return pl.concat([SALES, LATER], how="diagonal")


def test_a_table_is_forecast_from_its_last_value_on(folder: Path, tmp_path: Path) -> None:
    """Near to what came, with the price that is known; and the file holds the same."""
    found = hr.forecast(folder, table(), output=tmp_path / "next.csv")
    assert found.frame["month"].dt.to_string("%Y-%m-%d").to_list() == LATER["month"].to_list()
    actual = PRICES.slice(120, 6)["sold"].to_numpy()
    ours, naive = (abs(found.frame[name].to_numpy() - actual).mean() for name in ("forecast", "seasonal_naive"))
    assert ours < 0.5 * naive
    assert pl.read_csv(tmp_path / "next.csv")["forecast"].to_list() == found.frame["forecast"].to_list()


def test_a_server_answers_a_history_as_the_library_does(folder: Path, server: Running) -> None:
    """Bit by bit, for longer histories and several of them in one request too."""
    status, document = ask(server, history(), history(40))
    assert status == 200
    expected = hr.forecast(folder, table()).frame
    for one in document["predictions"]:
        assert one["values"] == expected["forecast"].to_list()
        assert one["seasonal_naive"] == expected["seasonal_naive"].to_list()
        assert one["origin"] == "2009-12-01T00:00:00"
        assert one["times"][0] == "2010-01-01T00:00:00"


@pytest.mark.parametrize(
    ("instance", "sentence"),
    [
        (history(10), "instance 0: a history must hold at least 24 steps of 1mo; it holds 10"),
        ({**history(), "future": LATER.head(3).to_dicts()}, "3 have no row, such as"),
        ({"history": SALES.tail(24).to_dicts()}, "needs the known columns"),
        ({**history(), "past": []}, "must be {"),
        ({**history(), "future": SALES.tail(6).to_dicts()}, "without 'sold'"),
        ({"history": "all"}, "history of instance 0 must be an array"),
        ({**history(), "history": [{"month": "soon", "sold": 1, "price": 2}]}, "'month' must be of type timestamp"),
        ({**history(), "history": SALES.tail(24).drop("price").to_dicts()}, "the same columns"),
    ],
)
def test_what_is_no_history_is_refused_in_a_sentence(server: Running, instance: Any, sentence: str) -> None:
    """With status 400, and the server goes on."""
    status, document = ask(server, instance)
    assert (status, sentence in document["error"]) == (400, True), document
    assert ask(server, history())[0] == 200


def test_rows_of_windows_are_answered_as_every_other_row(server: Running, folder: Path) -> None:
    """The bundle's own test cases are such rows."""
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    status, document = ask(server, *[case["request"] for case in cases[:3]])
    assert status == 200
    assert document["predictions"] == [pytest.approx(case["expected"]) for case in cases[:3]]


def test_gaps_and_short_tables_are_refused(folder: Path) -> None:
    """And a model of rows, and a file of another kind."""
    with pytest.raises(DataError, match="must have a value of 'sold' every 1mo"):
        hr.forecast(folder, table().filter(pl.int_range(pl.len()) != 110))
    with pytest.raises(InputError, match=r"\.parquet or \.csv"):
        hr.forecast(folder, table(), output="next.json")


def test_a_value_that_breaks_the_contract_is_refused_by_the_server_and_the_library_alike(
    folder: Path, server: Running
) -> None:
    """A price that is no price of the contract, of one day that is predicted."""
    later = LATER.with_columns(price=pl.when(pl.int_range(6) == 2).then(99).otherwise("price"))
    status, document = ask(server, {**history(), "future": later.to_dicts()})
    assert (status, "'price' must be from 0 to" in document["error"]) == (400, True), document
    with pytest.raises(DataError, match=r"'price' at 2010-03-01 00:00:00 must be from 0 to .*; got 99"):
        hr.forecast(folder, pl.concat([SALES, later], how="diagonal"))


def test_a_model_of_rows_makes_no_forecasts(tmp_path: Path) -> None:
    """The sentence names the command that makes one."""
    copy_bundle(tmp_path)
    with pytest.raises(InputError, match="headrace forecast train"):
        hr.forecast(tmp_path / "bundle", table())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"time": "day"}, "'day'. are not in"),
        ({"horizon": 0}, "horizon must be a whole number from 1"),
        ({"season": 30, "length": 20}, "length must be at least 30"),
        ({"step": "1d"}, "must have a value of 'sold' every 1d"),
        ({"every": 0}, "every must be at least 1"),
        ({"known": ["sold"]}, "must be different columns"),
        ({"keys": ["month"]}, "must be different columns"),
        ({"task": "binary"}, "the windows of a forecast decide .'task'"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    """Nothing is written."""
    arguments: dict[str, Any] = {"time": "month", "horizon": 6, "output": tmp_path / "out", **changes}
    with pytest.raises((InputError, DataError), match=sentence):
        hr.train_forecast(SALES, "sold", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_series_that_is_far_smaller_than_another_is_reported(tmp_path: Path) -> None:
    """One model of both learns the large one."""
    rows = SALES.with_columns(shop=pl.lit("large"))
    both = pl.concat([rows, rows.with_columns(pl.col("sold") / 100, shop=pl.lit("small"))])
    both.write_csv(tmp_path / "shops.csv")
    choice = SeriesChoice("sold", "month", 6, keys=("shop",))
    notes = make_windows(str(tmp_path / "shops.csv"), choice, name="shops", options=ReadOptions()).notes
    assert [note.rule for note in notes] == ["series_sizes"]
    assert "those of ['small'] 0." in notes[0].sentence
    rows.write_csv(tmp_path / "one.csv")
    assert not make_windows(str(tmp_path / "one.csv"), choice, name="shops", options=ReadOptions()).notes


@pytest.mark.slow
def test_a_series_goes_through_the_whole_pipeline(tmp_path: Path) -> None:
    """Search, gate, bundle, endpoint, backtest and its page."""
    trained = hr.train_forecast(
        SALES, "sold", time="month", horizon=6, known=["price"], name="sales", budget=2, output=tmp_path / "out"
    )
    assert trained.backtest.beats_seasonal_naive
    assert trained.run.verdict == "promote"
    assert "The model beats the seasonal naive forecast" in trained.page.read_text()
    assert hr.open_forecast(tmp_path / "out").as_json() == trained.backtest.as_json()
    assert hr.forecast(trained.run, table()).frame.height == 6
