"""The component that puts the bundle into the object store."""

from kfp import dsl
from kfp.dsl import Input, Model, Output

from headrace.components.base import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def publish(bundle: Input[Model], published: Output[Model]) -> str:
    """Put the bundle into the object store of ``HEADRACE_S3_*``, under a key made of its digest.

    Args:
        bundle: The bundle's folder.
        published: JSON with the bundle's URI and digest.

    Returns:
        The URI: ``s3://BUCKET/models/NAME/DIGEST/``.
    """
    from pathlib import Path

    from headrace.core.steps import step
    from headrace.stores.bundles import publish_step

    with step("publish"):
        facts = publish_step(Path(bundle.path), record=Path(published.path))
        published.metadata.update(facts)
        return facts["uri"]
