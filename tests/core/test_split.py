"""The split of a table."""

# ruff: noqa: DTZ001 - the timestamps of a typed table are naive

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core import tables
from headrace.core.contract import Column, Contract
from headrace.core.contract_yaml import dump
from headrace.core.digest import with_digests
from headrace.core.errors import DataError, InputError
from headrace.core.split import TEST, Plan, assign, plan
from headrace.core.split_table import find_cut, split_table

COLUMNS = (
    Column("y", "string", "target", categories=("no", "yes")),
    Column("x", "integer"),
    Column("who", "string", "group"),
    Column("when", "timestamp", "timestamp"),
)
CONTRACT = Contract(name="a", task="binary", columns=COLUMNS, time_column="when")
SCHEMA = {"y": pl.String, "x": pl.Int64, "who": pl.String, "when": pl.Datetime("us")}
START = datetime(2024, 1, 1)
PLANS = st.sampled_from(
    [
        Plan("random"),
        Plan("random", test_size=0.5, seed=3),
        Plan("stratified"),
        Plan("group", test_size=0.4),
        Plan("time", cut="2024-01-03"),
    ]
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["no", "yes"]),
        st.integers(0, 50) | st.none(),
        st.sampled_from(["ann", "bob", "cat", None]),
        st.integers(0, 5).map(lambda days: START + timedelta(days=days)) | st.none(),
    ),
    min_size=1,
    max_size=40,
)
Row = tuple[Any, ...]


def frame(rows: list[Row]) -> pl.DataFrame:
    """A typed table."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def sides(rows: list[Row], chosen: Plan, contract: Contract = CONTRACT) -> list[bool]:
    """On which side each row falls."""
    return assign(frame(rows), contract, plan=chosen).get_column(TEST).to_list()


@given(ROWS, ROWS, PLANS)
def test_a_row_keeps_its_side_when_others_come(rows: list[Row], others: list[Row], chosen: Plan) -> None:
    """Whatever stands before and after it, a row is where it was, and equal rows are on one side."""
    alone = sides(rows, chosen)
    assert sides(others + rows, chosen)[len(others) :] == alone
    assert sides(rows[::-1], chosen) == alone[::-1]
    assert len({(row, side) for row, side in zip(rows, alone, strict=True)}) == len(set(rows))


@given(ROWS, PLANS)
def test_no_group_is_on_both_sides(rows: list[Row], chosen: Plan) -> None:
    """In a split by group each group is whole; one row without a group does not drag the others along."""
    if chosen.method == "group":
        found = {(row[2], side) for row, side in zip(rows, sides(rows, chosen), strict=True) if row[2]}
        assert len(found) == len({name for name, _ in found})


def test_digests_that_are_there_are_used_and_taken_away() -> None:
    """The stream computes each digest once."""
    rows = frame([("no", number, "ann", START) for number in range(100)])
    once = assign(with_digests(rows, CONTRACT), CONTRACT, plan=Plan("random"))
    assert once.equals(assign(rows, CONTRACT, plan=Plan("random")))
    assert once.columns == [*SCHEMA, TEST]
    assert assign(rows.lazy(), CONTRACT, plan=Plan("random")).collect().equals(once)


def test_keys_alone_decide_where_there_are_keys() -> None:
    """A row whose other values are corrected keeps its side."""
    contract = Contract(name="a", task="binary", columns=COLUMNS, keys=("x",))
    before = [("no", number, "ann", START) for number in range(200)]
    after = [("yes", number, "bob", None) for number in range(200)]
    assert sides(before, Plan("random"), contract) == sides(after, Plan("random"), contract)
    assert sides(before, Plan("random"), contract) != sides(before, Plan("random", seed=1), contract)


def test_the_share_is_what_was_asked_for() -> None:
    """Of many rows about the share falls into the test part."""
    found = sides([("no", number, "ann", START) for number in range(20_000)], Plan("random", test_size=0.3))
    assert abs(sum(found) / len(found) - 0.3) < 0.015


@pytest.mark.parametrize(
    ("contract", "wanted"),
    [
        (CONTRACT, "time"),
        (Contract(name="a", task="binary", columns=COLUMNS), "group"),
        (Contract(name="a", task="binary", columns=COLUMNS[:2]), "stratified"),
        (Contract(name="a", task="regression", columns=(Column("y", "number", "target"),)), "random"),
    ],
)
def test_the_contract_suggests_the_method(contract: Contract, wanted: str) -> None:
    """Time goes before group, group before classes."""
    assert plan(contract).method == wanted


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"method": "fold"}, "the split method must be one of"),
        ({"test_size": 0.0}, "the test size must be"),
        ({"test_size": 1.0}, "the test size must be"),
        ({"seed": -1}, "the seed must be"),
        ({"cut": "yesterday", "method": "time"}, "the cut must be an ISO timestamp"),
        ({"cut": "2024-01-01", "method": "random"}, "the cut must be absent"),
    ],
)
def test_a_plan_that_splits_nothing_is_refused(given: dict[str, Any], fragment: str) -> None:
    """Each parameter is checked."""
    with pytest.raises(InputError, match=fragment):
        plan(CONTRACT, **given)


def test_a_method_needs_what_it_splits_by() -> None:
    """Time needs a time column, group a group column, strata need classes."""
    plain = Contract(name="a", task="regression", columns=(Column("y", "number", "target"),))
    for method in ("time", "group", "stratified"):
        with pytest.raises(InputError):
            plan(plain, method=method)


@given(st.lists(st.integers(0, 30) | st.none(), min_size=2, max_size=60), st.floats(0.01, 0.99))
def test_a_cut_leaves_rows_on_both_sides(days: list[int | None], size: float) -> None:
    """The latest rows are the test part, at least one and not all."""
    times = pl.Series("when", [None if day is None else START + timedelta(days=day) for day in days], pl.Datetime("us"))
    if times.drop_nulls().n_unique() < 2:
        with pytest.raises(DataError, match="two different times"):
            find_cut(times, test_size=size, column="when")
        return
    cut = datetime.fromisoformat(find_cut(times, test_size=size, column="when"))
    known = times.drop_nulls()
    assert 0 < (known >= cut).sum() < known.len()


def split(folder: Path, rows: list[Row], **given: Any) -> tuple[dict[str, dict[str, Any]], list[pl.DataFrame]]:
    """Split a table on disk; the metadata and the three tables."""
    with tables.Writer(folder / "table") as writer:
        writer.write(frame(rows))
    (folder / "contract.yaml").write_text(dump(CONTRACT))
    names = ("train_table", "test_table", "test_actuals")
    told = split_table(
        folder / "table", contract=folder / "contract.yaml", **{name: folder / name for name in names}, **given
    )
    return told, [tables.read(folder / name) for name in names]


def many(count: int = 400) -> list[Row]:
    """Rows of two classes over a hundred days."""
    return [
        (("no", "yes")[number % 3 == 0], number, f"g{number % 40}", START + timedelta(hours=6 * number))
        for number in range(count)
    ]


@pytest.mark.parametrize("method", ["random", "stratified", "group", "time"])
def test_the_parts_are_a_partition_and_the_actuals_stand_apart(tmp_path: Path, method: str) -> None:
    """Train rows and test rows with their actuals are the table; the test table has no target."""
    told, (train, test, actuals) = split(tmp_path, many(), method=method)
    assert test.columns == ["x", "who", "when"]
    assert actuals.columns == ["y"]
    whole = pl.concat([train, pl.concat([actuals, test], how="horizontal")])
    assert whole.sort("x").equals(frame(many()))
    assert told["train_table"]["rows"] == train.height
    assert told["test_actuals"]["method"] == method
    assert 40 <= test.height <= 120


def test_a_split_by_time_can_be_repeated_by_its_cut(tmp_path: Path) -> None:
    """The cut that the metadata tell gives the same split of a table that has grown."""
    told, (_, test, _) = split(tmp_path / "a", many())
    cut = told["test_table"]["cut"]
    assert test.get_column("when").min() == datetime.fromisoformat(cut)
    _, (train, later, _) = split(tmp_path / "b", many(500), cut=cut)
    assert train.height == 400 - test.height
    assert later.height == test.height + 100


@pytest.mark.parametrize(
    ("rows", "fragment"),
    [
        (many(3)[:2], "at least 2 rows"),
        (
            [(("no", "yes")[number > 88], number, "a", START + timedelta(days=number // 9)) for number in range(90)],
            "no row",
        ),
        ([("no", number, "a", START + timedelta(days=number)) for number in range(90)], "second class"),
        (
            [("no" if number else "yes", number, "a", START + timedelta(days=number)) for number in range(90)],
            "at least two classes",
        ),
    ],
)
def test_parts_from_which_nothing_can_be_learned_are_refused(tmp_path: Path, rows: list[Row], fragment: str) -> None:
    """Too few rows or classes on a side are told with a remedy, and no table is left behind."""
    with pytest.raises(DataError, match=fragment):
        split(tmp_path, rows, cut="2024-01-08" if len(rows) > 2 else "")
    assert not (tmp_path / "train_table").exists()
