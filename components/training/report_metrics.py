"""The component that reports metrics to whoever started the pipeline."""

from kfp.dsl import Input, Metrics

from headrace.components.base import component


@component
def report_metrics(
    metrics: Input[Metrics],
    result: str,
) -> None:
    """Write the metrics of a step to an address, as JSON: how a pipeline that is a trial reports its objective.

    Args:
        metrics: Scalar metrics of an earlier step.
        result: Path or ``s3://BUCKET/KEY`` that the pipeline was given as its parameter ``result``.
    """
    from headrace.steps.training.report_metrics import run_report_metrics

    run_report_metrics(metrics=metrics, result=result)
