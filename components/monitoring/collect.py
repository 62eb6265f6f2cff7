"""The component that stores logged requests and responses of a model."""

from kfp.dsl import Artifact, Output

from headrace.components.base import component


@component
def collect(
    model: str,
    store: str,
    counts: Output[Artifact],
    sources: list = [],  # noqa: B006 - KFP's default
    services: list = [],  # noqa: B006
) -> int:
    """Store the rows that a model has scored, from logged requests and responses, as ``headrace collect`` does.

    Args:
        model: Folder or store URI of the bundle in service, or NAME@VERSION; its contract says what is kept.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        counts: What was stored, repeated, removed and refused, by reason.
        sources: Log files, folders and ``s3://BUCKET/PREFIX`` in the layout of KServe's logger; empty for none.
        services: Names of the InferenceServices that serve the model; empty for the model's own name.

    Returns:
        How many rows were stored.
    """
    from headrace.steps.monitoring.collect import run_collect

    return run_collect(model=model, store=store, counts=counts, sources=sources, services=services)
