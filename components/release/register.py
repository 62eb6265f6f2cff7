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
    from pathlib import Path

    from headrace.core.base.parameter_text import plain
    from headrace.core.runtime.step_events import step
    from headrace.registry.record import register_step

    with step("register") as say:
        facts = register_step(
            Path(bundle.path), uri=plain(uri), job=job, optional=bool(optional), record=Path(registered.path)
        )
        registered.metadata.update(facts)
        done = facts["version"] or ("run tracked" if facts["run"] else "")
        say("; ".join(text for text in (done, facts["note"]) if text))
        return facts["version"]
