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
    from headrace.steps.release.verify_endpoint import run_verify_endpoint

    return run_verify_endpoint(url=url, bundle=bundle, verification=verification)
