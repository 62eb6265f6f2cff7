"""The component that decides about a model after a window."""

from typing import NamedTuple

from kfp.dsl import Artifact, Output

from headrace.components.base import component


class DecideOutputs(NamedTuple):
    """The decision, for the conditions of a pipeline.

    Attributes:
        Output: The outcome.
        act: The outcome if it is about this version and need not wait for a person, else an empty text.
    """

    Output: str
    act: str


@component
def decide(
    model: str,
    store: str,
    decision: Output[Artifact],
    policy: str = "",
    trained: str = "",
    new_labels: int = -1,
    now: str = "",
) -> DecideOutputs:
    """Decide about a model after the latest window that has ended, once; record it in the store and the registry.

    Args:
        model: Folder or store URI of the bundle in service, or NAME@VERSION of the registry.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``; it has the reports of the monitors.
        decision: The decision (JSON): outcome, reasons, and the figures that it rests on.
        policy: Path or address of the monitoring policy; empty for the default one.
        trained: When the version was trained: a moment or a date; empty for what the registry says.
        new_labels: Labelled rows since then; -1 for what the reports say.
        now: Time of the decision; empty for the present.

    Returns:
        ``nothing``, ``warn``, ``retrain``, ``roll_back`` or ``stop``; and the same if it is to be carried out now.
    """
    from headrace.steps.monitoring.decide import run_decide

    return DecideOutputs(
        *run_decide(
            model=model,
            store=store,
            decision=decision,
            policy=policy,
            trained=trained,
            new_labels=new_labels,
            now=now,
        )
    )
