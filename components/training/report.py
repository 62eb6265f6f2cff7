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
    from headrace.steps.training.report import run_report

    run_report(
        table=table,
        contract=contract,
        checks=checks,
        trials=trials,
        evaluation=evaluation,
        verdict=verdict,
        bundle=bundle,
        report=report,
        verification=verification,
    )
