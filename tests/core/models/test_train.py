"""Fitting the winner."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import DataError, HeadraceError, InputError
from headrace.core.contracts.contract import Task
from headrace.core.features import model_matrix
from headrace.core.models import fitted_model, fitting, train
from tests.core import made


def trained(folder: Path, best: Any, *, task: Task = "binary", rows: int = 80, seed: int = 0) -> dict[str, Any]:
    """Train on a made table into ``folder / "model"``."""
    (folder / "best.json").write_text(json.dumps(best))
    return train.train_model(
        made.write(made.table(rows, task=task), folder / "table"),
        contract=made.write_contract(made.contract(task), folder / "contract.yaml"),
        best_parameters=folder / "best.json",
        folder=folder / "model",
        seed=seed,
    )


def test_the_winner_is_fitted_and_written(tmp_path: Path) -> None:
    """Parameters come back as they were given, those of KFP as whole numbers again."""
    facts = trained(tmp_path, {"family": "random_forest", "parameters": {"n_estimators": 5.0}})
    back = fitted_model.load(tmp_path / "model")
    assert (back.family, back.parameters) == ("random_forest", {"n_estimators": 5})
    assert back.train["rows"] == 80
    assert facts["rows"] == 80
    assert facts["columns"] == 7
    json.dumps(facts, allow_nan=False)


def test_operating_points_are_found_where_the_search_gave_none(tmp_path: Path) -> None:
    """A family named by hand gets its threshold from cross-validation too."""
    trained(tmp_path, {"family": "logistic", "parameters": {}})
    assert len(fitted_model.load(tmp_path / "model").operating_points) > 10


def test_given_operating_points_are_kept(tmp_path: Path) -> None:
    """What the search found out of fold is not found again."""
    trained(tmp_path, {"family": "logistic", "parameters": {}, "operating_points": [[0.4, 0.1, 0.2]]})
    assert [point.as_json() for point in fitted_model.load(tmp_path / "model").operating_points] == [[0.4, 0.1, 0.2]]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_have_no_threshold(tmp_path: Path, task: Task) -> None:
    """A threshold is a matter of two classes."""
    trained(tmp_path, {"family": "random_forest", "parameters": {"n_estimators": 2}}, task=task)
    assert fitted_model.load(tmp_path / "model").operating_points == ()


def test_warnings_are_recorded(tmp_path: Path) -> None:
    """A solver that did not converge says so in the model's metadata."""
    facts = trained(tmp_path, {"family": "logistic", "parameters": {"max_iter": 1}})
    assert any("ConvergenceWarning" in sentence for sentence in facts["warnings"])


@pytest.mark.parametrize(
    "best",
    [
        [],
        {},
        {"family": "logistic"},
        {"family": "logistic", "parameters": [1]},
        {"family": "oracle", "parameters": {}},
        {"family": "logistic", "parameters": {"C": "much"}},
        {"family": "linear", "parameters": {}},
        {"family": "logistic", "parameters": {}, "operating_points": [[1, 2]]},
        {"family": "logistic", "parameters": {}, "operating_points": 3},
    ],
)
def test_broken_parameters_are_refused(tmp_path: Path, best: Any) -> None:
    """Nothing is written."""
    with pytest.raises(InputError):
        trained(tmp_path, best)
    assert not (tmp_path / "model").exists()


def test_one_class_is_refused_with_a_remedy() -> None:
    """There is nothing to tell apart."""
    with pytest.raises(DataError, match=r"one class.*bring more rows"):
        fitting.fit([object()], np.zeros((5, 1)), np.zeros(5, dtype=np.int64))


def test_no_rows_are_refused(tmp_path: Path) -> None:
    """An empty training table is a mistake of the data."""
    with pytest.raises(HeadraceError, match="no rows"):
        trained(tmp_path, {"family": "linear", "parameters": {}}, task="regression", rows=0)


def test_the_digest_tells_the_rows_and_their_order_apart() -> None:
    """It stands for exactly what the model was fitted on."""
    agreed, frame = made.contract(), made.table(20)

    def digest(rows: Any) -> str:
        return train.digest(model_matrix.encode(rows, agreed), model_matrix.encode_target(rows, agreed))

    assert digest(frame) == digest(frame.clone())
    assert len({digest(frame), digest(frame.reverse()), digest(frame.head(19))}) == 3
