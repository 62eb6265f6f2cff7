"""The component that verifies the endpoint by the bundle's own test cases."""

from kfp.dsl import Artifact, Input, Model, Output

from headrace.components.base import component


@component
def verify_endpoint(url: str, bundle: Input[Model], verification: Output[Artifact]) -> bool:
    """Send the endpoint every test case of the bundle over HTTP, and fail if a response differs.

    Args:
        url: URL of the endpoint, as ``deploy`` returned it.
        bundle: The bundle that the endpoint is to serve.
        verification: JSON with the cases, the failures, the first request and its response, and latencies.

    Returns:
        Whether all responses are as expected: always true, because the step fails otherwise.
    """
    from pathlib import Path

    from headrace.core.base.parameter_text import plain
    from headrace.core.runtime.step_events import step
    from headrace.registry.record import record_endpoint
    from headrace.serving.deployment.verify import verify_step

    with step("verify_endpoint") as say:
        result = verify_step(plain(url), folder=Path(bundle.path), record=Path(verification.path))
        verification.metadata.update({key: result[key] for key in ("url", "digest", "latency_ms")})
        verification.metadata["cases"] = float(result["cases"])
        note = record_endpoint(url=result["url"], folder=Path(bundle.path))
        say("; ".join(text for text in (f"{result['cases']} test cases", note) if text))
        return bool(result["verified"])
