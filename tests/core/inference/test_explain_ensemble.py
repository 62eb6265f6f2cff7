"""Explanations of ensembles."""

import numpy as np
import pytest

from headrace.core.base.errors import BundleError
from headrace.core.contracts.contract import Task
from headrace.core.inference.explain import Explainer, UnexplainedError, explain_document
from tests.core import made
from tests.core.models.ensembles.made_ensemble import fitted

pytest.importorskip("shap")


@pytest.mark.parametrize(
    ("task", "names", "scale"),
    [
        ("regression", ("linear", "random_forest", "hist_gradient_boosting"), "value"),
        ("binary", ("random_forest", "random_forest"), "probability"),
        ("multiclass", ("random_forest", "random_forest"), "probability"),
    ],
)
def test_contributions_add_up_to_the_ensembles_answer(task: Task, names: tuple[str, ...], scale: str) -> None:
    """Shapley values are linear: their weighted mean explains the weighted mean."""
    model = fitted(task, *names)
    rows = model.encode(made.table(30, task=task, seed=2))
    document = explain_document(model, rows)
    found = Explainer(model, document).explain(rows)
    answer = model.pipeline.predict(rows)[:, None] if task == "regression" else model.pipeline.predict_proba(rows)
    assert document["exact"]
    assert found.scale == scale
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), answer, rtol=1e-6, atol=1e-9)


def test_means_of_probabilities_whose_members_explain_log_odds_are_refused() -> None:
    """The mean of log-odds is not the log-odds of the mean."""
    model = fitted("binary", "logistic", "random_forest")
    document = explain_document(model, model.encode(made.table(30)))
    assert not document["exact"]
    with pytest.raises(UnexplainedError, match="ensemble of logistic, random_forest has no exact contributions"):
        Explainer(model, document)


def test_an_explanation_of_another_model_is_refused() -> None:
    """Its members are not these."""
    model = fitted("regression", "linear", "random_forest")
    document = explain_document(model, model.encode(made.table(30, task="regression")))
    with pytest.raises(BundleError, match="package it again"):
        Explainer(model, {**document, "members": document["members"][:1]})
