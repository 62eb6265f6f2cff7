"""The deployment target, which commands, components, deployers and rollouts share."""

from dataclasses import dataclass
from typing import Literal, get_args

from headrace.core.base.errors import InputError, quote

DeploymentKind = Literal["local", "kserve"]
DeploymentMode = Literal["", "Standard", "Knative"]


@dataclass(frozen=True)
class DeploymentTarget:
    """Where and how a model is served; all fields but ``to`` apply on a cluster only.

    Attributes:
        platform: ``local``, by a process on this machine, or ``kserve``.
        namespace: Namespace; empty for the pod's or the context's own.
        context: Context of the kubeconfig; empty for the current one.
        mode: ``Standard`` or ``Knative`` for a new InferenceService; empty for the cluster's default. An existing one
            keeps its mode.
        runtime: Name of the ServingRuntime.
        service_account: Service account of the servers, whose Secrets hold the object store's keys; empty for the
            namespace's default.
        min_replicas: Minimum number of replicas.
        max_replicas: Maximum number of replicas; 0 for as many as the minimum.
        cpu: CPU request and limit of a pod, such as ``500m``; empty for 250m and 1.
        memory: Memory request and limit of a pod, such as ``1Gi``; empty for 384Mi and 1Gi.
        deadline: Maximum time until the version is live, such as ``10m``; empty for the default.
        gateway: Host and port of the gateway, for clients outside the cluster; empty for ``HEADRACE_GATEWAY``.
        force_conflicts: Whether to take ownership of fields that other field managers set.
    """

    platform: str = "local"
    namespace: str = ""
    context: str = ""
    mode: str = ""
    runtime: str = "headrace"
    service_account: str = "headrace-serving"
    min_replicas: int = 1
    max_replicas: int = 0
    cpu: str = ""
    memory: str = ""
    deadline: str = ""
    gateway: str = ""
    force_conflicts: bool = False

    def __post_init__(self) -> None:
        """Raise if the deployment target is invalid.

        Raises:
            InputError: If the kind or the mode is unknown, or the numbers of replicas are invalid.
        """
        if self.platform not in get_args(DeploymentKind):
            raise InputError(
                f"a model must be deployed to {' or '.join(get_args(DeploymentKind))}; got {quote(self.platform)} "
                "instead."
            )
        if self.mode not in get_args(DeploymentMode):
            raise InputError(f"the mode must be Standard, Knative or empty; got {self.mode!r} instead.")
        if self.min_replicas < 1:
            raise InputError(f"min_replicas must be at least 1; got {self.min_replicas} instead.")
        if self.max_replicas and self.max_replicas < self.min_replicas:
            raise InputError(
                f"max_replicas must be at least min_replicas, {self.min_replicas}; got {self.max_replicas} instead."
            )
