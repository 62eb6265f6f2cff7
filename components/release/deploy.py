"""The component that deploys the published bundle to an endpoint."""

from kfp.dsl import Artifact, Output

from headrace.components.base import component


@component
def deploy(
    uri: str,
    endpoint: Output[Artifact],
    name: str = "",
    target: str = "local",
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
        target: Where to serve: "local" for the machine that the step runs on, "kserve" for an InferenceService.
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
    from headrace.steps.release.deploy import run_deploy

    return run_deploy(
        uri=uri,
        endpoint=endpoint,
        name=name,
        target=target,
        namespace=namespace,
        mode=mode,
        service_account=service_account,
        replicas=replicas,
        most_replicas=most_replicas,
        cpu=cpu,
        memory=memory,
        deadline=deadline,
    )
