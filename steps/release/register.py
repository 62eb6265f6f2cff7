"""The step that registers the model, and records it in the catalogue."""

from pathlib import Path

from headrace.registry.record import register_step
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step


@as_step
def run_register(
    say: Say, *, bundle: StepArtifact, registered: StepArtifact, uri: str, job: str, optional: bool
) -> str:
    """Register a bundle and return its version; the component documents the parameters."""
    facts = register_step(Path(bundle.path), uri=uri, job=job, optional=bool(optional), record=Path(registered.path))
    add_metadata(registered, facts)
    done = facts["version"] or ("run tracked" if facts["run"] else "")
    say("; ".join(text for text in (done, facts["note"]) if text))
    return facts["version"]
