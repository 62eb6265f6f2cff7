"""Trees that a library grows, against that library, and without it."""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import families, fitted_model, fitting
from headrace.core.models.boosting import boosting_families, lightgbm_trees, xgboost_trees
from headrace.core.models.boosting.boosted_trees import BoostedTreesClassifier, BoostedTreesRegressor
from headrace.core.splits.folds import Fold
from headrace.experiments.tuners.tune import SearchOptions, make_plan
from tests.core import made
from tests.core.models.test_fitted_model import fitted

LIBRARIES = ("lightgbm", "xgboost")
CATEGORIES = (3, 4)
CLASSES: dict[Task, int] = {"binary": 2, "multiclass": 4, "regression": 0}


def rows(count: int, seed: int = 0) -> np.ndarray:
    """Two numbers with gaps, one without, few and many categories."""
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(count, 5)) * [1.0, 1e6, 1.0, 1.0, 1.0]
    matrix[:, 3] = draw.integers(0, 3, count)
    matrix[:, 4] = draw.integers(0, 60, count)
    gaps = draw.random(matrix.shape) < [0.1, 0.1, 0.0, 0.1, 0.1]
    return np.where(gaps, np.nan, matrix)


def target(matrix: np.ndarray, classes: int) -> np.ndarray:
    """What depends on all of them."""
    score = (
        np.nan_to_num(matrix[:, 0], nan=1.0) + matrix[:, 2] + np.isin(matrix[:, 4] % 7, (1, 3)) + (matrix[:, 3] == 1)
    )
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1])) if classes else score


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_trees_answer_as_the_library_does(library: str, task: Task) -> None:
    """On rows that it has not seen, with gaps where there were none, categories that are new, and extreme numbers.

    LightGBM adds in float64, XGBoost in float32.
    """
    classes = CLASSES[task]
    matrix = rows(2400)
    known = target(matrix, classes)
    parameters = {"learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.8}
    given: dict[str, Any] = {"classes": classes, "categories": CATEGORIES, "seed": 4}
    module = lightgbm_trees if library == "lightgbm" else xgboost_trees
    booster = module.train(matrix, known, parameters=parameters | {"n_estimators": 20}, **given)
    kind = BoostedTreesClassifier if classes else BoostedTreesRegressor
    ours = kind(library, parameters, n_estimators=20, categories=CATEGORIES, random_state=4).fit(matrix, known)
    trees = [tree for trees in ours._predictors for tree in trees]
    asking = [tree.nodes["feature_idx"][tree.nodes["is_categorical"] > 0] for tree in trees]
    assert set(np.concatenate(asking).tolist()) == set(CATEGORIES)

    asked = np.concatenate([rows(500, seed=1), np.full((1, 5), np.nan), [[1e30, -1e30, 0.0, 2.0, 200.0]]])
    asked[:50, 2] = np.nan
    # Each threshold, and the numbers beside it that float32 has.
    splits = np.concatenate([tree.nodes["num_threshold"][tree.nodes["feature_idx"] == 0] for tree in trees])[:300]
    near = np.repeat(rows(1, seed=2), 3 * len(splits), axis=0)
    single = splits.astype(np.float32)
    near[:, 0] = np.concatenate([single, *(np.nextafter(single, np.float32(way)) for way in (-np.inf, np.inf))])
    asked = np.concatenate([asked, near])
    if library == "lightgbm":
        expected = booster.predict(asked, raw_score=True)
    else:
        import xgboost

        kinds = ["c" if column in CATEGORIES else "q" for column in range(5)]
        told = xgboost.DMatrix(asked, feature_types=kinds, enable_categorical=True, nthread=1)
        expected = booster.predict(told, output_margin=True)
    tolerance = 1e-12 if library == "lightgbm" else 2e-6
    sums = ours.decision_function(asked) if classes else ours.predict(asked)
    np.testing.assert_allclose(sums, expected, rtol=tolerance, atol=tolerance)
    if classes:
        shares = softmax(sums, axis=1) if classes > 2 else np.stack([expit(-sums), expit(sums)], axis=1)
        np.testing.assert_array_equal(ours.predict_proba(asked), shares)


def test_a_gap_where_training_had_none_counts_as_zero_in_lightgbm() -> None:
    """LightGBM 4.7.0 takes a missing value for 0 in a column that had no missing one in training.

    Source: ``Tree::NumericalDecision`` in src/io/tree.cpp; the trees here and in ONNX do the same.
    """
    matrix = np.random.default_rng(0).normal(size=(300, 1)) + 3.0
    model = BoostedTreesRegressor("lightgbm", n_estimators=5).fit(matrix, matrix[:, 0])
    gap, zero, middle = model.predict([[np.nan], [0.0], [3.0]])
    assert gap == zero < middle


def test_tiny_numbers_are_zero_in_lightgbm() -> None:
    """LightGBM 4.7.0 takes numbers up to 1e-35 (as float32 has it) for 0, and splits at both ends of them.

    The lower end itself is 0 and goes to the right of its own threshold, to which it is equal. Source:
    ``kZeroThreshold`` in include/LightGBM/meta.h, and ``RowPairFunctionFromDenseMatric`` in src/c_api.cpp.
    """
    draw = np.random.default_rng(0)
    matrix = np.where(draw.random((400, 1)) < 0.3, 0.0, draw.normal(size=(400, 1)))
    known = np.select([matrix[:, 0] < 0, matrix[:, 0] == 0], [-1.0, 5.0], 1.0)
    given: dict[str, Any] = {"classes": 0, "categories": (), "seed": 0}
    booster = lightgbm_trees.train(matrix, known, parameters={"n_estimators": 5}, **given)
    model = BoostedTreesRegressor("lightgbm", n_estimators=5).fit(matrix, known)
    end = float(np.float32(1e-35))
    asked = np.array([[-2 * end], [np.nextafter(-end, -1)], [-end], [-1e-40], [0.0], [end], [np.nextafter(end, 1)]])
    found = model.predict(asked)
    np.testing.assert_allclose(found, booster.predict(asked), rtol=1e-12)
    assert len(set(found[2:6].tolist())) == 1
    assert found[1] != found[2] != found[6]


@pytest.mark.parametrize("kind", [BoostedTreesClassifier, BoostedTreesRegressor])
@pytest.mark.parametrize("library", LIBRARIES)
def test_scikit_learn_takes_it_for_one_of_its_own(library: str, kind: Any) -> None:
    """Clones, tags, shapes, errors and repeated fits are as it demands."""
    parameters = {"min_child_samples": 2} if library == "lightgbm" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # checks that do not apply are skipped with a warning
        check_estimator(kind(library, parameters, n_estimators=5))


@pytest.mark.parametrize("library", LIBRARIES)
def test_random_labels_teach_nothing(library: str) -> None:
    """Held-out rows of a table whose labels are drawn are ranked by chance: an area of about one half."""
    draw = np.random.default_rng(3)
    matrix, labels = rows(600, seed=5), draw.integers(0, 2, 600)
    columns = [MatrixColumn(f"x{place}") for place in range(5)]

    def make() -> Any:
        return families.family(library).build(columns, task="binary", parameters={"n_estimators": 20}, seed=0)

    parts = np.arange(600) % 3
    folds = [Fold(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in range(3)]
    found = fitting.out_of_fold(make, matrix, labels, folds=folds, classes=2).predictions[:, 1]
    assert 0.4 < roc_auc_score(labels, found) < 0.6


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_model_is_loaded_and_asked_without_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, task: Task
) -> None:
    """Where it is served, it is trees."""
    whole = fitted(library, task)
    fitted_model.save(whole, tmp_path)
    monkeypatch.setitem(sys.modules, library, None)  # an import of it now fails
    frame = made.table(20, task=task, seed=2)
    np.testing.assert_array_equal(fitted_model.load(tmp_path).score(frame), whole.score(frame))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Before a search begins, and before a fit."""
    monkeypatch.setattr(boosting_families, "find_spec", lambda _: None)
    command = rf"needs the package {library}.*pip install 'headrace\[{library}\]'"
    with pytest.raises(InputError, match=command):
        make_plan(SearchOptions(families=(library,)), "binary")
    with pytest.raises(InputError, match=command):
        make_plan(SearchOptions(experiment=library), "binary")
    with pytest.raises(InputError, match=command):
        families.family(library).build([MatrixColumn("x")], task="binary", parameters={}, seed=0)


def test_columns_of_many_categories_are_split_as_numbers() -> None:
    """A set of categories is 256 bits."""
    columns = [
        MatrixColumn("few", tuple(map(str, range(255)))),
        MatrixColumn("size"),
        MatrixColumn("many", tuple(map(str, range(256)))),
    ]
    built = families.family("lightgbm").build(columns, task="binary", parameters={}, seed=0)
    assert built[-1].categories == (1,)
