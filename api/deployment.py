"""Serve a model on KServe."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from headrace.api.model_reference import ModelReference, resolve_model
from headrace.api.serving import ModelEndpoint
from headrace.core.base.remedies import require_store
from headrace.serving.deployment.factory import choose
from headrace.serving.deployment.target import DeploymentTarget

if TYPE_CHECKING:
    from headrace.rollouts.remove_endpoint import RemovedEndpoint
    from headrace.serving.deployment.kserve import KServeDeployer


def deploy(
    model: ModelReference,
    *,
    name: str = "",
    namespace: str = "",
    context: str = "",
    mode: str = "",
    replicas: int = 1,
    most_replicas: int = 0,
    cpu: str = "",
    memory: str = "",
    service_account: str = "headrace-serving",
    runtime: str = "headrace",
    deadline: str = "10m",
    via: str = "",
    take_over: bool = False,
    progress: Callable[[str], None] | None = None,
) -> ModelEndpoint:
    """Serve a model on KServe, and return when it is live, as ``headrace deploy`` does.

    If it does not become live, the previous version is restored. It needs a cluster (``KUBECONFIG``, or a pod's
    account) and its object store (``HEADRACE_S3_ENDPOINT`` and keys)::

        endpoint = hr.deploy(run, name="churn", namespace="models")
        endpoint.predict([{"age": 72, "spend": 20.5, "plan": "basic", "joined": "2024-05-01 10:15:00"}])

    Args:
        model: A store URI or ``NAME@VERSION``; or a ``Run``, a ``Bundle`` or a folder of one, which is published first.
        name: Name of the endpoint; empty for the model's.
        namespace: Namespace; empty for the context's, or the pod's own.
        context: Context of the kubeconfig; empty for the current one.
        mode: ``Standard`` or ``Knative``; empty for the cluster's default.
        replicas: Minimum number of pods.
        most_replicas: Maximum number of pods; 0 for the minimum.
        cpu: Processors of a pod, such as ``500m``; empty for 250m to 1.
        memory: Memory of a pod, such as ``1Gi``; empty for 384Mi to 1Gi.
        service_account: Service account of the pods.
        runtime: ServingRuntime.
        deadline: Longest time, such as ``90s`` or ``10m``.
        via: Host and port of the gateway, from outside of the cluster; empty for that of ``HEADRACE_GATEWAY``.
        take_over: Whether fields that others set are taken over.
        progress: Called with a few words on what the deployment waits for, such as ``print``; None for silence.

    Raises:
        InputError: If an option is invalid, or no object store is set.
        ClusterError: If no cluster is reached, or the version does not become live; the sentence says why.
        StoreError: If the bundle cannot be published.
    """
    target = DeploymentTarget(
        to="kserve",
        namespace=namespace,
        context=context,
        mode=mode,
        runtime=runtime,
        service_account=service_account,
        replicas=replicas,
        most_replicas=most_replicas,
        cpu=cpu,
        memory=memory,
        deadline=deadline,
        via=via,
        take_over=take_over,
    )
    deployer = connect_kserve(target, progress=progress)
    return ModelEndpoint(deployer.deploy(publish_model(model), name=name), gateway=deployer.target.via)


def undeploy(name: str, *, namespace: str = "", context: str = "") -> "RemovedEndpoint":
    """Delete an endpoint on KServe with everything created for it, as ``headrace deploy --remove`` does.

    Args:
        name: Name of the endpoint.
        namespace: Namespace; empty for the context's, or the pod's own.
        context: Context of the kubeconfig; empty for the current one.

    Returns:
        ``gone``, what was deleted, and ``left``, a command for each thing that this account may not delete.

    Raises:
        InputError: If a rollout of it is under way.
        ClusterError: If no cluster is reached, or the endpoint cannot be deleted.
    """
    from headrace.rollouts.remove_endpoint import remove  # noqa: PLC0415 - deploying needs no rollouts

    return remove(connect_kserve(DeploymentTarget("kserve", namespace, context)), name)


def connect_kserve(target: DeploymentTarget, *, progress: Callable[[str], None] | None = None) -> "KServeDeployer":
    """Return the deployer of a target on KServe.

    Args:
        target: Where and how models are served.
        progress: Called with a few words on what the deployer waits for; None for silence.

    Raises:
        InputError: If no object store is set.
        ClusterError: If no cluster is reached.
    """
    deployer = choose(target, log=Path(), say=progress or (lambda _: None))
    return cast("KServeDeployer", deployer)


def publish_model(model: ModelReference) -> str:
    """Return the address of a model in the store, after publishing a bundle of this machine.

    Args:
        model: See ``deploy``.

    Raises:
        InputError: If it is not a model, or no store is set.
        StoreError: If the store refuses it.
    """
    location = resolve_model(model)
    if "://" in location:
        return location
    from headrace.stores.bundles.bundle_store import publish  # noqa: PLC0415 - an address needs no store here
    from headrace.stores.objects.object_store import connect  # noqa: PLC0415

    store = require_store(f"{location} must be published before a cluster can serve it")
    return publish(Path(location), connect(store))
