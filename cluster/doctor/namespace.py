"""Is the namespace as it must be, and is what steps name in it?"""

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
    """Return how an installation comes into a namespace."""
    return f"apply an overlay (headrace cluster render local -o FOLDER --namespace {namespace} writes it)"


def check_namespace(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Return whether the namespace is there, has Katib's label, and lets Kubeflow's pods in."""
    name = cluster.namespace
    try:
        found = cluster.get(NAMESPACES, name)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        remedy = f"ask an administrator for kubectl get namespace {name} --show-labels"
        return [Diagnostic("Namespace", "unknown", f"you may not look at the namespace {name}", remedy)]
    if found is None:
        remedy = f"{prepare(f'{name} --create-namespace')}, or name another"
        return [Diagnostic("Namespace", "bad", f"there is no namespace {name}", remedy)]
    if found.get("status", {}).get("phase") == "Terminating":
        return [Diagnostic("Namespace", "bad", f"the namespace {name} is being deleted", "wait, and make it again")]
    labels = found["metadata"].get("labels") or {}
    there = good("Namespace", f"the namespace {name} is there")
    return [there, _katib(name, labels, needs), *_security(name, labels), *_passed_over(name, labels, needs)]


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


def _passed_over(name: str, labels: dict[str, str], needs: ClusterRequirements) -> list[Diagnostic]:
    """Return whether KServe's webhook, which has models fetched, passes over the namespace's pods (kserve/kserve#2511)."""
    if CONTROL_PLANE_LABEL not in labels or "deploy" not in needs.purposes:
        return []
    text = f"{name} has the label {CONTROL_PLANE_LABEL}: KServe does not serve models in such a namespace"
    remedy = "submit with --argument serve=false, and headrace deploy --namespace ANOTHER what was published"
    return [Diagnostic("Namespace", "warning", text, remedy)]


def check_references(cluster: Cluster, references: Iterable[ObjectReference]) -> list[Diagnostic]:
    """Return whether each object that is named is there, with its keys."""
    return [_reference(cluster, reference) for reference in references]


def _reference(cluster: Cluster, reference: ObjectReference) -> Diagnostic:
    kind, name = reference.kind, reference.name
    by = f", which {list_names(reference.by)} {'names' if len(reference.by) == 1 else 'name'}" if reference.by else ""
    what = f"{kind.kind} {name}"
    try:
        found = cluster.get(kind, name)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        remedy = f"ask an administrator for kubectl -n {cluster.namespace} get {kind.plural} {name}"
        return Diagnostic(kind.kind, "unknown", f"you may not look at the {what}{by}", remedy)
    state: DiagnosticState = "warning" if reference.optional else "bad"
    if found is None:
        return Diagnostic(
            kind.kind, state, f"there is no {what} in {cluster.namespace}{by}", _make(kind, name, cluster.namespace)
        )
    lacking = [key for key in reference.keys if key not in {**(found.get("data") or {}), **_binary(found)}]
    if lacking:
        return Diagnostic(
            kind.kind, state, f"the {what}{by}, lacks {', '.join(lacking)}", _make(kind, name, cluster.namespace)
        )
    return _phase(found, what, by)


def _binary(found: Document) -> dict[str, Any]:
    return found.get("binaryData") or {}


def _phase(found: Document, what: str, by: str) -> Diagnostic:
    phase = found.get("status", {}).get("phase", "")
    if found["kind"] == "PersistentVolumeClaim" and phase != "Bound":
        remedy = f"look at kubectl describe pvc {found['metadata']['name']}"
        return Diagnostic(
            found["kind"], "warning", f"the {what}{by}, has no volume yet (it is {phase or 'new'})", remedy
        )
    return good(
        found["kind"], f"the {what} is there" + (f" with {len(found['data'])} keys" if found.get("data") else "")
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
    """Return whether KServe reads from the Secret what the steps read; nothing if it is not there or may not be looked at."""
    try:
        found = cluster.get(SECRETS, STORE_SECRET)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return []
    data = (found or {}).get("data") or {}
    if "HEADRACE_S3_ENDPOINT" not in data:
        return []
    lacking = [key for key in AWS_VARIABLES if key not in data]
    if lacking:
        text = f"the Secret {STORE_SECRET} lacks {' and '.join(lacking)}, by which KServe fetches models"
        return [Diagnostic("Secret", "bad", text, f"{_KEYS} {cluster.namespace}")]
    return _agreement(data, (found or {})["metadata"].get("annotations") or {}, cluster.namespace)


def _agreement(data: dict[str, str], annotations: dict[str, str], namespace: str) -> list[Diagnostic]:
    """Return whether the annotations that KServe reads mean the endpoint that the steps read."""
    parts = urlsplit(_plain(data["HEADRACE_S3_ENDPOINT"]))
    there = annotations.get("serving.kserve.io/s3-endpoint", "")
    secure = annotations.get("serving.kserve.io/s3-usehttps", "1") != "0"
    if (there, secure) == (parts.netloc, parts.scheme == "https"):
        return [good("Secret", f"KServe reads models from {there} too")]
    text = (
        f"the Secret's annotations name the store {'https' if secure else 'http'}://{there or '(none)'} to KServe, "
        f"its key HEADRACE_S3_ENDPOINT {parts.scheme}://{parts.netloc} to the steps"
    )
    return [Diagnostic("Secret", "bad", text, f"{_KEYS} {namespace}")]


def _plain(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode("utf-8", "replace").strip().rstrip("/")
    except (binascii.Error, ValueError):
        return ""
