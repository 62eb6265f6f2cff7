"""The step that publishes the bundle to the object store."""

from pathlib import Path

from headrace.serving.deployment.smoke_test import run_smoke_test
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step
from headrace.stores.bundles.bundle_store import publish_step


@as_step
def run_publish(say: Say, *, bundle: StepArtifact, published: StepArtifact) -> str:
    """Test and upload the bundle, and return its URI; the component documents the parameters."""
    facts = publish_step(Path(bundle.path), record=Path(published.path), rehearse=run_smoke_test, say=say)
    add_metadata(published, facts)
    return facts["uri"]
