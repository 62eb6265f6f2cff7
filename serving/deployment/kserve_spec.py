"""The InferenceService that is sent to KServe."""

import json
import re
from collections.abc import Mapping
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.serving.deployment.target import DeploymentTarget

MODE = "serving.kserve.io/deploymentMode"
STANDARD, KNATIVE = "Standard", "Knative"
FORMAT = "headrace"
LONGEST_NAME = 40
_CPU, _MEMORY = "250m", "384Mi"  # default requests
_MOST_CPU, _MOST_MEMORY = "1", "1Gi"  # default limits
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_URI = re.compile(r"s3://[^/]+/models/(?P<name>[^/]+)/(?P<digest>[0-9a-f]{64})/")
Document = dict[str, Any]


def parse_published_uri(uri: str) -> tuple[str, str]:
    """Return the name and digest of a published bundle.

    Raises:
        InputError: If the address is not one that ``publish`` returned. The slash at its end matters: KServe fetches by
            prefix, so ``…/v1`` would match ``…/v10/`` too.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise InputError(
            f"KServe fetches published bundles: the address must be s3://BUCKET/models/NAME/DIGEST/, as publish "
            f"returned it; got {quote(uri, 200)} instead."
        )
    return match["name"], match["digest"]


def checked_name(name: str) -> str:
    """Return the name if KServe accepts it.

    Raises:
        InputError: If KServe does not accept it.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"an endpoint's name must be at most {LONGEST_NAME} lower case letters, digits and dashes and begin with a "
            f"letter; got {quote(name)}: give it another with --name."
        )
    return name


def build(name: str, uri: str, *, target: DeploymentTarget, mode: str = "", predictor: str = "") -> Document:
    """Return the InferenceService.

    Labels and annotations hold nothing that changes from version to version: KServe copies them to the pods, so that a
    change would restart them.

    Args:
        name: Its name, which is also the model's name on the endpoint.
        uri: Address of the bundle, with a slash at its end.
        target: Resources, replicas, runtime and service account.
        mode: ``Standard`` or ``Knative``; empty to leave it to the cluster.
        predictor: Name of the predictor, which a promoted canary has; another name would restart the pods.

    Returns:
        A Kubernetes object, as plain values.
    """
    metadata: Document = {"name": name, "labels": {"app.kubernetes.io/part-of": "headrace"}}
    if mode:
        metadata["annotations"] = {MODE: mode}
    spec: Document = {
        **({"name": predictor} if predictor else {}),
        "minReplicas": target.min_replicas,
        "maxReplicas": target.max_replicas or target.min_replicas,
        **({"serviceAccountName": target.service_account} if target.service_account else {}),
        # Servers never call the Kubernetes API, so they need no token.
        "automountServiceAccountToken": False,
        "model": model(uri, target),
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": spec},
    }


def serving(current: Document, uri: str) -> Document:
    """Return a copy of an InferenceService that serves only another bundle."""
    changed: Any = json.loads(json.dumps(current))
    changed["spec"].pop("canary", None)
    changed["spec"]["predictor"].pop("canaryTrafficPercent", None)
    changed["spec"]["predictor"]["model"]["storageUri"] = uri
    return dict(changed)


def model(uri: str, target: DeploymentTarget) -> Document:
    """Return the model of a predictor.

    Resources are always set: otherwise KServe's defaults would replace the runtime's.
    """
    return {
        "modelFormat": {"name": FORMAT},
        "runtime": target.runtime,
        "storageUri": uri,
        "resources": {
            "requests": _quantities(target.cpu or _CPU, target.memory or _MEMORY),
            "limits": _quantities(target.cpu or _MOST_CPU, target.memory or _MOST_MEMORY),
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
    return {"cpu": cpu, "memory": memory}
