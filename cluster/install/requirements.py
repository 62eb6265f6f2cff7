"""What a pipeline, or an installation, wants to find in a cluster."""

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
# What the account of a step needs, by what the step is for; kustomize/base/roles.yaml grants it.
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
    """An object that is named.

    Attributes:
        kind: Its kind.
        name: Its name.
        keys: Keys that it must have.
        optional: Whether things go on without it.
        by: Who names it.
    """

    kind: ObjectKind
    name: str
    keys: tuple[str, ...] = ()
    optional: bool = False
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class PodRequirements:
    """What a pod asks of a node.

    Attributes:
        by: Whose pod it is.
        image: Its image.
        requests: Quantities by resource, such as ``cpu`` and ``nvidia.com/gpu``.
        labels: Labels that the node must have.
        tolerations: Taints that it bears, as Kubernetes writes them.
        pull: Pull policy; empty for Kubernetes' own.
    """

    by: str
    image: str
    requests: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str], ...] = ()
    pull: str = ""


@dataclass(frozen=True)
class ClusterRequirements:
    """All that is wanted.

    Attributes:
        purposes: What is to be done there; empty when nobody said.
        account: Service account that the steps run under.
        references: Objects that are named.
        storage_classes: Names of storage classes, empty for the default one, each with who names it.
        pods: What is to run.
    """

    purposes: frozenset[Purpose] = frozenset()
    account: str = ACCOUNT
    references: tuple[ObjectReference, ...] = ()
    storage_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pods: tuple[PodRequirements, ...] = ()
