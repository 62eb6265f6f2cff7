"""The document of an evaluation."""

import json
import subprocess
import sys
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Task
from headrace.core.evaluation import evaluate
from headrace.core.evaluation.evaluation_document import BundleMetrics, Evaluation
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.features import model_matrix
from headrace.core.statistics.slices import slices
from tests.core import made
from tests.core.evaluation.test_evaluate import fitted
from tests.golden.test_document_schemas import valid
from tests.made_documents import around, make_evaluation


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_an_evaluation_keeps_its_schema_and_is_read_back(task: Task) -> None:
    """Measured by the suite: every field that is documented and no other; the bundle's part too."""
    train, test = made.table(200, task=task), made.table(80, task=task, seed=1)
    target = model_matrix.encode_target(train, made.contract(task))
    plan = EvaluationPlan(("plan",))
    found = evaluate.evaluate(
        fitted(task, train), test, train_target=target, parts=list(slices(test, plan.slices)), plan=plan
    )
    for name, document in (("evaluation", found), ("metrics", found.select_bundle_metrics())):
        facts = json.loads(json.dumps(document.as_json(), allow_nan=False))
        assert valid(name, facts)
        assert not valid(name, {**facts, "more": 1})
        assert not valid(name, {key: value for key, value in facts.items() if key != "threshold"})
        assert type(document).from_json(facts) == document
    kept = found.select_bundle_metrics()
    assert not {"roc", "pr", "calibration", "family"} & set(kept.as_json())
    assert kept.residuals is None or kept.residuals.points is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"metrics": {"f1": {"value": 0.7, "low": None, "high": None}}},
            "'metrics.f1.low' must be a number; got None",
        ),
        ({"task": "guess"}, "'task' must be one of binary, multiclass, regression, anomaly; got 'guess'"),
        ({"rows": {"test": 80}}, "'rows' lacks the key 'train'"),
        ({"more": 1}, "it has the unknown key 'more'"),
    ],
)
def test_another_document_is_refused(change: dict[str, Any], fault: str) -> None:
    """The sentence says what is expected and what to do."""
    with pytest.raises(InputError) as caught:
        Evaluation.from_json(make_evaluation(metrics={"f1": around(0.7, 0.1)}).as_json() | change)
    assert str(caught.value) == (
        "the evaluation must be what the step evaluate writes, as docs/evaluation.schema.json says; "
        f"{fault}: run the step evaluate again."
    )
    with pytest.raises(InputError, match=r"metrics\.json must be what the step package writes, as docs/metrics"):
        BundleMetrics.from_json(make_evaluation().as_json())


def test_reading_an_evaluation_imports_no_library() -> None:
    """Pages, records and the gate read one at their start."""
    code = (
        "import sys, headrace.core.evaluation.evaluation_document; "
        "sys.exit(bool({'numpy', 'polars', 'sklearn', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
