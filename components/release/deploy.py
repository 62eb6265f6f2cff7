"""The component that deploys the published bundle to an endpoint."""

from kfp.dsl import Artifact, Output

from headrace.components.base import component


@component
def deploy(
    uri: str,
    endpoint: Output[Artifact],
    name: str = "",
    platform: str = "local",
    namespace: str = "",
    mode: str = "",
    service_account: str = "headrace-serving",
    min_replicas: int = 1,
    max_replicas: int = 0,
    cpu: str = "",
    memory: str = "",
    deadline: str = "",
) -> str:
    """Serve a published bundle, and wait until it is live; if it does not come up, restore the previous version.

    Args:
        uri: Store URI of the bundle, as ``publish`` returned it.
        endpoint: JSON with the endpoint's URL, name, digest and place, and the digest that was live before.
        name: Name of the model on the endpoint; empty for its own.
        platform: Where to serve: "local" for the machine that the step runs on, "kserve" for an InferenceService.
        namespace: Namespace of the InferenceService; empty for the step's own.
        mode: "Standard" or "Knative"; empty to ask the cluster.
        service_account: Service account of the servers, whose Secret holds the object store's keys.
        min_replicas: Minimum number of replicas.
        max_replicas: Maximum number of replicas; 0 for the minimum.
        cpu: CPU request and limit of a pod, such as "500m"; empty for 250m and 1.
        memory: Memory request and limit of a pod, such as "1Gi"; empty for 384Mi and 1Gi.
        deadline: Maximum time until the version is live; empty for "10m".

    Returns:
        The URL for predictions: ``http://HOST:PORT/v1/models/NAME:predict``.
    """
    from headrace.steps.release.deploy import run_deploy

    return run_deploy(
        uri=uri,
        endpoint=endpoint,
        name=name,
        platform=platform,
        namespace=namespace,
        mode=mode,
        service_account=service_account,
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        cpu=cpu,
        memory=memory,
        deadline=deadline,
    )
