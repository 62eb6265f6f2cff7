"""What KServe and Kubernetes say of a version, read without believing more of it than it means.

``Ready`` stays true while a new version fails behind an old one, ``modelStatus`` keeps what was, and
``status.observedGeneration`` is the Deployment's: none of them says that a version answers. The Deployment's counters
and the pods say whether it runs; only the digest that the server reports says that it answers.
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
    """How KServe runs an InferenceService: ``Standard`` or ``Knative``; empty while it has not said."""
    said = status(service).get("deploymentMode") or (service["metadata"].get("annotations") or {}).get(MODE, "")
    return _MODES.get(str(said), str(said))


def status(document: Document) -> Document:
    """The status of an object; empty if it has none yet."""
    found: Document = document.get("status") or {}
    return found


def source(service: Document) -> str:
    """Address of the bundle that an InferenceService is to serve; empty if it names none."""
    return str(((service["spec"].get("predictor") or {}).get("model") or {}).get("storageUri") or "")


def predictor(service: Document) -> str:
    """Name of an InferenceService's predictor; empty for the unnamed one that most have."""
    return str((service["spec"].get("predictor") or {}).get("name") or "")


def workload(name: str, predictor: str = "") -> str:
    """Name of the Deployment and the Service that KServe makes in Standard mode."""
    return f"{name}-{predictor}-predictor" if predictor else f"{name}-predictor"


def split(service: Document) -> bool:
    """Whether an InferenceService is divided between two versions."""
    percent = (service["spec"].get("predictor") or {}).get("canaryTrafficPercent")
    return bool(service["spec"].get("canary")) or (percent is not None and percent < 100)


def base(service: Document, *, outside: bool) -> str:
    """Address of an InferenceService; empty while it has none. It changes when a canary is promoted.

    Args:
        service: The InferenceService.
        outside: Whether the one for those outside of the cluster is wanted.
    """
    said = status(service)
    inner, outer = str((said.get("address") or {}).get("url") or ""), str(said.get("url") or "")
    return ((outer or inner) if outside else (inner or outer)).rstrip("/")


def model_failure(service: Document, *, known: Document) -> str:
    """Why KServe says that the model cannot be loaded; empty if it does not say so.

    Args:
        service: The InferenceService.
        known: The model status before the change; what is the same still speaks of then.
    """
    found = status(service).get("modelStatus") or {}
    if found.get("transitionStatus") not in _FAILED or found == known:
        return ""
    last = found.get("lastFailureInfo") or {}
    told = " ".join(str(last.get("message") or "").split())
    return f"KServe reports {found['transitionStatus']}, {last.get('reason') or 'without a reason'}" + (
        f": {told[-400:]}" if told else ""
    )


def runs(deployment: Document | None, uri: str) -> bool:
    """Whether all pods of a Deployment are available and of this version.

    Args:
        deployment: The Deployment; None if there is none yet.
        uri: Address of the version's bundle.
    """
    if not current(deployment, uri) or deployment is None:
        return False
    said, wanted = status(deployment), int(deployment["spec"].get("replicas", 1))
    counts = [int(said.get(name) or 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    return wanted > 0 and counts == [wanted] * 3


def current(deployment: Document | None, uri: str) -> bool:
    """Whether a Deployment is of this version and its counters are too."""
    if deployment is None:
        return False
    annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    observed = int(status(deployment).get("observedGeneration") or 0)
    return annotations.get(SOURCE, uri) == uri and observed >= int(deployment["metadata"]["generation"])


def deployment_failure(deployment: Document | None, uri: str) -> str:
    """Why a Deployment of this version makes no pods or gives up; empty if it does neither."""
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
    """Whether the latest revision of a Knative service is ready, as far as KServe has seen."""
    said = (status(service).get("components") or {}).get("predictor") or {}
    return bool(said.get("latestReadyRevision")) and said["latestReadyRevision"] == said.get("latestCreatedRevision")
