"""The component that computes the monitors of a window."""

from kfp.dsl import Artifact, Output

from headrace.components.base import component


@component
def monitor(model: str, store: str, report: Output[Artifact], policy: str = "", now: str = "") -> None:
    """Compute the monitors of a model over the latest window that has ended; the store keeps the report.

    Args:
        model: Folder or store URI of the bundle in service, or NAME@VERSION of the registry.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``; it has the rows that the model scored.
        report: What each monitor says (JSON).
        policy: Path or address of the monitoring policy; empty for the default one.
        now: The time; empty for the present.
    """
    from headrace.steps.monitoring.monitor import run_monitor

    run_monitor(model=model, store=store, report=report, policy=policy, now=now)
