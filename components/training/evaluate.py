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
    alert_budget: str = "",
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
        cost_false_positive: Cost of a false positive, for the choice of the threshold.
        cost_false_negative: Cost of a false negative, for the choice of the threshold.
        alert_budget: Alerts of a task anomaly that people can look at: per 1,000 rows (10), or per day (20/day)
            (default: 10).
        seed: Seed of every random choice.
    """
    from headrace.steps.training.evaluate import run_evaluate

    run_evaluate(
        model=model,
        train_table=train_table,
        test_table=test_table,
        test_actuals=test_actuals,
        metrics=metrics,
        curves=curves,
        evaluation=evaluation,
        slices=slices,
        cost_false_positive=cost_false_positive,
        cost_false_negative=cost_false_negative,
        alert_budget=alert_budget,
        seed=seed,
    )
