"""A table that comes in blocks is divided as a whole one is."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.contracts.contract import Column, Contract
from headrace.core.splits import split_plan, streaming_split
from headrace.core.splits.split import TEST, assign
from headrace.core.splits.split_plan import SplitPlan, plan
from headrace.core.splits.streaming_split import SeenDigests, StreamingSplit

CLASSES = Contract(
    name="a",
    task="multiclass",
    columns=(
        Column("y", "string", "target", categories=("a", "b", "c")),
        Column("x", "integer"),
        Column("who", "string", "group"),
    ),
)
NUMBERS = Contract(name="a", task="regression", columns=(Column("y", "number", "target"), Column("x", "integer")))


def table(rows: int, *, distinct: int, seed: int = 0) -> pl.DataFrame:
    """Rows of which about ``distinct`` differ, with a rare class and a few rows without a group."""
    draw = np.random.default_rng(seed)
    x = draw.integers(0, max(distinct // 3, 1), rows)
    y = np.where(draw.random(rows) < 0.01, "c", np.where(draw.random(rows) < 0.3, "b", "a"))
    who = [f"g{value % 50}" if value % 11 else None for value in x.tolist()]
    return pl.DataFrame({"y": y, "x": x, "who": who})


def divided(frame: pl.DataFrame, contract: Contract, chosen: SplitPlan, *, block: int) -> pl.DataFrame:
    """What a divider makes of the blocks of a table, in the order in which it gives the rows."""
    divider = StreamingSplit(contract, chosen)
    pieces = [divider.add(piece) for piece in frame.iter_slices(block)]
    return pl.concat([*pieces, *divider.finish()]).drop_nulls(TEST)


def counts(frame: pl.DataFrame) -> Counter[Any]:
    """How often each row stands on each side."""
    return Counter(frame.rows())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of more than 40 rows is a large one, and little is held in memory."""
    monkeypatch.setattr(split_plan, "SMALL_ROWS", 40)
    monkeypatch.setattr(streaming_split, "_HELD_CELLS", 500)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("distinct", [3, 200, 100_000])
@pytest.mark.parametrize("keys", [(), ("x",)])
@pytest.mark.parametrize("method", ["random", "stratified", "group"])
def test_blocks_of_any_size_give_the_sides_of_the_whole_table(
    method: str, keys: tuple[str, ...], distinct: int
) -> None:
    """Copies, strata, groups and repeated keys are those of the whole; only the order of the rows is another one."""
    contract = Contract(name="a", task="multiclass", columns=CLASSES.columns, keys=keys)
    frame = table(5000, distinct=distinct)
    chosen = plan(contract, method=method, seed=distinct)
    whole = assign(frame, contract, plan=chosen)
    orders = []
    for block in (5000, 700, 64):
        found = divided(frame, contract, chosen, block=block)
        assert counts(found) == counts(whole)
        orders.append(found)
    assert orders[0].equals(orders[1])
    assert orders[0].equals(orders[2])


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("rows", [35, 400])
def test_a_regression_is_balanced_while_it_is_small(rows: int) -> None:
    """Up to the bound the parts are balanced over the target, beyond it each row is drawn for itself."""
    frame = pl.DataFrame(
        {"y": np.random.default_rng(1).lognormal(size=rows), "x": [place % 9 for place in range(rows)]}
    )
    chosen = plan(NUMBERS)
    assert counts(divided(frame, NUMBERS, chosen, block=16)) == counts(assign(frame, NUMBERS, plan=chosen))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("keys", [(), ("x",)])
def test_the_cuts_that_were_found_repeat_the_split(keys: tuple[str, ...]) -> None:
    """A divider's plan, once all rows came, gives the same sides again, of a table that has grown too."""
    contract = Contract(name="a", task="multiclass", columns=CLASSES.columns, keys=keys)
    frame = table(3000, distinct=900)
    divider = StreamingSplit(contract, plan(contract, method="stratified"))
    first = pl.concat([*[divider.add(piece) for piece in frame.iter_slices(500)], *divider.finish()]).drop_nulls(TEST)
    assert divider.plan.cut
    if not keys:
        grown = pl.concat([frame, table(1000, distinct=900, seed=5)])
        again = divided(grown, contract, divider.plan, block=333)
        assert counts(first) - counts(again) == Counter()
    assert counts(divided(frame, contract, divider.plan, block=333)) == counts(first)


@pytest.mark.usefixtures("small")
def test_most_rows_of_a_large_table_of_unlike_rows_do_not_wait() -> None:
    """What is held back grows with the square root of the rows."""
    frame = pl.DataFrame(
        {"y": ["a", "b"] * 50_000, "x": range(100_000), "who": None}, schema_overrides={"who": pl.String}
    )
    divider = StreamingSplit(CLASSES, plan(CLASSES, method="stratified"))
    at_once = sum(divider.add(piece)[TEST].count() for piece in frame.iter_slices(10_000))
    assert 100_000 - at_once < 40 + 14 * 2 * 50_000**0.5
    assert sum(piece.height for piece in divider.finish()) == 100_000 - at_once


def test_digests_that_look_the_same_are_held_back_only() -> None:
    """The bitmap may take one digest for another, and never says of a repeated one that it is new."""
    seen, draw = SeenDigests(), np.random.default_rng(3)
    digests = draw.integers(0, 2**64, 20_000, dtype=np.uint64)
    first = seen.mark(pl.Series(np.concatenate([digests[:1000], digests[:10]])))
    assert first[1000:].all()
    assert first[:1000].sum() < 5
    assert seen.mark(pl.Series(digests))[:1000].all()
    assert seen.mark(pl.Series(digests)).all()


def test_what_was_held_back_goes_with_the_divider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No temporary folder outlives a table that was not finished."""
    monkeypatch.setattr(streaming_split.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(streaming_split, "_HELD_CELLS", 10)
    divider = StreamingSplit(CLASSES, plan(CLASSES, method="stratified"))
    divider.add(table(100, distinct=20))
    assert list(tmp_path.iterdir())
    del divider
    assert not list(tmp_path.iterdir())
