"""The component that deploys the published bundle to an endpoint."""

from kfp.dsl import Artifact, Output

from headrace.components.base import component


@component
def deploy(
    uri: str,
    endpoint: Output[Artifact],
    name: str = "",
    to: str = "local",
    namespace: str = "",
    mode: str = "",
    service_account: str = "headrace-serving",
    replicas: int = 1,
    most_replicas: int = 0,
    cpu: str = "",
    memory: str = "",
    deadline: str = "",
) -> str:
    """Serve a published bundle, and wait until it is live; if it does not come up, restore the previous version.

    Args:
        uri: Store URI of the bundle, as ``publish`` returned it.
        endpoint: JSON with the endpoint's URL, name, digest and place, and the digest that was live before.
        name: Name of the model on the endpoint; empty for its own.
        to: Where to serve: "local" for the machine that the step runs on, "kserve" for an InferenceService.
        namespace: Namespace of the InferenceService; empty for the step's own.
        mode: "Standard" or "Knative"; empty to ask the cluster.
        service_account: Service account of the servers, whose Secret holds the object store's keys.
        replicas: Minimum number of pods.
        most_replicas: Maximum number of pods; 0 for the minimum.
        cpu: Processors of a pod, as Kubernetes writes them; empty for the default.
        memory: Memory of a pod likewise.
        deadline: Longest time, such as "10m", which is the default.

    Returns:
        The URL for predictions: ``http://HOST:PORT/v1/models/NAME:predict``.
    """
    from pathlib import Path

    from headrace.core.base.parameter_text import plain
    from headrace.core.runtime.step_events import step
    from headrace.serving.deployment.factory import deploy_step
    from headrace.serving.deployment.target import DeploymentTarget

    with step("deploy") as say:
        target = DeploymentTarget(
            to=to,
            namespace=namespace,
            mode=mode,
            service_account=service_account,
            replicas=int(replicas),
            most_replicas=int(most_replicas),
            cpu=cpu,
            memory=memory,
            deadline=deadline,
        )
        facts = deploy_step(plain(uri), name=plain(name), target=target, record=Path(endpoint.path), say=say)
        endpoint.metadata.update(facts)
        say(facts["url"])
        return facts["url"]
