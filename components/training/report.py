"""The component that writes the report of a run."""

from typing import Optional

from kfp.dsl import HTML, Artifact, Dataset, Input, Model, Output

from headrace.components.base import component


@component
def report(
    table: Input[Dataset],
    contract: Input[Artifact],
    checks: Input[Artifact],
    trials: Input[Artifact],
    evaluation: Input[Artifact],
    verdict: Input[Artifact],
    bundle: Input[Model],
    report: Output[HTML],
    verification: Optional[Input[Artifact]] = None,  # noqa: UP045 - KFP knows this spelling only
) -> None:
    """Write one self-contained HTML page about a run.

    Args:
        table: Table as ingest left it, with its source and digest as metadata.
        contract: Data contract (YAML).
        checks: Checks of ``validate`` (JSON).
        trials: Trials of ``tune`` (JSON).
        evaluation: Metrics of ``evaluate`` (JSON).
        verdict: Verdict of ``gate``, with its reasons (JSON).
        bundle: The packaged model.
        report: The page.
        verification: Responses of the endpoint (JSON); absent when the gate rejected the model.
    """
    from pathlib import Path

    from headrace.core.base.parameter_text import plain_texts
    from headrace.core.runtime.step_events import step
    from headrace.reports.run.document import RunPaths
    from headrace.reports.run.page import report_run

    with step("report"):
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
        report_run(report.path, paths=paths, source=plain_texts(table.metadata))
