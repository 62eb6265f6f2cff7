"""What is found out about a table."""

import numpy as np
import polars as pl
import pytest

from headrace.core.contracts.contract import Column, Contract
from headrace.reports.profile import table as module
from headrace.reports.profile.table import explore


def _contract(**columns: Column) -> Contract:
    target = Column("y", "string", role="target", categories=("no", "yes"))
    return Contract(name="t", task="binary", positive="yes", columns=(*columns.values(), target))


def _table(rows: int = 200, **columns: object) -> pl.LazyFrame:
    return pl.LazyFrame({"y": ["no", "yes"] * (rows // 2), **columns})


def test_texts_are_read_as_the_contract_says() -> None:
    """A raw table of texts gives the numbers that it holds; what cannot be read is missing."""
    found = explore(_table(4, x=["1", "2.5", "oops", None]), contract=_contract(x=Column("x", "number")))
    x = found.columns[1]
    assert (x.name, x.missing, [group.label for group in x.groups]) == ("x", 2, ["1", "2.50", "(missing)"])


def test_columns_are_ranked_by_their_bearing() -> None:
    """The target comes first, then the column that tells it, then noise."""
    noise = np.random.default_rng(0).normal(size=200)
    table = _table(noise=noise, telling=[0.0, 5.0] * 100)
    contract = _contract(noise=Column("noise", "number"), telling=Column("telling", "number"))
    found = explore(table, contract=contract)
    assert [column.name for column in found.columns] == ["y", "telling", "noise"]
    assert found.columns[1].strength == pytest.approx(1)
    assert found.columns[1].groups[0].target == (0.0,)


def test_a_sample_is_taken_evenly_and_missing_values_are_counted_in_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large table is looked at by every n-th row; a rare missing value is still counted."""
    monkeypatch.setattr(module, "CELLS", 2000)
    x = [float(i) for i in range(5000)]
    x[1] = None  # type: ignore[call-overload]
    found = explore(_table(5000, x=x), contract=_contract(x=Column("x", "number")))
    assert (found.rows, found.sampled, found.columns[1].missing) == (5000, 1000, 1)
    assert found.columns[1].ends[0] == "0"


def test_hidden_columns_have_no_values() -> None:
    """Personal data, identifiers and texts that are nearly all different leave no value behind."""
    columns = {name: [f"secret-{i}" for i in range(200)] for name in ("who", "id", "team", "text")}
    contract = _contract(
        who=Column("who", "string", role="ignore", personal="keep"),
        id=Column("id", "string", role="id"),
        team=Column("team", "string", role="group"),
        text=Column("text", "string", role="ignore"),
    )
    found = explore(_table(**columns), contract=contract)
    assert {c.name: c.kind for c in found.columns if c.name != "y"} == {
        "who": "hidden",
        "id": "hidden",
        "team": "hidden",
        "text": "text",
    }
    assert "secret" not in repr(found)


def test_columns_that_the_contract_does_not_know_are_left_out() -> None:
    """Nothing is said of a column of which it is not known whether it is personal."""
    found = explore(_table(stray=["x"] * 200), contract=_contract())
    assert [column.name for column in found.columns] == ["y"]


def test_wide_tables_are_bounded() -> None:
    """Of many columns thirty are kept with pictures, the others by name."""
    names = [f"x{i}" for i in range(400)]
    rows = {name: [float(i % 7) for i in range(40)] for name in names}
    contract = _contract(**{name: Column(name, "number") for name in names})
    found = explore(_table(40, **rows), contract=contract)
    assert (len(found.columns), len(found.others)) == (30, 371)


@pytest.mark.parametrize("rows", [0, 2])
def test_tiny_tables(rows: int) -> None:
    """A table without rows, or nearly so, can be looked at."""
    table = _table(rows, x=[1.0, None][:rows], t=["2026-01-01", None][:rows])
    contract = _contract(x=Column("x", "number"), t=Column("t", "timestamp", role="timestamp"))
    assert explore(table.with_columns(pl.col("x").cast(pl.Float64)), contract=contract).rows == rows


def test_classes_are_shown_by_name() -> None:
    """A multiclass target has one part for each of its most frequent classes."""
    target = Column("y", "string", role="target", categories=("a", "b", "c"))
    contract = Contract(name="t", task="multiclass", columns=(Column("x", "number"), target))
    table = pl.LazyFrame({"x": [0.0, 1.0, 2.0] * 50, "y": ["a", "b", "c"] * 50})
    found = explore(table, contract=contract)
    assert found.parts == ("a", "b", "c")
    assert found.columns[1].strength == pytest.approx(1)


def test_extreme_values_do_not_hide_the_others() -> None:
    """One huge value is counted in the outer bar, and the page says so."""
    x = [float(i % 100) for i in range(999)] + [1e12]
    found = explore(_table(1000, x=x), contract=_contract(x=Column("x", "number")))
    assert "outer bars" in found.columns[1].note
    assert sum(n > 0 for n in found.columns[1].histogram) > 20
