"""Ensembles as one graph of ONNX."""

import numpy as np
import pytest

from headrace.core.contracts.contract import Task
from headrace.core.graphs import onnx_safety
from headrace.core.inference.engine import OnnxEngine
from headrace.core.onnx_export import parity, probe_rows
from headrace.core.onnx_export.export import convert
from headrace.core.onnx_export.graph import InexactError
from tests.core import made
from tests.core.models.ensembles.made_ensemble import fitted
from tests.core.onnx_export.test_export import answers, bounded


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("binary", ("logistic", "random_forest", "hist_gradient_boosting", "mlp", "lightgbm")),
        ("binary", ("random_forest", "naive_bayes")),
        ("multiclass", ("logistic", "random_forest", "hist_gradient_boosting")),
        ("regression", ("linear", "random_forest", "hist_gradient_boosting", "mlp")),
    ],
)
def test_one_graph_gives_the_answers_of_scikit_learn(task: Task, names: tuple[str, ...]) -> None:
    """Missing, unseen and extreme values, and both sides of the members' thresholds, included."""
    model = fitted(task, *names, agreed=bounded(made.contract(task)) if "naive_bayes" in names else None)
    rows = model.encode(made.table(100, task=task, seed=7))
    found = parity.convert_exactly(model, rows)
    np.testing.assert_allclose(OnnxEngine(found.content, model.contract)(rows), answers(model, rows), rtol=1e-9)
    assert found.content == convert(model), "equal models must give equal bytes"
    onnx_safety.check(found.content, "model.onnx")


def test_each_members_thresholds_are_probed() -> None:
    """Rows on both sides of the splits of the forest and of the boosted trees, not of one of them alone."""
    both = fitted("binary", "random_forest", "hist_gradient_boosting")
    alone = [fitted("binary", name, name) for name in ("random_forest", "hist_gradient_boosting")]
    rows = both.encode(made.table(60, seed=7))

    def probed(model: object) -> set[bytes]:
        return {row.tobytes() for block in probe_rows.blocks(model, rows) for row in block}  # type: ignore[arg-type]

    assert probed(both) == probed(alone[0]) | probed(alone[1])


def test_a_class_without_training_rows_has_probability_zero() -> None:
    """The columns follow the contract."""
    model = fitted("multiclass", "logistic", "random_forest", drop="middle")
    rows = model.encode(made.table(50, task="multiclass", seed=7))
    scores = OnnxEngine(parity.convert_exactly(model, rows).content, model.contract)(rows)
    assert (scores[:, 1] == 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)


def test_a_member_without_an_exact_form_makes_the_ensemble_inexact() -> None:
    """It is said, and scikit-learn would serve it."""
    with pytest.raises(InexactError, match="KNeighborsClassifier"):
        convert(fitted("binary", "logistic", "knn"))
