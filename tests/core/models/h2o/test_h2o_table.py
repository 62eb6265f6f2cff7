"""Tests of the rows as H2O gets them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InternalError
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models.h2o.h2o_table import plan_table
from headrace.core.mojo.mojo_archive import MojoFacts
from headrace.core.mojo.mojo_description import MojoInput

COLUMNS = (
    MatrixColumn("size"),
    MatrixColumn("a, b", ("007", "NA", 'q"')),
    MatrixColumn("Size"),
    MatrixColumn("target"),
)


def test_names_are_plain_and_differ() -> None:
    """Whatever columns are named, also as the target is, or like one another but for capitals."""
    table = plan_table(COLUMNS, classify=True)
    assert table.names == ("size", "x1", "x2", "target")
    assert table.target == "target_"
    other = plan_table((MatrixColumn("a b"), MatrixColumn("x0")), classify=False)
    assert len({*other.names, other.target}) == 3


def test_categories_are_levels_and_never_numbers(tmp_path: Path) -> None:
    """``007`` does not become 7, and the category ``NA`` is not missing.

    Surprise: H2O 3.46.0.11 reads ``007`` of a text column as the number 7, even quoted, unless the column is sent as
    one of categories (found by uploading such a table).
    """
    matrix = np.array([[1.5, 0, 3, 1e30], [np.nan, 1, 2, 0], [2, -1, 1, 0], [2, np.nan, 1, 0], [0.1 + 0.2, 2, 1, 0]])
    types = plan_table(COLUMNS, classify=True).write(matrix, np.array([0, 1, 0, 2, 1]), tmp_path / "rows.csv")
    assert types == ["real", "enum", "real", "real", "enum"]
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert lines[0] == "size,x1,x2,target,target_"
    written = pl.read_csv(tmp_path / "rows.csv")
    assert written["x1"].to_list() == ["c000000", "c000001", None, None, "c000002"]
    assert written["target_"].to_list() == ["c000000", "c000001", "c000000", "c000002", "c000001"]
    assert written["size"].to_list() == [1.5, None, 2.0, 2.0, 0.1 + 0.2]


def test_what_h2o_dropped_or_never_saw_is_described() -> None:
    """A constant column is absent, a category without rows has no level, a class without rows none either."""
    facts = MojoFacts(
        "3.46.0.11",
        "gbm",
        "Binomial",
        ("x1", "size"),
        "target_",
        {0: ("c000000", "c000002"), 2: ("c000001", "c000003")},
    )
    described = plan_table(COLUMNS, classify=True).describe(facts, classes=4)
    assert described.inputs == (MojoInput("x1", 1, (0, None, 1)), MojoInput("size", 0, None))
    assert described.classes == (None, 0, None, 1)
    assert described.widen(6).classes == (None, 0, None, 1, None, None)


def test_a_mojo_of_other_columns_is_a_fault_of_ours() -> None:
    """Nothing is guessed."""
    facts = MojoFacts("3.46.0.11", "gbm", "Regression", ("other",), "target_", {})
    with pytest.raises(InternalError, match="columns that H2O was given"):
        plan_table(COLUMNS, classify=False).describe(facts, classes=0)


def test_a_table_without_a_target_has_none(tmp_path: Path) -> None:
    """A model that finds anomalies gets no labels, not even as a column that it could look at."""
    table = plan_table(COLUMNS, classify=False, has_target=False)
    types = table.write(np.array([[1.5, 0, 3, 1e30]]), np.array([1.0]), tmp_path / "rows.csv")
    assert types == ["real", "enum", "real", "real"]
    assert (tmp_path / "rows.csv").read_text().splitlines()[0] == "size,x1,x2,target"
    facts = MojoFacts("3.46.0.11", "isolationforest", "AnomalyDetection", ("size",), None, {})
    described = table.describe(facts, classes=0)
    assert (described.inputs, described.classes) == ((MojoInput("size", 0, None),), ())
    with pytest.raises(InternalError, match="columns that H2O was given"):
        plan_table(COLUMNS, classify=False).describe(facts, classes=0)
