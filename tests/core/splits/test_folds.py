"""Folds for cross-validation."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Column, Contract, Task
from headrace.core.features import model_matrix
from headrace.core.splits import folds
from headrace.core.splits.folds import Fold
from tests.core import made


def of(frame: pl.DataFrame, agreed: Contract, **wishes: int) -> tuple[Fold, ...]:
    """Folds of a typed table."""
    return folds.make(frame, model_matrix.encode_target(frame, agreed), agreed, **wishes)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_held_out_rows_are_a_partition(task: Task) -> None:
    """Each row is held out once, and never fitted on in the same fold."""
    frame = made.table(103, task=task)
    found = of(frame, made.contract(task))
    assert sorted(np.concatenate([fold.held_out for fold in found])) == list(range(103))
    for fold in found:
        assert sorted([*fold.fitted, *fold.held_out]) == list(range(103))


def test_classes_are_dealt_out_evenly() -> None:
    """No fold has more than one row of a class above another."""
    frame = made.table(100, task="multiclass")
    target = model_matrix.encode_target(frame, made.contract("multiclass")).astype(int)
    counts = [np.bincount(target[fold.held_out], minlength=3) for fold in of(frame, made.contract("multiclass"))]
    assert (np.ptp(counts, axis=0) <= 1).all()


@pytest.mark.parametrize(("rows", "expected"), [(200, 5), (10_000, 3)])
def test_many_rows_get_fewer_folds(rows: int, expected: int) -> None:
    """Five, or three where even three are precise."""
    frame = pl.DataFrame({"target": np.arange(float(rows))})
    assert len(of(frame, made.contract("regression"))) == expected


def test_a_rare_class_makes_fewer_folds() -> None:
    """Each fold holds out both classes, or its area under the curve is not defined."""
    frame = pl.DataFrame({"target": ["yes"] * 3 + ["no"] * 40})
    found = of(frame, made.contract())
    assert len(found) == 3
    target = model_matrix.encode_target(frame, made.contract())
    assert all(len(np.unique(target[fold.held_out])) == 2 for fold in found)


def test_a_class_with_a_single_row_is_refused_with_a_remedy() -> None:
    """Nothing can be held out of one row."""
    frame = pl.DataFrame({"target": ["yes"] + ["no"] * 40})
    with pytest.raises(DataError, match=r"at least 2 rows of each class.*bring more rows"):
        of(frame, made.contract())


@pytest.mark.parametrize(("rows", "wanted"), [(3, 0), (6, 7), (0, 0)])
def test_fewer_rows_than_folds_are_refused_with_a_remedy(rows: int, wanted: int) -> None:
    """The message names both numbers."""
    frame = pl.DataFrame({"target": np.arange(float(rows))})
    with pytest.raises(DataError, match=rf"got {rows}.*bring more rows"):
        of(frame, made.contract("regression"), folds=wanted)


@pytest.mark.parametrize("wanted", [1, -2])
def test_one_fold_is_none(wanted: int) -> None:
    """Nothing could be fitted on."""
    with pytest.raises(InputError, match="at least 2"):
        of(made.table(20), made.contract(), folds=wanted)


def test_groups_stay_together() -> None:
    """A group is never on both sides of a fold; rows without a group are held out one by one."""
    agreed = made.contract()
    agreed = replace(agreed, columns=(Column("person", "string", role="group"), *agreed.columns))
    people = [None if i % 10 == 0 else f"p{i % 17}" for i in range(200)]
    frame = made.table(200).with_columns(person=pl.Series(people))
    found = of(frame, agreed)
    assert len(found) == 5
    for fold in found:
        fitted, held_out = ({people[i] for i in rows} - {None} for rows in (fold.fitted, fold.held_out))
        assert not fitted & held_out
        assert 38 <= len(fold.held_out) <= 42


@pytest.mark.parametrize("together", ["key", "inputs"])
def test_rows_of_one_key_and_rows_of_equal_inputs_stay_together(together: str) -> None:
    """What the split keeps on one side is on one side of a fold too."""
    columns = (Column("y", "string", "target", categories=("no", "yes")), Column("x", "integer"))
    agreed = Contract("a", "binary", columns, keys=("x",)) if together == "key" else Contract("a", "binary", columns)
    agreed = replace(agreed, group="inputs") if together == "inputs" else agreed
    frame = pl.DataFrame({"y": ["no", "yes"] * 100, "x": [place // 3 for place in range(200)]})
    for fold in of(frame, agreed):
        fitted, held_out = ({int(frame["x"][int(i)]) for i in rows} for rows in (fold.fitted, fold.held_out))
        assert not fitted & held_out


def test_equal_times_are_in_one_fold() -> None:
    """A day is predicted from earlier days, not from its own other rows."""
    agreed = made.contract()
    agreed = replace(agreed, columns=(Column("at", "timestamp", role="timestamp"), *agreed.columns), time_column="at")
    days = np.arange(90) // 11
    times = [datetime(2026, 1, 1) + timedelta(days=int(day)) for day in days]  # noqa: DTZ001 - naive by contract
    found = of(made.table(90).with_columns(at=pl.Series(times)), agreed)
    assert len(found) >= 4
    for fold in found:
        assert days[fold.fitted].max() < days[fold.held_out].min()
    assert max(int(fold.held_out.max()) for fold in found) == 89


def test_a_single_group_is_refused() -> None:
    """There is nothing to hold out."""
    agreed = made.contract()
    agreed = replace(agreed, columns=(Column("person", "string", role="group"), *agreed.columns))
    with pytest.raises(DataError, match="at least 2 groups of rows"):
        of(made.table(50).with_columns(person=pl.lit("one")), agreed)


def test_time_runs_forward() -> None:
    """Every held-out row is later than all rows that were fitted on."""
    agreed = made.contract()
    agreed = replace(agreed, columns=(Column("at", "timestamp", role="timestamp"), *agreed.columns), time_column="at")
    order = np.random.default_rng(0).permutation(90)
    times = [datetime(2026, 1, 1) + timedelta(days=int(day)) for day in order]  # noqa: DTZ001 - naive by contract
    found = of(made.table(90).with_columns(at=pl.Series(times)), agreed)
    assert len(found) == 5
    for fold in found:
        assert order[fold.fitted].max() < order[fold.held_out].min()


def test_same_seed_same_folds() -> None:
    """Folds are repeatable, and another seed gives others."""
    frame, agreed = made.table(50), made.contract()
    first, second, other = of(frame, agreed, seed=1), of(frame, agreed, seed=1), of(frame, agreed, seed=2)
    assert all(np.array_equal(a.held_out, b.held_out) for a, b in zip(first, second, strict=True))
    assert any(not np.array_equal(a.held_out, b.held_out) for a, b in zip(first, other, strict=True))
