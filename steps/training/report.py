"""The step that writes the report of a run."""

from pathlib import Path

from headrace.reports.run.document import RunPaths
from headrace.reports.run.page import report_run
from headrace.steps.artifacts import StepArtifact, read_metadata
from headrace.steps.step_function import Say, as_step


@as_step
def run_report(
    _say: Say,
    *,
    table: StepArtifact,
    contract: StepArtifact,
    checks: StepArtifact,
    trials: StepArtifact,
    evaluation: StepArtifact,
    verdict: StepArtifact,
    bundle: StepArtifact,
    report: StepArtifact,
    verification: StepArtifact | None,
) -> None:
    """Write the page of a run; the component documents the parameters."""
    paths = RunPaths(
        table=Path(table.path),
        contract=Path(contract.path),
        checks=Path(checks.path),
        trials=Path(trials.path),
        evaluation=Path(evaluation.path),
        verdict=Path(verdict.path),
        bundle=Path(bundle.path),
        verification=Path(verification.path) if verification else None,
    )
    report_run(report.path, paths=paths, source=read_metadata(table))
