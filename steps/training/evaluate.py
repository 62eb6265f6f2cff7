"""The step that evaluates the model on the test part."""

from collections.abc import Sequence
from pathlib import Path

from headrace.core.evaluation.evaluate import EvaluationTables, evaluate_model
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.models.decision_threshold import Costs
from headrace.steps.artifacts import CurvesArtifact, MetricsArtifact, StepArtifact, record_arguments
from headrace.steps.step_function import Say, as_step


@as_step
def run_evaluate(
    say: Say,
    *,
    model: StepArtifact,
    train_table: StepArtifact,
    test_table: StepArtifact,
    test_actuals: StepArtifact,
    metrics: MetricsArtifact,
    curves: CurvesArtifact,
    evaluation: StepArtifact,
    slices: Sequence[str],
    cost_false_positive: float,
    cost_false_negative: float,
    alert_budget: str,
    seed: int,
) -> None:
    """Measure the model on rows that it has not seen; the component documents the parameters."""
    result = evaluate_model(
        Path(model.path),
        split=EvaluationTables(Path(train_table.path), Path(test_table.path), Path(test_actuals.path)),
        evaluation=Path(evaluation.path),
        plan=EvaluationPlan(
            tuple(map(str, slices)), Costs(cost_false_positive, cost_false_negative), int(seed), alert_budget
        ),
    )
    record_arguments(
        evaluation,
        slices=slices,
        cost_false_positive=cost_false_positive,
        cost_false_negative=cost_false_negative,
        alert_budget=alert_budget,
        seed=seed,
    )
    for name, interval in result.metrics.items():
        metrics.log_metric(name, interval.value)
    say(", ".join(f"{name} {interval.value:.3f}" for name, interval in list(result.metrics.items())[:2]))
    if result.confusion:
        curves.log_confusion_matrix(list(result.confusion.labels), [list(row) for row in result.confusion.rows])
    if result.roc:
        curves.log_roc_curve(*([getattr(point, key) for point in result.roc] for key in ("fpr", "tpr", "threshold")))
