"""The Java library scores as Python does, whatever the family; its ONNX Runtime is older."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.contracts.contract import Task
from headrace.core.features import model_matrix
from headrace.core.inference.engine import OnnxEngine
from headrace.core.inference.prediction_json import to_json
from headrace.core.inference.scorer import Scorer
from headrace.core.jvm_export.scoring_plan import build_plan
from headrace.core.models.fitted_model import Model, Prediction
from headrace.core.onnx_export.export import convert
from tests.core.onnx_export.test_export import EXACT, fitted
from tests.jvm.comparison import JavaServer

pytestmark = pytest.mark.jvm

# Largest difference between ONNX Runtime 1.26.0 for Java and 1.32.0 for Python, of a probability, or of a value
# relative to it. Both compute in float64; a perceptron's sums are in another order.
TOLERANCE = 1e-12


def scores_in_python(scorer: Scorer, row: np.ndarray) -> dict[str, Any]:
    """The answer to one row of the matrix, as a server gives it."""
    scores = scorer.scores(row[None, :])
    if scorer.answers_alerts:
        return to_json(Prediction(values=scores, alerts=(scores >= scorer.threshold).tolist()), ())[0]
    if not scorer.classes:
        return to_json(Prediction(values=scores), ())[0]
    labels = [scorer.classes[place] for place in scorer.choose_classes(scores)]
    return to_json(Prediction(labels=labels, probabilities=scores), scorer.classes)[0]


def write_model(folder: Path, model: Model, rows: list[dict[str, Any]]) -> Scorer:
    """Write what an exported jar holds of a model, with the first rows as its cases."""
    content = convert(model)
    scorer = Scorer(model.contract, OnnxEngine(content, model.contract), 0.4, model.contract.name, "0" * 64, "")
    matrix = model_matrix.encode(model_table(model, rows), model.contract)
    cases = [
        {"request": row, "expected": scores_in_python(scorer, encoded)}
        for row, encoded in zip(rows[:3], matrix, strict=False)
    ]
    document = {"tolerance": {"relative": 1e-6, "absolute": 1e-9}, "cases": cases}
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    (folder / "plan.json").write_text(json.dumps(build_plan(scorer, engine="onnx")))
    (folder / "cases.json").write_text(json.dumps(document))
    return scorer


def model_table(model: Model, rows: list[dict[str, Any]]) -> Any:
    """Rows as the typed table of the contract."""
    from headrace.core.validation import records

    return records.validate_records(records.table(rows, model.contract), model.contract)


@pytest.mark.parametrize(("name", "task"), EXACT)
def test_every_family_gives_the_answers_of_python(java: JavaServer, tmp_path: Path, name: str, task: Task) -> None:
    """Labels are equal; probabilities and values are to the tolerance."""
    model, unseen = fitted(name, task)
    names = [column.name for column in model.contract.inputs]
    rows = unseen.select(names).head(60).to_dicts()
    scorer = write_model(tmp_path, model, rows)
    matrix = model_matrix.encode(model_table(model, rows), model.contract)
    java.ask(open=name, path=str(tmp_path))
    worst = 0.0
    for row, encoded in zip(rows, matrix, strict=True):
        expected = scores_in_python(scorer, encoded)
        found = java.ask(use=name, row=row)["answer"]
        assert (found.get("label"), found.get("alert")) == (expected.get("label"), expected.get("alert"))
        pairs = list(zip(_numbers(found), _numbers(expected), strict=True))
        worst = max([worst, *(abs(one - other) / max(1.0, abs(other)) for one, other in pairs)])
    print(f"{name} {task}: largest difference {worst:.2g}")  # noqa: T201 - `-s` shows the measurement
    assert worst <= TOLERANCE


def _numbers(answer: dict[str, Any]) -> list[float]:
    single = [answer[name] for name in ("value", "score") if name in answer]
    return single or list(answer["probabilities"].values())
