"""The step that verifies the endpoint by the bundle's own test cases."""

from pathlib import Path

from headrace.registry.record import record_endpoint
from headrace.serving.deployment.verify import verify_step
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step


@as_step
def run_verify_endpoint(say: Say, *, url: str, bundle: StepArtifact, verification: StepArtifact) -> bool:
    """Send the endpoint every test case of the bundle; the component documents the parameters."""
    result = verify_step(url, folder=Path(bundle.path), record=Path(verification.path))
    add_metadata(verification, {key: result[key] for key in ("url", "digest", "latency_ms")})
    add_metadata(verification, {"cases": float(result["cases"])})
    note = record_endpoint(url=result["url"], folder=Path(bundle.path))
    say("; ".join(text for text in (f"{result['cases']} test cases", note) if text))
    return bool(result["verified"])
