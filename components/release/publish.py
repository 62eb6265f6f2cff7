"""The component that publishes the bundle to the object store."""

from kfp.dsl import Input, Model, Output

from headrace.components.base import component


@component
def publish(bundle: Input[Model], published: Output[Model]) -> str:
    """Start the bundle in a clean environment, then upload it to the object store, under a key made of its digest.

    The store is that of ``HEADRACE_S3_*``. Before anything is written there, the bundle must pass its own test cases.

    Args:
        bundle: The bundle's folder.
        published: JSON with the bundle's URI and digest.

    Returns:
        The URI: ``s3://BUCKET/models/NAME/DIGEST/``.
    """
    from headrace.steps.release.publish import run_publish

    return run_publish(bundle=bundle, published=published)
