"""Where and how a model is deployed: what commands, components, deployers and rollouts hand on to one another."""

from dataclasses import dataclass
from typing import Literal, get_args

from headrace.core.base.errors import InputError, quote

DeploymentKind = Literal["local", "kserve"]
DeploymentMode = Literal["", "Standard", "Knative"]


@dataclass(frozen=True)
class DeploymentTarget:
    """Where and how a model is served; all but ``to`` applies on a cluster only.

    Attributes:
        to: ``local``, by a process of this machine, or ``kserve``.
        namespace: Namespace; empty for the pod's or the context's own.
        context: Context of the kubeconfig; empty for the current one.
        mode: ``Standard`` or ``Knative`` for a new InferenceService; empty to ask the cluster. One that exists keeps
            its own.
        runtime: Name of the ServingRuntime.
        service_account: Service account of the servers, whose Secrets hold the object store's keys; empty for the
            namespace's default.
        replicas: Fewest pods.
        most_replicas: Most pods; 0 for as many as the fewest.
        cpu: Processors that a pod requests and may use, as Kubernetes writes them; empty to request 250m and allow 1.
        memory: Memory likewise; empty to request 384Mi and allow 1Gi.
        deadline: Longest time until a version answers, such as ``10m``; empty for the usual.
        via: Host and port of the gateway, for those outside of the cluster; empty for that of ``HEADRACE_GATEWAY``.
        take_over: Whether fields that somebody else set are taken over.
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
        """Raise if no model could be deployed there.

        Raises:
            InputError: If the kind or the mode is unknown, or the counts of pods cannot be.
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
                f"the most replicas must be at least the fewest, {self.replicas}; got {self.most_replicas} instead."
            )
