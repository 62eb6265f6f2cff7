"""The component that asks the endpoint the bundle's own test cases."""

from kfp.dsl import Artifact, Input, Model, Output

from headrace.components.base import component


@component
def verify_endpoint(url: str, bundle: Input[Model], verification: Output[Artifact]) -> bool:
    """Ask the endpoint every test case of the bundle over HTTP, and fail if an answer differs.

    Args:
        url: What ``deploy`` returned.
        bundle: The bundle that the endpoint is to serve.
        verification: JSON with the cases, the failures, the first request and its answer, and latencies.

    Returns:
        Whether the endpoint answers as the bundle says: always true, because the step fails otherwise.
    """
    from pathlib import Path

    from headrace.core.base.parameter_text import plain
    from headrace.core.runtime.step_events import step
    from headrace.registry.record import record_endpoint
    from headrace.serving.deployment.verify import verify_step

    with step("verify_endpoint") as say:
        found = verify_step(plain(url), folder=Path(bundle.path), record=Path(verification.path))
        verification.metadata.update({key: found[key] for key in ("url", "digest", "latency_ms")})
        verification.metadata["cases"] = float(found["cases"])
        note = record_endpoint(url=found["url"], folder=Path(bundle.path))
        say("; ".join(text for text in (f"{found['cases']} test cases", note) if text))
        return bool(found["verified"])
