"""Read the status of a version from KServe's and Kubernetes' objects.

``Ready`` stays true while a new version fails behind an old one, ``modelStatus`` keeps its former value, and
``status.observedGeneration`` is the Deployment's: none of them shows that a version answers. The Deployment's counters
and the pods show whether it runs; only the digest that the server reports shows that it answers.
"""

from collections.abc import Mapping
from typing import Any

from headrace.serving.deployment.kserve_spec import KNATIVE, MODE, STANDARD

SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
_MODES = {"Standard": STANDARD, "RawDeployment": STANDARD, "Knative": KNATIVE, "Serverless": KNATIVE}
_FAILED = {"BlockedByFailedLoad", "InvalidSpec"}
Document = Mapping[str, Any]


def mode(service: Document) -> str:
    """Return how KServe runs an InferenceService: ``Standard`` or ``Knative``; empty until KServe reports it."""
    reported = status(service).get("deploymentMode") or (service["metadata"].get("annotations") or {}).get(MODE, "")
    return _MODES.get(str(reported), str(reported))


def status(document: Document) -> Document:
    """Return the status of an object; empty if it has none yet."""
    reported: Document = document.get("status") or {}
    return reported


def source(service: Document) -> str:
    """Return the address of the bundle in an InferenceService's specification; empty if it names none."""
    return str(((service["spec"].get("predictor") or {}).get("model") or {}).get("storageUri") or "")


def predictor(service: Document) -> str:
    """Return the name of an InferenceService's predictor; empty for the unnamed one that most have."""
    return str((service["spec"].get("predictor") or {}).get("name") or "")


def workload(name: str, predictor: str = "") -> str:
    """Return the name of the Deployment and the Service that KServe creates in Standard mode."""
    return f"{name}-{predictor}-predictor" if predictor else f"{name}-predictor"


def split(service: Document) -> bool:
    """Return whether an InferenceService is divided between two versions."""
    percent = (service["spec"].get("predictor") or {}).get("canaryTrafficPercent")
    return bool(service["spec"].get("canary")) or (percent is not None and percent < 100)


def base(service: Document, *, outside: bool) -> str:
    """Return the base URL of an InferenceService; empty while it has none. It changes when a canary is promoted.

    Args:
        service: The InferenceService.
        outside: Whether to return the URL for clients outside the cluster.
    """
    reported = status(service)
    inner, outer = str((reported.get("address") or {}).get("url") or ""), str(reported.get("url") or "")
    return ((outer or inner) if outside else (inner or outer)).rstrip("/")


def model_failure(service: Document, *, known: Document) -> str:
    """Return why KServe cannot load the model, as a clause; empty if it reports no failure.

    Args:
        service: The InferenceService.
        known: The model status before the change; a status that equals it is out of date.
    """
    reported = status(service).get("modelStatus") or {}
    if reported.get("transitionStatus") not in _FAILED or reported == known:
        return ""
    last = reported.get("lastFailureInfo") or {}
    message = " ".join(str(last.get("message") or "").split())
    return f"KServe reports {reported['transitionStatus']}, {last.get('reason') or 'without a reason'}" + (
        f": {message[-400:]}" if message else ""
    )


def runs(deployment: Document | None, uri: str) -> bool:
    """Return whether all pods of a Deployment are available and of this version.

    Args:
        deployment: The Deployment; None if there is none yet.
        uri: Address of the version's bundle.
    """
    if not current(deployment, uri) or deployment is None:
        return False
    reported, replicas = status(deployment), int(deployment["spec"].get("replicas", 1))
    counts = [int(reported.get(name) or 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    return replicas > 0 and counts == [replicas] * 3


def current(deployment: Document | None, uri: str) -> bool:
    """Return whether a Deployment and its counters belong to this version."""
    if deployment is None:
        return False
    annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    observed = int(status(deployment).get("observedGeneration") or 0)
    return annotations.get(SOURCE, uri) == uri and observed >= int(deployment["metadata"]["generation"])


def deployment_failure(deployment: Document | None, uri: str) -> str:
    """Return why a Deployment of this version creates no pods or gives up, as a clause; empty if it does neither."""
    if not current(deployment, uri) or deployment is None:
        return ""
    for entry in status(deployment).get("conditions") or []:
        refused = (entry["type"], entry["status"]) == ("ReplicaFailure", "True")
        late = (entry["type"], entry["status"]) == ("Progressing", "False")
        if refused or late:
            return (
                f"the Deployment {deployment['metadata']['name']} makes no progress ({entry.get('reason', '')}): "
                f"{' '.join(str(entry.get('message', '')).split())}"
            )
    return ""


def is_revision_ready(service: Document) -> bool:
    """Return whether KServe reports the latest revision of a Knative service as ready."""
    reported = (status(service).get("components") or {}).get("predictor") or {}
    return bool(reported.get("latestReadyRevision")) and reported["latestReadyRevision"] == reported.get(
        "latestCreatedRevision"
    )
