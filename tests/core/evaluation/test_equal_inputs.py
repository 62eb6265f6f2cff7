"""Equal inputs on both sides of a split."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.contracts.contract import Column, Contract
from headrace.core.evaluation import equal_inputs
from headrace.core.evaluation.equal_inputs import EqualInputs
from headrace.core.splits.split import TEST, assign
from headrace.core.splits.split_plan import plan
from headrace.core.tables import parquet_table

COLUMNS = (
    Column("y", "string", "target", categories=("no", "yes")),
    Column("a", "string", categories=("x", "y", "z")),
    Column("b", "integer"),
    Column("c", "number"),
)


def looked_at(folder: Path, frame: pl.DataFrame, *, group: str = "") -> EqualInputs:
    """What is said of a table's own split."""
    columns = tuple(column for column in COLUMNS if column.name in frame.columns)
    contract = Contract(name="a", task="binary", columns=columns, group=group)  # type: ignore[arg-type]
    sided = assign(frame, contract, plan=plan(contract))
    with parquet_table.TableWriter(folder / "train") as writer:
        for part in sided.filter(~pl.col(TEST)).drop(TEST).iter_slices(100):
            writer.write(part)
    return equal_inputs.find(folder / "train", sided.filter(TEST).drop(TEST), contract)


def drawn(rows: int, **values: int) -> pl.DataFrame:
    """Random labels, and columns with so many different values."""
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"y": draw.choice(["no", "yes"], rows)})
    numbers = {name: draw.integers(0, count, rows) for name, count in values.items()}
    texts = {name: np.array(["x", "y", "z"])[found] if name == "a" else found for name, found in numbers.items()}
    return frame.with_columns(**{name: pl.Series(found) for name, found in texts.items()})


def test_few_inputs_meet_by_chance(tmp_path: Path) -> None:
    """Of 3 x 4 inputs all test rows' stand in the training part, as chance has it: no word of copies."""
    found = looked_at(tmp_path, drawn(600, a=3, b=4))
    assert found.share == 1.0
    assert found.by_chance == pytest.approx(1.0, abs=1e-6)
    assert not found.copies
    assert (
        found.sentence == "100.0% of the test rows have the inputs of a training row; chance would give about 100.0%."
    )


def test_rare_meetings_are_as_rare_as_chance_has_it(tmp_path: Path) -> None:
    """With 3 x 2,000 inputs and 1,600 training rows the share is near the one that is expected."""
    found = looked_at(tmp_path, drawn(2000, a=3, b=2000))
    assert found.by_chance == pytest.approx(found.share, abs=0.06)
    assert 0.1 < found.share < 0.4
    assert not found.copies


def test_copies_are_told(tmp_path: Path) -> None:
    """Where inputs are many, equal ones are copies: the sentence says what to do, and the contract can."""
    frame = drawn(500, a=3, b=1000).with_columns(c=pl.int_range(500).cast(pl.Float64) / 7)
    copied = pl.concat([frame, frame.head(100)])
    found = looked_at(tmp_path / "a", copied)
    assert 0.1 < found.share < 0.5
    assert found.by_chance < 0.02
    assert found.copies
    assert "write 'group: inputs' into the contract" in found.remedy
    assert looked_at(tmp_path / "b", copied, group="inputs").share == 0.0


def test_missing_inputs_are_equal_to_each_other(tmp_path: Path) -> None:
    """A missing value is a value here, as it is for the model."""
    frame = drawn(300, a=3).with_columns(c=pl.lit(None, pl.Float64))
    assert looked_at(tmp_path, frame).share == 1.0
