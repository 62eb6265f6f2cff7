"""Check the namespace, and the objects in it that steps refer to."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import NAMESPACES, SECRETS, SERVICE_ACCOUNTS, ObjectKind
from headrace.cluster.install.requirements import ClusterRequirements, ObjectReference
from headrace.core.base.diagnostics import Diagnostic, DiagnosticState, good, list_names
from headrace.core.base.errors import ClusterError
from headrace.core.base.secret_names import AWS_VARIABLES, STORE_SECRET, STORE_VARIABLES

KATIB_LABEL = "katib.kubeflow.org/metrics-collector-injection"
CONTROL_PLANE_LABEL = "control-plane"
_KEYS = "set HEADRACE_S3_* and run headrace cluster keys --namespace"


def prepare(namespace: str) -> str:
    """Return the remedy for a namespace without an installation."""
    return f"apply an overlay (headrace cluster render local -o FOLDER --namespace {namespace} writes it)"


def check_namespace(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check that the namespace exists, has Katib's label, and admits Kubeflow's pods."""
    name = cluster.namespace
    try:
        document = cluster.get(NAMESPACES, name)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        remedy = f"ask an administrator for kubectl get namespace {name} --show-labels"
        return [Diagnostic("Namespace", "unknown", f"you may not read the namespace {name}", remedy)]
    if document is None:
        remedy = f"{prepare(f'{name} --create-namespace')}, or name another"
        return [Diagnostic("Namespace", "bad", f"there is no namespace {name}", remedy)]
    if document.get("status", {}).get("phase") == "Terminating":
        return [Diagnostic("Namespace", "bad", f"the namespace {name} is being deleted", "wait, and make it again")]
    labels = document["metadata"].get("labels") or {}
    exists = good("Namespace", f"the namespace {name} is there")
    return [exists, _katib(name, labels, needs), *_security(name, labels), *_check_webhook(name, labels, needs)]


def _katib(name: str, labels: dict[str, str], needs: ClusterRequirements) -> Diagnostic:
    if labels.get(KATIB_LABEL) == "enabled":
        return good("Namespace", "Katib collects metrics in it")
    state: DiagnosticState = "bad" if "tune" in needs.purposes else "warning"
    remedy = f"run kubectl label namespace {name} {KATIB_LABEL}=enabled"
    return Diagnostic(
        "Namespace", state, f"{name} has no label {KATIB_LABEL}=enabled: Katib takes no Experiment", remedy
    )


def _security(name: str, labels: dict[str, str]) -> list[Diagnostic]:
    if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
        return []
    text = f"{name} enforces the restricted pod security standard: helpers of Kubeflow's in each step's pod do not pass"
    return [
        Diagnostic(
            "Namespace", "bad", text, f"have whoever owns {name} set pod-security.kubernetes.io/enforce=baseline"
        )
    ]


def _check_webhook(name: str, labels: dict[str, str], needs: ClusterRequirements) -> list[Diagnostic]:
    """Check that KServe's webhook, which makes pods fetch models, applies to the namespace (kserve/kserve#2511)."""
    if CONTROL_PLANE_LABEL not in labels or "deploy" not in needs.purposes:
        return []
    text = f"{name} has the label {CONTROL_PLANE_LABEL}: KServe does not serve models in such a namespace"
    remedy = "submit with --argument serve=false, and headrace deploy --namespace ANOTHER what was published"
    return [Diagnostic("Namespace", "warning", text, remedy)]


def check_references(cluster: Cluster, references: Iterable[ObjectReference]) -> list[Diagnostic]:
    """Check that each referenced object exists and has its keys."""
    return [_reference(cluster, reference) for reference in references]


def _reference(cluster: Cluster, reference: ObjectReference) -> Diagnostic:
    kind, name = reference.kind, reference.name
    by = f", which {list_names(reference.by)} {'names' if len(reference.by) == 1 else 'name'}" if reference.by else ""
    label = f"{kind.kind} {name}"
    try:
        document = cluster.get(kind, name)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        remedy = f"ask an administrator for kubectl -n {cluster.namespace} get {kind.plural} {name}"
        return Diagnostic(kind.kind, "unknown", f"you may not read the {label}{by}", remedy)
    state: DiagnosticState = "warning" if reference.optional else "bad"
    if document is None:
        return Diagnostic(
            kind.kind, state, f"there is no {label} in {cluster.namespace}{by}", _make(kind, name, cluster.namespace)
        )
    missing = [key for key in reference.keys if key not in {**(document.get("data") or {}), **_binary(document)}]
    if missing:
        return Diagnostic(
            kind.kind, state, f"the {label}{by}, lacks {', '.join(missing)}", _make(kind, name, cluster.namespace)
        )
    return _phase(document, label, by)


def _binary(document: Document) -> dict[str, Any]:
    return document.get("binaryData") or {}


def _phase(document: Document, label: str, by: str) -> Diagnostic:
    phase = document.get("status", {}).get("phase", "")
    if document["kind"] == "PersistentVolumeClaim" and phase != "Bound":
        remedy = f"look at kubectl describe pvc {document['metadata']['name']}"
        return Diagnostic(
            document["kind"], "warning", f"the {label}{by}, has no volume yet (it is {phase or 'new'})", remedy
        )
    return good(
        document["kind"],
        f"the {label} is there" + (f" with {len(document['data'])} keys" if document.get("data") else ""),
    )


def _make(kind: ObjectKind, name: str, namespace: str) -> str:
    if kind == SECRETS and name == STORE_SECRET:
        return f"{_KEYS} {namespace}"
    if kind == SERVICE_ACCOUNTS and name.startswith("headrace-"):
        return prepare(namespace)
    return f"make the {kind.kind} {name}, or correct its name"


def store_reference(*, by: tuple[str, ...] = ()) -> ObjectReference:
    """Return the Secret of the object store with the keys that steps read."""
    return ObjectReference(SECRETS, STORE_SECRET, keys=STORE_VARIABLES, by=by)


def check_store_secret(cluster: Cluster) -> list[Diagnostic]:
    """Check that KServe and the steps read the same store from the Secret; nothing if it cannot be read."""
    try:
        secret = cluster.get(SECRETS, STORE_SECRET)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return []
    data = (secret or {}).get("data") or {}
    if "HEADRACE_S3_ENDPOINT" not in data:
        return []
    missing = [key for key in AWS_VARIABLES if key not in data]
    if missing:
        text = f"the Secret {STORE_SECRET} lacks {' and '.join(missing)}, by which KServe fetches models"
        return [Diagnostic("Secret", "bad", text, f"{_KEYS} {cluster.namespace}")]
    return _agreement(data, (secret or {})["metadata"].get("annotations") or {}, cluster.namespace)


def _agreement(data: dict[str, str], annotations: dict[str, str], namespace: str) -> list[Diagnostic]:
    """Check that the annotations for KServe name the same endpoint as the keys for the steps."""
    parts = urlsplit(_plain(data["HEADRACE_S3_ENDPOINT"]))
    endpoint = annotations.get("serving.kserve.io/s3-endpoint", "")
    secure = annotations.get("serving.kserve.io/s3-usehttps", "1") != "0"
    if (endpoint, secure) == (parts.netloc, parts.scheme == "https"):
        return [good("Secret", f"KServe reads models from {endpoint} too")]
    text = (
        f"the Secret's annotations name the store {'https' if secure else 'http'}://{endpoint or '(none)'} to KServe, "
        f"its key HEADRACE_S3_ENDPOINT {parts.scheme}://{parts.netloc} to the steps"
    )
    return [Diagnostic("Secret", "bad", text, f"{_KEYS} {namespace}")]


def _plain(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode("utf-8", "replace").strip().rstrip("/")
    except (binascii.Error, ValueError):
        return ""
