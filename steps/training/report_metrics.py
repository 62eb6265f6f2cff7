"""The step that reports metrics to whoever started the pipeline."""

from headrace.experiments.trials.metrics_report import report
from headrace.steps.artifacts import StepArtifact
from headrace.steps.step_function import Say, as_step


@as_step
def run_report_metrics(say: Say, *, metrics: StepArtifact, result: str) -> None:
    """Write the metrics of a step to an address; the component documents the parameters."""
    values = report(metrics.metadata, result)
    say(", ".join(f"{name} {value:.3g}" for name, value in list(values.items())[:3]))
