"""Fitting and cross-validation."""

import gc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import families, fitting
from headrace.core.splits.folds import Fold


def forest(columns: int, **parameters: Any) -> Any:
    """An unfitted forest over numbers."""
    named = [MatrixColumn(f"x{i}") for i in range(columns)]
    return families.family("random_forest").build(named, task="binary", parameters=parameters, seed=0)


def test_trees_of_large_tables_see_a_part_of_them() -> None:
    """Their time and size would grow with the rows and the columns."""
    assert fitting.adapt(forest(2), np.zeros((20_000, 2)))[-1].max_samples == 10_000
    assert fitting.adapt(forest(2), np.zeros((100, 2)))[-1].max_samples is None
    assert fitting.adapt(forest(2000), np.zeros((10, 2000)))[-1].max_features == 300
    assert fitting.adapt(forest(200), np.zeros((10, 200)))[-1].max_features == 0.3


def test_a_file_that_another_part_forgot_is_not_told_of_a_fit(tmp_path: Path) -> None:
    """Python's collector warns in whichever thread it happens to run: a trial was said to have left a file open."""
    (tmp_path / "forgotten").touch()
    with fitting.record_warnings() as told:
        forgotten: Any = (tmp_path / "forgotten").open()
        del forgotten
        gc.collect()
        warnings.warn("does not converge", RuntimeWarning, stacklevel=1)
    assert told == ["RuntimeWarning: does not converge"]


def test_warnings_are_told_once_and_none_is_left() -> None:
    """Each sentence once, with its category; the filters of the process are as before."""
    with fitting.record_warnings() as told:
        for _ in range(3):
            warnings.warn("first line\nsecond line", UserWarning, stacklevel=1)
        warnings.warn("other", RuntimeWarning, stacklevel=1)
    assert told == ["UserWarning: first line", "RuntimeWarning: other"]
    with pytest.raises(UserWarning):
        warnings.warn("an error again", UserWarning, stacklevel=1)


def test_out_of_fold_predictions_come_from_the_other_rows() -> None:
    """A model that knows a row by heart cannot tell it where the row is held out."""
    draw = np.random.default_rng(0)
    encoded, target = draw.normal(size=(60, 3)), draw.integers(0, 2, 60)
    parts = np.arange(60) % 3
    folds = [Fold(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in range(2)]

    def make() -> Any:
        named = [MatrixColumn(f"x{i}") for i in range(3)]
        return families.family("knn").build(named, task="binary", parameters={"n_neighbors": 1}, seed=0)

    found = fitting.out_of_fold(make, encoded, target, folds=folds, classes=2)
    held = parts < 2
    assert np.isnan(found.predictions[~held]).all()
    by_heart = (found.predictions[held].argmax(axis=1) == target[held]).mean()
    assert 0.2 < by_heart < 0.8


def test_what_scikit_learn_says_of_filters_of_warnings_is_no_warning_of_a_fit() -> None:
    """scikit-learn 1.9.1 warns in a task of its own if the filters were changed by another thread meanwhile."""
    with fitting.record_warnings() as messages:
        warnings.warn("`sklearn.utils.parallel.delayed` should be used with the other", UserWarning, stacklevel=1)
        warnings.warn("the fit did not converge", UserWarning, stacklevel=1)
    assert messages == ["UserWarning: the fit did not converge"]
