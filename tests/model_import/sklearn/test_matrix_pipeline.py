"""Fitted pipelines become pipelines over the model matrix, or are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import headrace.api as hr
from headrace.core.base.errors import InputError
from headrace.core.inference.scorer import Scorer
from headrace.model_import.signature import InputColumn
from headrace.model_import.sklearn.matrix_pipeline import make_matrix_pipeline
from tests.model_import import made_models as made

SINGLE = [{**one, "type": "float"} for one in made.SIGNATURE]
TENSOR = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]


@pytest.mark.parametrize("inputs", [SINGLE, TENSOR])
def test_float32_is_taken_by_trees_only(inputs: Any, tmp_path: Path) -> None:
    """A scaler computes in float32 for a frame of float32, and a row may change its branch; trees round by themselves.

    Seen with scikit-learn 1.9: StandardScaler and RandomForestRegressor, 40 of 300 rows.
    """
    scaled = made.fitted(make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)))
    made.sklearn_model(tmp_path / "scaled", scaled, inputs=inputs)
    names = ["a", "b"] if inputs is TENSOR else ()
    with pytest.raises(InputError, match=r"takes float32, as the column 'a' of this one, .* a StandardScaler computes"):
        hr.import_model(tmp_path / "scaled", tmp_path / "new", column_names=names)
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    forest = make_pipeline(SimpleImputer(), RandomForestClassifier(5, random_state=0))
    forest.fit(frame.astype("float32"), frame.a * frame.b > 0)
    made.sklearn_model(tmp_path / "forest", forest, inputs=inputs)
    scorer = Scorer.open(hr.import_model(tmp_path / "forest", tmp_path / "forest-bundle", column_names=names))
    found = scorer.scores(frame.to_numpy())
    assert found == pytest.approx(forest.predict_proba(frame.astype("float32")), abs=1e-12)


def test_a_text_that_no_step_uses_is_no_feature(tmp_path: Path) -> None:
    """It stays in the contract as an ignored column, and the model's other columns keep their values."""
    frame = pd.DataFrame({"note": list("xy") * 10, "a": np.arange(20.0), "b": np.arange(20.0) ** 2})
    encode = ColumnTransformer([("n", StandardScaler(), ["b", "a"])])
    model = make_pipeline(encode, LogisticRegression()).fit(frame, frame.a > 7)
    inputs = [{"type": "string", "name": "note", "required": True}, *made.SIGNATURE]
    folder = made.sklearn_model(tmp_path / "model", model, inputs=inputs)
    scorer = Scorer.open(hr.import_model(folder, tmp_path / "new"))
    assert [column.name for column in scorer.contract.inputs] == ["a", "b"]
    assert scorer.contract.column("note").role == "ignore"
    assert scorer.scores(frame[["a", "b"]].to_numpy()) == pytest.approx(model.predict_proba(frame), abs=1e-9)


@pytest.mark.parametrize("model", [LinearRegression(), KNeighborsRegressor(1, algorithm="brute")])
def test_several_numbers_a_row_are_refused(model: Any) -> None:
    """The sentence says how many."""
    model.fit([[0.0], [1.0]], [[0.0, 1.0], [1.0, 2.0]])
    with pytest.raises(InputError, match=r"must predict one number a row to be imported; this \w+ predicts 2\."):
        make_matrix_pipeline(model, [InputColumn("a", "number", "double", required=True)])


def test_what_is_no_estimator_is_refused() -> None:
    """A file may hold a list."""
    with pytest.raises(InputError, match=r"must be an estimator of scikit-learn, .* it is a list\."):
        make_matrix_pipeline([1, 2], [InputColumn("a", "number", "double", required=True)])
