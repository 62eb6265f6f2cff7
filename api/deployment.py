"""Serve a model on KServe."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from headrace.api.model_reference import ModelReference, resolve_model
from headrace.api.serving import ModelEndpoint
from headrace.core.base.remedies import require_store
from headrace.serving.deployment.factory import create_deployer
from headrace.serving.deployment.target import DeploymentTarget

if TYPE_CHECKING:
    from headrace.cluster.api.client import Document
    from headrace.rollouts.remove_endpoint import RemovedEndpoint
    from headrace.serving.deployment.kserve import KServeDeployer


def deploy(
    model: ModelReference,
    *,
    name: str = "",
    namespace: str = "",
    context: str = "",
    mode: str = "",
    min_replicas: int = 1,
    max_replicas: int = 0,
    cpu: str = "",
    memory: str = "",
    service_account: str = "headrace-serving",
    runtime: str = "headrace",
    deadline: str = "10m",
    gateway: str = "",
    force_conflicts: bool = False,
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
        mode: KServe's deployment mode, ``Standard`` or ``Knative``; empty for the cluster's default.
        min_replicas: Minimum number of replicas.
        max_replicas: Maximum number of replicas; 0 for the minimum.
        cpu: CPU request and limit of a pod, such as ``500m``; empty for 250m and 1.
        memory: Memory request and limit of a pod, such as ``1Gi``; empty for 384Mi and 1Gi.
        service_account: Service account of the pods.
        runtime: Name of the ServingRuntime.
        deadline: Maximum time until the version is live, such as ``90s`` or ``10m``.
        gateway: Host and port of the gateway through which this machine reaches the endpoints, if it is outside the
            cluster; empty for ``HEADRACE_GATEWAY``.
        force_conflicts: Whether to take ownership of fields that other field managers set.
        progress: Called with a few words on what the deployment waits for, such as ``print``; None for silence.

    Raises:
        InputError: If an option is invalid, or no object store is set.
        ClusterError: If no cluster is reached, or the version does not become live; the sentence says why.
        StoreError: If the bundle cannot be published.
    """
    target = DeploymentTarget(
        platform="kserve",
        namespace=namespace,
        context=context,
        mode=mode,
        runtime=runtime,
        service_account=service_account,
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        cpu=cpu,
        memory=memory,
        deadline=deadline,
        gateway=gateway,
        force_conflicts=force_conflicts,
    )
    deployer = connect_kserve(target, progress=progress)
    address = publish_model(model)
    return ModelEndpoint(deployer.deploy(address, name=name), gateway=deployer.target.gateway, bundle=address)


def render_manifest(model: ModelReference, *, name: str = "", **options: Any) -> "Document":
    """Return the InferenceService that ``deploy`` would apply, as ``headrace deploy --manifest`` prints it.

    Args:
        model: See ``deploy``; a bundle of this machine is published.
        name: Name of the endpoint; empty for the model's.
        **options: The other keywords of ``deploy``.

    Raises:
        InputError: If an option is invalid, or no object store is set.
        ClusterError: If no cluster is reached.
        StoreError: If the bundle cannot be published.
    """
    deployer = connect_kserve(DeploymentTarget(platform="kserve", **options))
    return deployer.manifest(publish_model(model), name=name)


def undeploy(name: str, *, namespace: str = "", context: str = "") -> "RemovedEndpoint":
    """Delete an endpoint on KServe with everything created for it, as ``headrace deploy --delete`` does.

    Args:
        name: Name of the endpoint.
        namespace: Namespace; empty for the context's, or the pod's own.
        context: Context of the kubeconfig; empty for the current one.

    Returns:
        ``deleted``, the deleted objects, and ``commands``, one for each object that this account may not delete.

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
    deployer = create_deployer(target, log=Path(), say=progress or (lambda _: None))
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
