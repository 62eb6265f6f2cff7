"""Saving, loading and asking a model."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import BundleError, MissingError
from headrace.core.contracts.contract import Column, Contract, RowFeature, Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitted_model, fitting
from headrace.core.models.decision_threshold import OperatingPoint
from headrace.core.models.fitted_model import Model
from tests.conftest import REPOSITORY
from tests.core import made

# Families of H2O need Java: tests/real/test_h2o_families.py.
ALL = [
    (family.name, task)
    for family in families.FAMILIES.values()
    for task in family.tasks
    if family.framework == "scikit-learn"
]
QUICK: dict[str, dict[str, Any]] = {
    "mlp": {"hidden_units": 4, "max_iter": 5},
    "random_forest": {"n_estimators": 3},
    "hist_gradient_boosting": {"max_iter": 3},
    "lightgbm": {"n_estimators": 3},
    "xgboost": {"n_estimators": 3},
}


def fitted(name: str = "logistic", task: Task = "binary", *, agreed: Contract | None = None) -> Model:
    """A small model."""
    agreed, frame = agreed or made.contract(task), made.table(60, task=task)
    parameters = QUICK.get(name, {})
    pipeline = families.family(name).build(matrix_layout.columns(agreed), task=task, parameters=parameters, seed=3)
    fitting.fit(pipeline, model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed))
    return Model(
        pipeline=pipeline,
        contract=agreed,
        family=name,
        parameters=parameters,
        seed=3,
        train={"rows": 60, "digest": "0" * 64},
        operating_points=(OperatingPoint(0.4, 0.1, 0.2),) if task == "binary" else (),
    )


@pytest.mark.parametrize(("name", "task"), ALL)
def test_load_after_save_answers_the_same(tmp_path: Path, name: str, task: Task) -> None:
    """A model comes back with all its facts and the very same answers."""
    whole = fitted(name, task)
    fitted_model.save(whole, tmp_path / "model")
    back = fitted_model.load(tmp_path / "model")
    assert replace(back, pipeline=None) == replace(whole, pipeline=None)
    frame = made.table(30, task=task, seed=9)
    ours, theirs = whole.predict(frame), back.predict(frame)
    assert ours.labels == theirs.labels
    for one, other in ((ours.probabilities, theirs.probabilities), (ours.values, theirs.values)):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            np.testing.assert_array_equal(one, other)


_FIT_AND_SAVE = """
import sys
from pathlib import Path
from headrace.core.models import fitted_model
from tests.core.models.test_fitted_model import fitted
for name in ("logistic", "random_forest", "hist_gradient_boosting", "lightgbm", "xgboost", "mlp"):
    fitted_model.save(fitted(name), Path(sys.argv[1]) / name)
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """No address, time, hash seed, number of threads or leftover memory stands in a model's files."""
    digests, started = [], []
    for seed, threads in (("1", "1"), ("2", "2")):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _FIT_AND_SAVE, str(tmp_path / seed)],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
                "MALLOC_PERTURB_": seed,
                "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
            },
        )
        started.append((process, tmp_path / seed))
    for process, folder in started:
        assert process.wait(120) == 0
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests.append([(path.relative_to(folder), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files])
    assert len(digests[0]) == 18
    assert digests[0] == digests[1]


def test_predict_adds_row_features_where_they_are_absent() -> None:
    """A caller may send raw inputs or a table that is engineered already."""
    agreed = Contract(
        name="t",
        task="regression",
        columns=(Column("a", "number"), Column("b", "number"), Column("y", "number", role="target")),
        features=(RowFeature("product", "product", ("a", "b")),),
    )
    draw = np.random.default_rng(0)
    raw = pl.DataFrame({"a": draw.normal(size=50), "b": draw.normal(size=50)})
    full = raw.with_columns(product=pl.col("a") * pl.col("b"))
    pipeline = families.family("linear").build(matrix_layout.columns(agreed), task="regression", parameters={}, seed=0)
    fitting.fit(pipeline, model_matrix.encode(full, agreed), full.get_column("product").to_numpy())
    whole = Model(pipeline, agreed, "linear", {}, 0, {})
    np.testing.assert_array_equal(whole.predict(raw).values, whole.predict(full).values)
    assert whole.predict(raw).values == pytest.approx(full.get_column("product").to_list(), abs=0.2)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_no_rows_give_no_answers(task: Task) -> None:
    """An empty table is answered with empty arrays."""
    found = fitted("random_forest", task).predict(made.table(3, task=task).head(0))
    if task == "regression":
        assert found.values is not None
        assert found.values.shape == (0,)
    else:
        assert found.labels == []
        assert found.probabilities is not None
        assert found.probabilities.shape == (0, 2)


def test_the_threshold_decides_the_label() -> None:
    """Only the labels go by the threshold; a probability on it is positive."""
    whole, frame = fitted(), made.table(40, seed=4)
    plain = whole.predict(frame)
    assert plain.probabilities is not None
    edge = float(np.median(plain.probabilities[:, 1]))
    for threshold in (0.0, edge, 1.1):
        found = whole.with_threshold(threshold).predict(frame)
        assert found.labels == ["yes" if p >= threshold else "no" for p in plain.probabilities[:, 1]]
        np.testing.assert_array_equal(found.probabilities, plain.probabilities)


def test_a_class_that_no_training_row_has_gets_probability_zero() -> None:
    """The order and number of probabilities is the contract's, whatever the rows held."""
    agreed = made.contract("multiclass")
    frame = made.table(60, task="multiclass").filter(pl.col("target") != "middle")
    pipeline = families.family("logistic").build(
        matrix_layout.columns(agreed), task="multiclass", parameters={}, seed=0
    )
    fitting.fit(pipeline, model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed))
    found = Model(pipeline, agreed, "logistic", {}, 0, {}).predict(frame)
    assert found.probabilities is not None
    assert (found.probabilities[:, 1] == 0).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_extra_files_of_a_bundle_do_no_harm(tmp_path: Path) -> None:
    """A bundle is a model's folder with more in it."""
    fitted_model.save(fitted(), tmp_path)
    (tmp_path / "card.md").write_text("card")
    assert fitted_model.load(tmp_path).family == "logistic"


@pytest.mark.parametrize("name", fitted_model.FILES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """An incomplete folder is no model."""
    fitted_model.save(fitted(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(MissingError, match=name.replace(".", r"\.")):
        fitted_model.load(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 99),
        ("task", "regression"),
        ("classes", ["yes", "no"]),
        ("columns", ["size"]),
        ("scikit_learn", "0.1.0"),
        ("threshold", "high"),
        ("operating_points", [[1]]),
    ],
)
def test_facts_that_do_not_fit_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    """A model of another format, contract or scikit-learn is refused instead of answering wrongly."""
    fitted_model.save(fitted(), tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(facts | {key: value}))
    with pytest.raises(BundleError):
        fitted_model.load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({k: v for k, v in facts.items() if k != key}))
    with pytest.raises(BundleError):
        fitted_model.load(tmp_path)


def test_a_folder_of_neither_kind_is_told_both(tmp_path: Path) -> None:
    """It may have been meant to hold a model of H2O."""
    with pytest.raises(MissingError, match=r"must hold model\.skops \(or model\.mojo\), model\.json, contract\.yaml;"):
        fitted_model.load(tmp_path)
