"""The component that stores logged requests and responses of a model."""

from kfp.dsl import Artifact, Input, Model, Output

from headrace.components.base import component


@component
def collect(
    bundle: Input[Model],
    counts: Output[Artifact],
    sources: list,
    store: str,
    services: list = [],  # noqa: B006 - KFP's default
) -> int:
    """Store the rows that a model has scored, from logged requests and responses, as ``headrace collect`` does.

    Args:
        bundle: The model, whose contract says what is kept.
        counts: What was stored, repeated, removed and refused, by reason.
        sources: Log files, folders and ``s3://BUCKET/PREFIX`` in the layout of KServe's logger.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        services: Names of the InferenceServices that serve the model; empty for the model's own name.

    Returns:
        How many rows were stored.
    """
    from headrace.steps.monitoring.collect import run_collect

    return run_collect(bundle=bundle, counts=counts, sources=sources, store=store, services=services)
