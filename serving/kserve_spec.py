"""The InferenceService that is sent to KServe."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.errors import InputError, shown

MODE = "serving.kserve.io/deploymentMode"
STANDARD, KNATIVE = "Standard", "Knative"
FORMAT = "headrace"
LONGEST_NAME = 40
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_URI = re.compile(r"s3://[^/]+/models/(?P<name>[^/]+)/(?P<digest>[0-9a-f]{64})/")
Document = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """What the pods of a model are made of; what is empty is left to the ServingRuntime or the cluster.

    Attributes:
        runtime: Name of the ServingRuntime.
        service_account: Service account, whose Secrets hold the object store's keys.
        cpu: Processors that are requested, as Kubernetes writes them.
        memory: Memory that is requested.
        most_cpu: Processors that are allowed.
        most_memory: Memory that is allowed.
        replicas: Fewest pods.
        most_replicas: Most pods; 0 for as many as the fewest.
    """

    runtime: str = "headrace"
    service_account: str = "headrace-serving"
    cpu: str = "250m"
    memory: str = "384Mi"
    most_cpu: str = "1"
    most_memory: str = "1Gi"
    replicas: int = 1
    most_replicas: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that cannot be.

        Raises:
            InputError: If there are any.
        """
        if self.replicas < 1:
            raise InputError(f"a model must have at least 1 replica; got {self.replicas}.")
        if self.most_replicas and self.most_replicas < self.replicas:
            raise InputError(
                f"the most replicas must be at least the fewest, {self.replicas}; got {self.most_replicas} instead."
            )


def published(uri: str) -> tuple[str, str]:
    """Name and digest of a published bundle.

    Raises:
        InputError: If the address is not what ``publish`` returned; KServe would take ``…/v1`` without a slash at its
            end for ``…/v10/`` too.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise InputError(
            f"KServe fetches published bundles: the address must be s3://BUCKET/models/NAME/DIGEST/, as publish "
            f"returned it; got {shown(uri, 200)} instead."
        )
    return match["name"], match["digest"]


def checked_name(name: str) -> str:
    """The name, if KServe takes it.

    Raises:
        InputError: If it does not.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"an endpoint's name must be at most {LONGEST_NAME} lower case letters, digits and dashes and begin with a "
            f"letter; got {shown(name)}: give it another with --name."
        )
    return name


def build(name: str, uri: str, *, server: Server, mode: str = "", predictor: str = "") -> Document:
    """The InferenceService.

    Neither labels nor annotations say anything that changes from version to version: KServe hands them on to the pods,
    which would be started anew.

    Args:
        name: Its name, which is the model's name on the endpoint too.
        uri: Address of the bundle, with a slash at its end.
        server: What its pods are made of.
        mode: ``Standard`` or ``Knative``; empty to leave it to the cluster.
        predictor: Name of the predictor; a canary that was promoted gave it one, and another would restart the pods.

    Returns:
        A Kubernetes object, as plain values.
    """
    metadata: Document = {"name": name, "labels": {"app.kubernetes.io/part-of": "headrace"}}
    if mode:
        metadata["annotations"] = {MODE: mode}
    spec: Document = {
        **({"name": predictor} if predictor else {}),
        "minReplicas": server.replicas,
        "maxReplicas": server.most_replicas or server.replicas,
        **({"serviceAccountName": server.service_account} if server.service_account else {}),
        # Servers call nobody by the API, and are no step of a mesh that would want a token.
        "automountServiceAccountToken": False,
        "model": model(uri, server),
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": spec},
    }


def model(uri: str, server: Server) -> Document:
    """The model of a predictor.

    Resources are always said: KServe would put its own defaults in the place of the runtime's.
    """
    return {
        "modelFormat": {"name": FORMAT},
        "runtime": server.runtime,
        "storageUri": uri,
        "resources": {
            "requests": _quantities(server.cpu, server.memory),
            "limits": _quantities(server.most_cpu, server.most_memory),
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _quantities(cpu: str, memory: str) -> Mapping[str, str]:
    return {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value}
