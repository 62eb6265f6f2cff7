"""The split of a table."""

# ruff: noqa: DTZ001, S311 - the timestamps of a typed table are naive; test data

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.contract_yaml import dump
from headrace.core.splits.split import TEST, assign
from headrace.core.splits.split_plan import SplitPlan, plan
from headrace.core.splits.split_table import find_cut, split_table
from headrace.core.tables import parquet_table
from headrace.core.validation.row_digest import with_digests

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
        SplitPlan("random"),
        SplitPlan("random", test_size=0.5, seed=3),
        SplitPlan("stratified", cut='{"no": 0.3, "yes": 0.1}'),
        SplitPlan("group", test_size=0.4, cut="0.4"),
        SplitPlan("time", cut="2024-01-03"),
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


def sides(rows: list[Row], chosen: SplitPlan, contract: Contract = CONTRACT) -> list[bool]:
    """On which side each row falls."""
    return assign(frame(rows), contract, plan=chosen).get_column(TEST).to_list()


def placed(rows: list[Row], chosen: SplitPlan, contract: Contract = CONTRACT) -> Counter[tuple[Row, bool]]:
    """How many copies of each row are on each side."""
    return Counter(zip(rows, sides(rows, chosen, contract), strict=True))


@given(ROWS, ROWS, PLANS)
def test_a_row_keeps_its_side_when_others_come(rows: list[Row], others: list[Row], chosen: SplitPlan) -> None:
    """Each row is where it was when rows are appended, equal copies too."""
    assert sides(rows + others, chosen)[: len(rows)] == sides(rows, chosen)


@given(ROWS, st.randoms(use_true_random=False), PLANS)
def test_reordering_exchanges_equal_copies_and_nothing_else(rows: list[Row], draw: Random, chosen: SplitPlan) -> None:
    """As many copies of each row are on each side, in whatever order they stand."""
    shuffled = draw.sample(rows, len(rows))
    assert placed(shuffled, chosen) == placed(rows, chosen)


@given(ROWS, st.randoms(use_true_random=False))
def test_balanced_parts_do_not_depend_on_the_order_either(rows: list[Row], draw: Random) -> None:
    """The cuts are those of the rows, not of their order."""
    for chosen in (SplitPlan("stratified"), SplitPlan("group"), SplitPlan("random")):
        assert placed(draw.sample(rows, len(rows)), chosen) == placed(rows, chosen)


def test_copies_are_drawn_apart() -> None:
    """Of many equal rows about the share falls into the test part, as if each were another row."""
    found = sides([("no", 1, "ann", START)] * 4000, SplitPlan("random"))
    assert abs(sum(found) - 800) < 4 * 640**0.5
    assert 0.1 < sum(found[:100]) / 100 < 0.3


def test_the_label_of_a_few_distinct_rows_is_not_confounded_with_the_side() -> None:
    """With 2 x 3 x 3 categories and random labels, the share of a class is the same on both sides, input by input.

    A side that is drawn from all values of a row, equal rows together, sends all copies of (x, yes) to one side.
    """
    draw = Random(1)
    columns = (Column("y", "string", "target", categories=("no", "yes")), *(Column(name, "integer") for name in "abc"))
    contract = Contract(name="a", task="binary", columns=columns)
    rows = [(draw.choice(["no", "yes"]), draw.randrange(2), draw.randrange(3), draw.randrange(3)) for _ in range(1200)]
    table = pl.DataFrame(rows, schema=["y", "a", "b", "c"], orient="row")
    found = assign(table, contract, plan=plan(contract))
    by_input = found.group_by("a", "b", "c", TEST).agg(yes=(pl.col("y") == "yes").mean(), rows=pl.len())
    apart = by_input.pivot(on=TEST, index=["a", "b", "c"], values=["yes", "rows"])
    difference = (apart["yes_true"] - apart["yes_false"]) / (
        0.25 / apart["rows_true"] + 0.25 / apart["rows_false"]
    ).sqrt()
    assert apart.height == 18
    assert difference.null_count() == 0
    assert (difference**2).sum() < 40  # chi-squared of 18 degrees of freedom: 40 is beyond 0.998 of it
    assert apart["rows_true"].min() > 2


@pytest.mark.parametrize("counts", [(400, 100), (2, 98), (3, 3, 3, 3), (1, 500, 2), (5, 5000), (2, 2)])
@pytest.mark.parametrize("size", [0.2, 0.5, 0.07])
def test_each_class_has_its_share_within_one_row(counts: tuple[int, ...], size: float) -> None:
    """Strata are exact, of classes of two rows too; the train part has every class and the test part two."""
    labels = [f"c{place}" for place, count in enumerate(counts) for _ in range(count)]
    columns = (Column("y", "string", "target", categories=tuple(sorted(set(labels)))), Column("x", "integer"))
    contract = Contract(name="a", task="binary" if len(counts) == 2 else "multiclass", columns=columns)
    table = pl.DataFrame({"y": labels, "x": [place % 7 for place in range(len(labels))]})
    for seed in range(5):
        found = assign(table, contract, plan=plan(contract, test_size=size, seed=seed))
        tested = Counter(found.filter(TEST)["y"].to_list())
        for place, count in enumerate(counts):
            assert abs(tested[f"c{place}"] - size * count) <= 1
            assert tested[f"c{place}"] < count
        assert len(tested) == 2 or len(counts) > 2
        assert len(tested) >= min(2, sum(count > 1 for count in counts))


@pytest.mark.parametrize("rows", [60, 1000])
def test_a_small_regression_is_balanced_over_quantiles(rows: int) -> None:
    """Both parts have the same distribution of the target, of a heavy tail and of many zeros too."""
    contract = Contract(name="a", task="regression", columns=(Column("y", "number", "target"), Column("x", "integer")))
    draw = Random(2)
    values = [0.0 if draw.random() < 0.3 else draw.lognormvariate(0, 2) for _ in range(rows)]
    table = pl.DataFrame({"y": values, "x": range(rows)})
    for seed in range(20):
        found = assign(table, contract, plan=plan(contract, seed=seed))
        assert abs(found[TEST].sum() - 0.2 * rows) <= 2
        top = found.filter(pl.col("y") >= pl.Series(values).quantile(0.75))
        assert abs(top[TEST].sum() - 0.2 * top.height) <= 3


def test_a_split_by_group_has_groups_on_both_sides() -> None:
    """Of a few groups one is of the test part, and one is not, whatever the seed; the plan tells the other cut."""
    rows = [("no", number, name, START) for number in range(4) for name in ("ann", "bob")]
    for seed in range(30):
        assert set(sides(rows, SplitPlan("group", seed=seed))) == {True, False}


def test_equal_inputs_stay_together_where_the_contract_asks_for_it() -> None:
    """`group: inputs` draws for the inputs without the target: rows that differ in the label alone are on one side."""
    contract = Contract(name="a", task="binary", columns=COLUMNS[:2], group="inputs")
    table = pl.DataFrame({"y": ["no", "yes"] * 300, "x": [place // 6 for place in range(600)]})
    found = assign(table, contract, plan=plan(contract))
    assert plan(contract).method == "group"
    assert found.group_by("x").agg(pl.col(TEST).n_unique())[TEST].max() == 1
    other = assign(table.with_columns(y=pl.lit("no")), contract, plan=plan(contract))
    assert other[TEST].to_list() == found[TEST].to_list()
    with pytest.raises(InputError, match="group must be absent beside the column who of role group"):
        Contract(name="a", task="binary", columns=COLUMNS[:3], group="inputs")


@given(ROWS, PLANS)
def test_no_group_is_on_both_sides(rows: list[Row], chosen: SplitPlan) -> None:
    """In a split by group each group is whole; one row without a group does not drag the others along."""
    if chosen.method == "group":
        found = {(row[2], side) for row, side in zip(rows, sides(rows, chosen), strict=True) if row[2]}
        assert len(found) == len({name for name, _ in found})


def test_digests_that_are_there_are_used_and_taken_away() -> None:
    """The stream computes each digest once."""
    rows = frame([("no", number, "ann", START) for number in range(100)])
    once = assign(with_digests(rows, CONTRACT), CONTRACT, plan=SplitPlan("random"))
    assert once.equals(assign(rows, CONTRACT, plan=SplitPlan("random")))
    assert once.columns == [*SCHEMA, TEST]
    assert assign(rows.lazy(), CONTRACT, plan=SplitPlan("random")).collect().equals(once)
    with pytest.raises(InputError, match="needs its cuts"):
        assign(rows.lazy(), CONTRACT, plan=SplitPlan("stratified"))


def test_repeated_keys_stay_together_whatever_their_classes() -> None:
    """Rows of one key are on one side; the classes of the others have their shares all the same."""
    contract = Contract(name="a", task="binary", columns=COLUMNS, keys=("x",))
    rows = [(("no", "yes")[number % 5 == 0], number, "ann", START) for number in range(900)]
    rows += [("yes", number, "bob", START) for number in range(0, 900, 4)]
    found = sides(rows, SplitPlan("stratified"), contract)
    assert len({(row[1], side) for row, side in zip(rows, found, strict=True)}) == 900
    tested = Counter(row[0] for row, side in zip(rows, found, strict=True) if side)
    counts = Counter(row[0] for row in rows)
    assert all(abs(tested[label] - 0.2 * counts[label]) <= 1 for label in counts)


def test_keys_alone_decide_where_there_are_keys() -> None:
    """A row whose other values are corrected keeps its side."""
    contract = Contract(name="a", task="binary", columns=COLUMNS, keys=("x",))
    before = [("no", number, "ann", START) for number in range(200)]
    after = [("yes", number, "bob", None) for number in range(200)]
    assert sides(before, SplitPlan("random"), contract) == sides(after, SplitPlan("random"), contract)
    assert sides(before, SplitPlan("random"), contract) != sides(before, SplitPlan("random", seed=1), contract)


def test_the_share_is_what_was_asked_for() -> None:
    """Of many rows about the share falls into the test part."""
    found = sides([("no", number, "ann", START) for number in range(20_000)], SplitPlan("random", test_size=0.3))
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
        ({"cut": "[[1, 0.2]]", "method": "random"}, "the cut must be absent from a random split into classes"),
        ({"cut": "2024-01-01", "method": "stratified"}, "the cut must be cuts by class"),
        ({"cut": '{"no": 2}', "method": "stratified"}, "the cut must be cuts by class"),
        ({"cut": "[[1, 0.2]]", "method": "stratified"}, "the cut must be cuts by class for a stratified split"),
        ({"cut": "half", "method": "group"}, "the cut must be a share from 0 to 1"),
        ({"format": 3}, "the split format must be 1 or 2"),
        ({"format": 1, "cut": "{}", "method": "stratified"}, "the cut must be absent unless a split of format 1"),
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
    with parquet_table.TableWriter(folder / "table") as writer:
        writer.write(frame(rows))
    (folder / "contract.yaml").write_text(dump(CONTRACT))
    names = ("train_table", "test_table", "test_actuals")
    told = split_table(
        folder / "table", contract=folder / "contract.yaml", **{name: folder / name for name in names}, **given
    )
    return told, [parquet_table.read(folder / name) for name in names]


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
    assert told["test_actuals"]["format"] == 2
    assert 40 <= test.height <= 120


def test_a_stratified_split_can_be_repeated_by_its_cuts(tmp_path: Path) -> None:
    """The cuts that the metadata tell give each row of a table that has grown the side that it had."""
    told, (_, test, _) = split(tmp_path / "a", many(), method="stratified")
    cut = told["test_table"]["cut"]
    _, (_, later, _) = split(tmp_path / "b", many(500), method="stratified", cut=cut)
    assert test.join(later, on="x", how="semi").height == test.height
    assert later.filter(pl.col("x") < 400).height == test.height
    _, (_, anew, _) = split(tmp_path / "c", many(500), method="stratified")
    assert anew.height == 100


def test_bundles_without_a_format_replay_as_they_were_made(tmp_path: Path) -> None:
    """Format 1: whole rows, the target among them, decide; equal rows are on one side, that of 0.1.0."""
    rows = [*many(), *many()]
    told, (train, test, _) = split(tmp_path, rows, method="stratified", format=1)
    assert told["train_table"]["format"] == 1
    assert train.join(test, on="x", how="semi").height == 0
    assert sorted(test["x"].unique().to_list())[:12] == [1, 2, 3, 12, 15, 16, 20, 28, 33, 34, 38, 61]


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
