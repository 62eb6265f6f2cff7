"""The component that registers the model, and records it in the catalogue."""

from kfp.dsl import Artifact, Input, Model, Output

from headrace.components.base import component


@component
def register(
    bundle: Input[Model],
    registered: Output[Artifact],
    uri: str = "",
    job: str = "",
    optional: bool = False,
) -> str:
    """Register a published bundle in HEADRACE_REGISTRY, track its run there, and record both in the catalogue.

    Args:
        bundle: The bundle's folder.
        registered: JSON with model, version, number, run and registry.
        uri: Store URI of the bundle; empty for a model that was not published: then only its run is tracked.
        job: Identity of the pipeline's run; empty for a random one.
        optional: Whether to continue where no registry is set, instead of failing.

    Returns:
        The version with the digest, such as 1.2.0+3f2a9c01d4e5; empty if none was made.
    """
    from headrace.steps.release.register import run_register

    return run_register(bundle=bundle, registered=registered, uri=uri, job=job, optional=optional)
