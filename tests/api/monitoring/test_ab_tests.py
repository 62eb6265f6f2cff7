"""A/B tests as a library: frames in, a result out."""

import doctest
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import headrace.api as hr
from tests.core.ab_tests.simulated_tests import draw_table


def test_the_example_works() -> None:
    """The plan's number of keys is the one that the docstring shows."""
    module = __import__(hr.plan_ab_test.__module__, fromlist=["x"])
    (test,) = doctest.DocTestFinder(recurse=False).find(hr.plan_ab_test, name="plan_ab_test", module=module, globs={})
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame])
def test_frames_are_assigned_and_analyzed(kind: type, tmp_path: Path) -> None:
    """Of Polars and of pandas alike."""
    plan = hr.plan_ab_test("t", metrics=["spent,mean=50,sd=20,effect=4"])
    table = draw_table(1, plan.keys, effect=2)
    clients, rows = table.select("key"), table
    if kind is pd.DataFrame:
        clients, rows = (pd.DataFrame(frame.to_dict(as_series=False)) for frame in (clients, rows))
    counts = hr.assign_versions(clients, test="t", key="key", output=tmp_path / "out.parquet")
    assert sum(counts.values()) == plan.keys
    assert hr.analyze_ab_test(rows, plan=plan).decision == "better"


def test_a_plan_keeps_its_document(tmp_path: Path) -> None:
    """Read back from its file it is the same plan."""
    plan = hr.plan_ab_test("t", metrics=["m,rate=0.1"], guards=["l,mean=1,sd=1,margin=1"], keys=5000, daily_keys=50)
    assert plan.days == 100
    assert type(plan).from_json(plan.as_json()) == plan
