"""The component that evaluates the model on the test part."""

from kfp.dsl import Artifact, ClassificationMetrics, Dataset, Input, Metrics, Model, Output

from headrace.components.base import component


@component
def evaluate(
    model: Input[Model],
    train_table: Input[Dataset],
    test_table: Input[Dataset],
    test_actuals: Input[Dataset],
    metrics: Output[Metrics],
    curves: Output[ClassificationMetrics],
    evaluation: Output[Artifact],
    slices: list = [],  # noqa: B006 - KFP wants the default as it stands
    cost_false_positive: float = 1.0,
    cost_false_negative: float = 1.0,
    seed: int = 0,
) -> None:
    """Measure the model on rows that it has not seen, with intervals, beside a baseline.

    Args:
        model: The model's folder.
        train_table: Training rows, for the baseline.
        test_table: Test rows without the target.
        test_actuals: The target of the test rows.
        metrics: Scalar metrics.
        curves: Confusion matrix and ROC curve; empty for a regression.
        evaluation: JSON: metrics with intervals, baseline, threshold, curves, slices.
        slices: Columns by whose values metrics are repeated.
        cost_false_positive: Cost of a false alarm, for the choice of the threshold.
        cost_false_negative: Cost of a miss, for the choice of the threshold.
        seed: Seed of every random choice.
    """
    from pathlib import Path

    from headrace.core.base.parameter_text import plain_list
    from headrace.core.evaluation.evaluate import EvaluationPlan, EvaluationTables, evaluate_model
    from headrace.core.models.decision_threshold import Costs
    from headrace.core.runtime.step_events import step
    from headrace.core.runtime.step_trace import arguments_text

    with step("evaluate") as say:
        result = evaluate_model(
            Path(model.path),
            split=EvaluationTables(Path(train_table.path), Path(test_table.path), Path(test_actuals.path)),
            evaluation=Path(evaluation.path),
            plan=EvaluationPlan(tuple(plain_list(slices)), Costs(cost_false_positive, cost_false_negative), int(seed)),
        )
        evaluation.metadata["arguments"] = arguments_text(
            slices=slices, cost_false_positive=cost_false_positive, cost_false_negative=cost_false_negative, seed=seed
        )
        for name, interval in result.metrics.items():
            metrics.log_metric(name, interval.value)
        say(", ".join(f"{name} {interval.value:.3f}" for name, interval in list(result.metrics.items())[:2]))
        if result.confusion:
            curves.log_confusion_matrix(list(result.confusion.labels), [list(row) for row in result.confusion.rows])
        if result.roc:
            curves.log_roc_curve(
                *([getattr(point, key) for point in result.roc] for key in ("fpr", "tpr", "threshold"))
            )
