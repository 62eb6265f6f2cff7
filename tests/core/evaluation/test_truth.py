"""The short form of the benchmark of the truth: what the line reports is true of the model, on tables of known truth.

`make bench NAME=truth` is the long one. Seeds are fixed: a failure is a change, not bad luck.
"""

import sys
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.conftest import REPOSITORY

sys.path.append(str(REPOSITORY / "benchmarks"))

from truth_cells import CELLS, Cell
from truth_inputs import Table, listed
from truth_measure import Known
from truth_peers import run as run_peer
from truth_peers import scikit_learn
from truth_runs import run
from truth_summary import faults, summary
from truth_tables import TARGET, Fresh, contract, draw
from truth_task import Run, Task

from headrace.core.models.decision_threshold import Costs
from headrace.core.splits.split import TEST, assign
from headrace.core.splits.split_plan import plan

FEW_RANDOM = Cell(Table("few categories", signal=False), 1_200, "logistic")
FEW = Cell(Table("few categories"), 1_200, "logistic")
NUMBER = Cell(Table("few categories", "normal"), 1_000, "linear")
COPIES = Cell(Table("numbers", structure="copies", copies=0.9), 1_000, "logistic")
PEOPLE = Cell(Table("few categories", signal=False, structure="groups"), 1_000, "logistic")
RUNS = 20


def runs(cell: Cell, *, of: int = RUNS) -> list[Run]:
    """The line on that many tables of a cell."""
    return [run(Task.of(cell, seed=7, place=place), looked_at_twice=place == 0) for place in range(of)]


_SLOW = [pytest.param(cell, marks=pytest.mark.slow) for cell in (FEW_RANDOM, COPIES)]


@pytest.mark.parametrize("cell", [FEW, NUMBER, PEOPLE, *_SLOW], ids=lambda cell: cell.name)
def test_the_line_tells_the_truth(cell: Cell) -> None:
    """Metrics are right on average, intervals hold the truth, chance is not promoted, the same rows give the same."""
    found = summary(runs(cell))
    main = found["metrics"][cell.main]
    assert found["refused"] == 0
    assert abs(main["error"]) < 4 * main["se"], f"{cell.main} is off by {main['error']:+.3f} ± {main['se']:.3f}"
    assert main["covered"] >= 0.75, f"{main['covered']:.0%} of the intervals hold the truth"  # four standard errors
    assert cell.table.signal or found["promoted"] <= 0.2
    assert found["same"] == [1, 1]


def test_the_judge_finds_nothing_in_a_plain_split() -> None:
    """The same table, model and truth with scikit-learn's split are within the bounds: the judge is not crooked."""
    found = summary([run_peer(Task.of(FEW_RANDOM, seed=7, place=place), scikit_learn) for place in range(RUNS)])
    assert faults(FEW_RANDOM, found | {"costs": {}, "same": [0, 0]}) == []


def test_a_test_part_is_a_fifth_of_the_rows() -> None:
    """Few categories or many: between 15 and 25 % of the rows are test rows, whatever the seed."""
    shares = []
    for place in range(50):
        frame = draw(FEW.table, FEW.rows, np.random.default_rng(place)).frame
        agreed = contract(FEW.table)
        sided = assign(frame, agreed, plan=plan(agreed, seed=place))
        shares.append(float(sided.get_column(TEST).mean()))  # type: ignore[arg-type]
    assert 0.15 < min(shares) <= max(shares) < 0.25


@pytest.mark.parametrize("table", [Table("few categories"), Table("few categories", "five classes")])
def test_the_exact_truth_is_what_many_rows_say(table: Table) -> None:
    """Listed combinations, weighed, give the metrics of two hundred thousand rows whose target is drawn."""
    task = Task.of(Cell(table, 1_000, "logistic"), seed=0, place=0)
    pipeline = task.make()
    classes = contract(table).target.categories or ()
    codes = {name: code for code, name in enumerate(classes)}
    frame = task.drawn.frame
    pipeline.fit(task.encoded(frame), frame.get_column(TARGET).replace_strict(codes).to_numpy())
    exact = Known.of(pipeline, task.encoded(task.fresh.rows), task.fresh).metrics(threshold=0.4)
    many = draw(table, 200_000, np.random.default_rng(1)).frame
    actual = many.get_column(TARGET).replace_strict(codes).to_numpy()
    seen = Fresh(many.drop(TARGET), np.full(len(many), 1 / len(many)), chances=np.eye(len(classes))[actual])
    drawn = Known.of(pipeline, task.encoded(seen.rows), seen).metrics(threshold=0.4)
    assert exact == pytest.approx(drawn, abs=0.01)


def test_the_truth_of_a_number_is_what_many_rows_say() -> None:
    """Means and variances give the errors of two hundred thousand numbers."""
    table = Table("few categories", "zero-inflated")
    task = Task.of(Cell(table, 1_000, "linear"), seed=0, place=0)
    pipeline = task.make().fit(task.encoded(task.drawn.frame), task.drawn.frame.get_column(TARGET).to_numpy())
    known = Known.of(pipeline, task.encoded(task.fresh.rows), task.fresh).metrics()
    many = draw(table, 200_000, np.random.default_rng(1)).frame
    errors = many.get_column(TARGET).to_numpy() - pipeline.predict(task.encoded(many))
    assert known["rmse"] == pytest.approx(float(np.sqrt(np.square(errors).mean())), rel=0.01)
    assert known["mae"] == pytest.approx(float(np.abs(errors).mean()), rel=0.01)
    assert known["r2"] == pytest.approx(
        float(1 - np.square(errors).mean() / many.get_column(TARGET).to_numpy().var()), abs=0.01
    )


def test_the_share_of_positives_and_copies_is_what_was_asked_for() -> None:
    """A table of 1:10 has one positive in eleven, and of one with 90 % copies a tenth is distinct."""
    rare = draw(Table("numbers", negatives=10), 50_000, np.random.default_rng(0)).frame
    assert (rare.get_column(TARGET) == "yes").mean() == pytest.approx(1 / 11, abs=0.005)
    copied = draw(COPIES.table, 2_000, np.random.default_rng(0)).frame
    assert copied.n_unique() / copied.height == pytest.approx(0.1, abs=0.005)
    shares = listed(Table("few categories"))[1]
    assert shares.sum() == pytest.approx(1)


def test_costs_and_calibration_are_those_of_a_hand_count() -> None:
    """Three rows: the cost of a threshold counts what it misses and what it raises; the best one is found."""
    fresh = Fresh(pl.DataFrame({"x": [1, 2, 3]}), np.full(3, 1 / 3), chances=np.array([[0.9, 0.1], [0.5, 0.5], [0, 1]]))
    known = Known(fresh, np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]))
    half, low, best = known.costs([0.5, 0.1], Costs(1, 5))
    assert (half, low, best) == pytest.approx(((5 * 0.1 + 5 * 0.5) / 3, 1.4 / 3, (5 * 0.1 + 0.5) / 3))
    gap, error = known.calibration()
    assert (gap, error) == pytest.approx(((0.1 - 0.1 - 0.3) / 3, (0.1 + 0.1 + 0.3) / 3))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"promoted": 0.2}, "promoted without signal"),
        ({"share": [0.22, 0.1, 0.4]}, "test part"),
        ({"same": [3, 2]}, "another test part"),
        ({"refused": 100}, "refused"),
    ],
)
def test_a_fault_is_named(change: dict[str, Any], told: str) -> None:
    """What is outside its bounds is said, and nothing else."""
    good = {"defined": 200, "error": 0.001, "se": 0.001, "covered": 0.95, "width": 0.05}
    sound: dict[str, Any] = {
        "runs": 200,
        "refused": 0,
        "share": [0.2, 0.19, 0.21],
        "metrics": {"roc_auc": good},
        "promoted": 0.04,
        "costs": {},
        "same": [3, 3],
    }
    assert faults(FEW_RANDOM, sound) == []
    assert all(told in phrase for phrase in faults(FEW_RANDOM, sound | change))
    assert faults(FEW_RANDOM, sound | change)
    for figure in ({"covered": 0.85}, {"error": 0.01}):
        assert len(faults(FEW_RANDOM, sound | {"metrics": {"roc_auc": good | figure}})) == 1


def test_every_kind_of_table_is_in_the_benchmark() -> None:
    """No level of a factor is missing, and no two cells are the same."""
    tables = [cell.table for cell in CELLS]
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    assert {table.inputs for table in tables} == {"few categories", "many categories", "numbers", "mixed"}
    assert len({table.target for table in tables}) == 6
    assert {table.structure for table in tables} == {"independent", "copies", "groups", "keys", "time"}
    assert {table.negatives for table in tables} == {1, 10, 100, 500}
    assert {cell.rows for cell in CELLS} >= {60, 200, 1_000, 5_000, 50_000}
    assert {cell.family for cell in CELLS} == {"logistic", "linear", "random_forest", "hist_gradient_boosting"}
