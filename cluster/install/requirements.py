"""Requirements of a pipeline or an installation on a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from headrace.cluster.api.access_review import AccessRight
from headrace.cluster.api.kinds import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    EXPERIMENTS,
    INFERENCE_GRAPHS,
    INFERENCE_SERVICES,
    LEASES,
    PODS,
    SUGGESTIONS,
    TASK_RESULTS,
    TRIALS,
    ObjectKind,
)

Purpose = Literal["run", "deploy", "rollout", "tune"]
ACCOUNT = "headrace-pipeline"

_CLAIMS = tuple(AccessRight(verb, LEASES) for verb in ("get", "create", "patch", "delete"))
# Rights of a step's account, by the purpose of the step; kustomize/base/roles.yaml grants them.
RIGHTS: dict[Purpose, tuple[AccessRight, ...]] = {
    "run": (AccessRight("create", TASK_RESULTS), AccessRight("patch", TASK_RESULTS), AccessRight("get", PODS)),
    "deploy": (
        *(AccessRight(verb, INFERENCE_SERVICES) for verb in ("get", "watch", "create", "patch", "delete")),
        AccessRight("get", DEPLOYMENTS),
        AccessRight("list", PODS),
        AccessRight("get", PODS, subresource="log"),
        AccessRight("list", EVENTS),
        *_CLAIMS,
    ),
    "rollout": (
        *(AccessRight(verb, INFERENCE_GRAPHS) for verb in ("get", "watch", "create", "patch", "delete")),
        *(AccessRight(verb, CONFIG_MAPS) for verb in ("get", "create", "patch")),
    ),
    "tune": (
        *(AccessRight(verb, EXPERIMENTS) for verb in ("get", "create", "delete")),
        AccessRight("list", TRIALS),
        AccessRight("get", SUGGESTIONS),
        *_CLAIMS,
    ),
}


@dataclass(frozen=True)
class ObjectReference:
    """A reference to an object.

    Attributes:
        kind: Its kind.
        name: Its name.
        keys: Keys that it must have.
        optional: Whether it may be missing.
        by: Names of the steps or parts that refer to it.
    """

    kind: ObjectKind
    name: str
    keys: tuple[str, ...] = ()
    optional: bool = False
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class PodRequirements:
    """Requirements of a pod on a node.

    Attributes:
        by: Name of the step or part whose pod it is.
        image: Its image.
        requests: Quantities by resource, such as ``cpu`` and ``nvidia.com/gpu``.
        labels: Labels that the node must have.
        tolerations: Taints that it tolerates, as Kubernetes writes them.
        pull: Pull policy; empty for Kubernetes' default.
    """

    by: str
    image: str
    requests: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str], ...] = ()
    pull: str = ""


@dataclass(frozen=True)
class ClusterRequirements:
    """All requirements on a cluster.

    Attributes:
        purposes: Purposes of the cluster; empty if unknown.
        account: Service account of the steps.
        references: Referenced objects.
        storage_classes: Storage classes, empty for the default one, each with the names of what refers to it.
        pods: Pods to run.
    """

    purposes: frozenset[Purpose] = frozenset()
    account: str = ACCOUNT
    references: tuple[ObjectReference, ...] = ()
    storage_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pods: tuple[PodRequirements, ...] = ()
