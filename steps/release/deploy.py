"""The step that deploys the published bundle to an endpoint."""

from pathlib import Path

from headrace.serving.deployment.factory import deploy_step
from headrace.serving.deployment.target import DeploymentTarget
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step


@as_step
def run_deploy(
    say: Say,
    *,
    uri: str,
    endpoint: StepArtifact,
    name: str,
    platform: str,
    namespace: str,
    mode: str,
    service_account: str,
    min_replicas: int,
    max_replicas: int,
    cpu: str,
    memory: str,
    deadline: str,
) -> str:
    """Serve a published bundle and return its URL; the component documents the parameters."""
    deployment = DeploymentTarget(
        platform=platform,
        namespace=namespace,
        mode=mode,
        service_account=service_account,
        min_replicas=int(min_replicas),
        max_replicas=int(max_replicas),
        cpu=cpu,
        memory=memory,
        deadline=deadline,
    )
    facts = deploy_step(uri, name=name, target=deployment, record=Path(endpoint.path), say=say)
    add_metadata(endpoint, facts)
    say(facts["url"])
    return facts["url"]
