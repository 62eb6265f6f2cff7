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
        to: ``local``, by a process on this machine, or ``kserve``.
        namespace: Namespace; empty for the pod's or the context's own.
        context: Context of the kubeconfig; empty for the current one.
        mode: ``Standard`` or ``Knative`` for a new InferenceService; empty for the cluster's default. An existing one
            keeps its mode.
        runtime: Name of the ServingRuntime.
        service_account: Service account of the servers, whose Secrets hold the object store's keys; empty for the
            namespace's default.
        replicas: Minimum number of pods.
        most_replicas: Maximum number of pods; 0 for as many as the minimum.
        cpu: Processors that a pod requests and may use, as Kubernetes writes them; empty to request 250m and allow 1.
        memory: Memory likewise; empty to request 384Mi and allow 1Gi.
        deadline: Longest time until a version answers, such as ``10m``; empty for the default.
        via: Host and port of the gateway, for clients outside the cluster; empty for ``HEADRACE_GATEWAY``.
        take_over: Whether to take over fields that somebody else set.
    """

    to: str = "local"
    namespace: str = ""
    context: str = ""
    mode: str = ""
    runtime: str = "headrace"
    service_account: str = "headrace-serving"
    replicas: int = 1
    most_replicas: int = 0
    cpu: str = ""
    memory: str = ""
    deadline: str = ""
    via: str = ""
    take_over: bool = False

    def __post_init__(self) -> None:
        """Raise if the deployment target is invalid.

        Raises:
            InputError: If the kind or the mode is unknown, or the numbers of replicas are invalid.
        """
        if self.to not in get_args(DeploymentKind):
            raise InputError(
                f"a model must be deployed to {' or '.join(get_args(DeploymentKind))}; got {quote(self.to)} instead."
            )
        if self.mode not in get_args(DeploymentMode):
            raise InputError(f"the mode must be Standard, Knative or empty; got {self.mode!r} instead.")
        if self.replicas < 1:
            raise InputError(f"a model must have at least 1 replica; got {self.replicas}.")
        if self.most_replicas and self.most_replicas < self.replicas:
            raise InputError(
                f"the maximum of replicas must be at least their minimum, {self.replicas}; got {self.most_replicas}."
            )
