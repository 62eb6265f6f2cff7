"""The step that decides whether the model may take over."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headrace.core.evaluation.gate import GateInputs, MetricBounds, VerdictUse, choose_use, write_verdict
from headrace.steps.artifacts import StepArtifact, add_metadata, record_arguments
from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.fingerprint import confirm


@as_step
def run_gate(
    say: Say,
    *,
    evaluation: StepArtifact,
    model: StepArtifact,
    test_table: StepArtifact,
    test_actuals: StepArtifact,
    verdict: StepArtifact,
    checks: StepArtifact | None,
    champion: str,
    metric_bounds: Mapping[str, float],
    seed: int,
    publish: bool,
    serve: bool,
    serve_held: bool,
    fingerprint: str,
) -> tuple[bool, VerdictUse]:
    """Judge a model; the component documents the parameters.

    Returns:
        Whether it may be published, and what is to be done with it.
    """
    with _champion_folder(champion) as folder:
        decision = write_verdict(
            Path(evaluation.path),
            inputs=GateInputs(
                Path(model.path),
                Path(test_table.path),
                Path(test_actuals.path),
                champion=folder,
                checks=Path(checks.path) if checks else None,
            ),
            metric_bounds=MetricBounds(metric_bounds),
            verdict=Path(verdict.path),
            seed=int(seed),
        )
        confirm(champion, fingerprint)
    add_metadata(verdict, {"verdict": decision.verdict, "reasons": list(decision.reasons)})
    record_arguments(verdict, champion=champion, metric_bounds=metric_bounds, seed=seed)
    say(decision.verdict)
    use = choose_use(decision.verdict, publish=bool(publish), serve=bool(serve), serve_held=bool(serve_held))
    return decision.verdict != "reject", use


@contextmanager
def _champion_folder(address: str) -> Iterator[Path | None]:
    """Yield the champion's folder, fetched from the object store if it is there; None if there is no champion."""
    if not address.startswith("s3://"):
        yield Path(address) if address else None
        return
    from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - minio takes its time

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "champion"
        fetch(address, folder)
        yield folder
