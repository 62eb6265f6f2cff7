"""Test rows that nearly repeat a training row."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn import datasets

from headrace.core.contracts.contract import Column, Contract
from headrace.core.evaluation import near_inputs
from headrace.core.evaluation.near_inputs import BY_CHANCE, SUSPICIOUS, NearInputs
from headrace.core.tables import parquet_table

DRAW = np.random.default_rng(7)
ROWS, THINGS = 2000, 250
OF_A_THING = DRAW.integers(0, THINGS, ROWS)


def looked_at(folder: Path, frame: pl.DataFrame, *, group: str = "") -> NearInputs:
    """What is said of a random split of a table."""
    columns = tuple(
        Column(name, "number")
        if frame.schema[name].is_numeric()
        else Column(name, "string", categories=tuple(frame.get_column(name).unique().sort()))
        for name in frame.columns
    )
    target = Column("y", "string", "target", categories=("no", "yes"))
    contract = Contract(name="a", task="binary", columns=(target, *columns), group=group)  # type: ignore[arg-type]
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=1)
    late = mixed.height // 5
    with parquet_table.TableWriter(folder / "train") as writer:
        writer.write(mixed[late:])
    return near_inputs.find(folder / "train", mixed[:late], contract)


def measured(columns: int, noise: float) -> pl.DataFrame:
    """Some measurements of each of some things, at random, with noise."""
    values = DRAW.normal(size=(columns, THINGS))[:, OF_A_THING] + noise * DRAW.normal(size=(columns, ROWS))
    return pl.DataFrame({f"x{place}": column for place, column in enumerate(values)})


@pytest.mark.parametrize("columns", [4, 12])
def test_several_measurements_of_each_thing_are_seen(tmp_path: Path, columns: int) -> None:
    """They are told as clusters that no column names, unless the contract has a group."""
    found = looked_at(tmp_path / "hidden", measured(columns, 0.02))
    assert found.clusters
    assert found.share > SUSPICIOUS
    assert found.rows == 200
    assert found.sentence.startswith(f"{found.share:.0%} of 200 test rows that were looked at nearly repeat a training")
    assert "the contract's group" in found.remedy
    assert looked_at(tmp_path / "named", measured(columns, 0.02), group="inputs") == NearInputs(0.0, 0)


def independent() -> dict[str, pl.DataFrame]:
    """Tables whose rows were drawn one by one, of one dimension to many, with and without ties."""
    factors = DRAW.normal(size=(ROWS, 3)) @ DRAW.normal(size=(3, 12)) + 0.1 * DRAW.normal(size=(ROWS, 12))
    codes = {f"c{place}": DRAW.integers(0, 5, ROWS).astype(str) for place in range(6)}
    return {
        "one": pl.DataFrame({"a": DRAW.normal(size=ROWS)}),
        "twenty": pl.DataFrame({f"x{place}": DRAW.normal(size=ROWS) for place in range(20)}),
        "factors": pl.DataFrame({f"x{place}": column for place, column in enumerate(factors.T)}),
        "codes": pl.DataFrame(codes),
        "codes and numbers": pl.DataFrame({**codes, "x": DRAW.normal(size=ROWS), "z": DRAW.normal(size=ROWS)}),
        "a category and a number": pl.DataFrame({"c": DRAW.integers(0, 50, ROWS).astype(str), "x": DRAW.random(ROWS)}),
        "a whole number and a number": pl.DataFrame({"a": DRAW.integers(0, 12, ROWS), "x": DRAW.random(ROWS)}),
        "much missing": pl.DataFrame({f"x{place}": DRAW.random(ROWS) for place in range(3)}).with_columns(
            pl.when(pl.col("x0", "x1") > 0.7).then(pl.col("x0", "x1"))
        ),
        "much the same": pl.DataFrame({"a": DRAW.normal(size=ROWS)}).with_columns(b=pl.col("a") ** 3, c=-pl.col("a")),
    }


@pytest.mark.parametrize("name", independent())
def test_rows_drawn_one_by_one_are_as_near_as_chance_has_it(tmp_path: Path, name: str) -> None:
    """Whatever the number of columns, their dependence and their ties.

    A country beside one number was once told as clusters in 76 of 100 rows: rows of one country are near on another
    scale than rows of two.
    """
    found = looked_at(tmp_path, independent()[name])
    assert found.share < 3 * BY_CHANCE + 0.02
    assert (found.clusters, found.sentence, found.remedy) == (False, "", "")


@pytest.mark.parametrize("name", ["load_breast_cancer", "load_wine", "load_digits", "load_diabetes"])
def test_real_tables_of_unlike_rows_are_not_suspected(tmp_path: Path, name: str) -> None:
    """Each row of these is of another person, bottle or hand."""
    values = getattr(datasets, name)().data
    found = looked_at(tmp_path, pl.DataFrame({f"x{place}": column for place, column in enumerate(values.T)}))
    assert not found.clusters
    assert found.share < 0.05


def test_too_few_rows_are_not_judged(tmp_path: Path) -> None:
    """And equal rows, of which ``equal_inputs`` tells, are no neighbours."""
    assert looked_at(tmp_path / "few", measured(3, 0.02)[:90]) == NearInputs(0.0, 0)
    copies = pl.concat([measured(3, 1.0)[:100]] * 4)
    assert looked_at(tmp_path / "copies", copies).share < SUSPICIOUS
