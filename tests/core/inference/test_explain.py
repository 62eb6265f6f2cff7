"""Contributions against the definition of Shapley values, and against the scores that they explain."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from headrace.core.contracts.contract import Task
from headrace.core.features import model_matrix
from headrace.core.inference import explain
from headrace.core.inference.explain import Explainer, UnexplainedError, explain_document, to_json
from tests.core.onnx_export.test_export import FEATURES, fitted

TREES = itertools.product(("random_forest", "hist_gradient_boosting"), ("binary", "multiclass", "regression"))
EXACT = [
    ("logistic", "binary"),
    ("logistic", "multiclass"),
    ("linear", "regression"),
    *TREES,
    ("isolation_forest", "anomaly"),
    ("robust_covariance", "anomaly"),
]


def explained(name: str, task: Task, features: str = "all") -> tuple[Any, np.ndarray, Explainer]:
    """A model, rows with missing and unseen values, and its explainer."""
    model, table = fitted(name, task, features=features)
    rows = model_matrix.encode(table, model.contract)[:40]
    rows[0] = np.nan
    rows[1, -1] = -1.0
    return model, rows, Explainer(model, explain_document(model, rows))


@pytest.mark.parametrize(("name", "task"), EXACT)
@pytest.mark.parametrize("features", ["all", "categories"])
def test_contributions_add_up_to_the_score(name: str, task: Task, features: str) -> None:
    """For each row, missing and unseen values included; the library's own answer is checked before it is given."""
    model, rows, explainer = explained(name, task, features)
    found = explainer.explain(rows)
    total = found.base + found.values.sum(axis=1)
    if found.scale in {"score", "log2-score"}:
        scores = -model.pipeline.score_samples(rows)
        np.testing.assert_allclose(total[:, 0], np.log2(scores) if found.scale == "log2-score" else scores, rtol=1e-6)
    elif found.scale == "value":
        np.testing.assert_allclose(total[:, 0], model.pipeline.predict(rows), rtol=1e-5, atol=1e-5)
    else:
        wanted = model.pipeline.predict_proba(rows)
        if found.scale == "log-odds":
            total = np.concatenate([np.zeros_like(total), total], axis=1) if total.shape[1] == 1 else total
            total = np.exp(total) / np.exp(total).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(total, wanted, rtol=1e-5, atol=1e-5)
    assert found.values.shape[:2] == rows.shape
    for row in to_json(found, model):
        parts = row["classes"].values() if "classes" in row else [row]
        assert all(set(part["contributions"]) == set(FEATURES[features]) for part in parts)


def test_a_linear_model_s_contributions_are_shapley_values() -> None:
    """Counted out over all orders of three columns, one of them of three categories."""
    model, table = fitted("logistic", "binary", features="all")
    rows = model_matrix.encode(table, model.contract)
    explainer = Explainer(model, explain_document(model, rows))
    prepare, estimator = model.pipeline.named_steps["prepare"], model.pipeline.named_steps["estimator"]
    means, row = prepare.transform(rows).mean(axis=0), prepare.transform(rows[:1])[0]
    sources = explain._sources(model)
    columns = sorted(set(sources))
    players = {column: [place for place, source in enumerate(sources) if source == column] for column in columns}

    def worth(chosen: tuple[int, ...]) -> float:
        taken = means.copy()
        for column in chosen:
            taken[players[column]] = row[players[column]]
        return float(estimator.decision_function(taken.reshape(1, -1))[0])

    some = columns[:3]
    rest = tuple(columns[3:])
    found = explainer.explain(rows[:1]).values[0, :, 0]
    for column in some:
        others = [one for one in some if one != column]
        value = 0.0
        for size in range(3):
            for coalition in itertools.combinations(others, size):
                weight = math.factorial(size) * math.factorial(2 - size) / math.factorial(3)
                value += weight * (worth((*coalition, column, *rest)) - worth((*coalition, *rest)))
        assert found[column] == pytest.approx(value, abs=1e-9)


def test_the_sign_follows_the_positive_class() -> None:
    """What speaks for one class speaks against the other."""
    from dataclasses import replace

    model, rows, explainer = explained("logistic", "binary")
    found = explainer.explain(rows)
    other = replace(model, contract=replace(model.contract, positive="no"))
    first, second = to_json(found, model)[5], to_json(found, other)[5]
    assert first["base"] == -second["base"]
    assert first["contributions"]["size"] == -second["contributions"]["size"] != 0


@pytest.mark.parametrize(("name", "task"), [("knn", "binary"), ("naive_bayes", "binary"), ("mlp", "regression")])
def test_a_family_without_exact_contributions_is_refused(name: str, task: Task) -> None:
    """An approximation that looks exact would mislead."""
    model, table = fitted(name, task)
    rows = model_matrix.encode(table, model.contract)
    assert explain_document(model, rows) == {"format": 1, "exact": False}
    with pytest.raises(UnexplainedError, match=f"family {name} have no exact contributions"):
        Explainer(model, {})


@pytest.mark.parametrize("name", ["isolation_forest", "robust_covariance"])
def test_the_odd_column_makes_a_row_anomalous(name: str) -> None:
    """A row like the others but for one number: that column has most of what is above the others' scores."""
    _, rows, explainer = explained(name, "anomaly", "numbers")
    usual = np.nanmedian(rows[2:], axis=0)
    odd = usual + np.array([25.0, 0.0])
    found = explainer.explain(np.stack([usual, odd])).values[:, :, 0]
    gained = found[1] - found[0]
    assert gained[0] > 3 * abs(gained[1])
