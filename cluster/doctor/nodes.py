"""Check that each pod fits on a node, with its image, and that the storage classes exist."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import NODES, STORAGE_CLASSES
from headrace.cluster.api.quantities import number
from headrace.cluster.install.requirements import ClusterRequirements, PodRequirements
from headrace.core.base.diagnostics import Diagnostic, good, list_names
from headrace.core.base.errors import ClusterError, InputError

ARCHITECTURE = "amd64"  # of the suite's image, unless it is built for another one
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def check_nodes(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check that nodes are ready, have the image's architecture, and have room for every pod."""
    try:
        nodes = cluster.list(NODES)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return [Diagnostic("Nodes", "unknown", "you may not list nodes: it is unknown whether the pods fit")]
    ready = [node for node in nodes if _ready(node)]
    if not ready:
        text = f"none of {len(nodes)} nodes is ready: no pod starts"
        return [Diagnostic("Nodes", "bad", text, "look at kubectl get nodes")]
    findings = [good("Nodes", f"{len(ready)} of {len(nodes)} nodes are ready")]
    findings += _architectures(ready)
    findings += [finding for pod in _merge_pods(needs.pods) for finding in _fit(pod, ready)]
    findings += _images(needs, ready)
    return findings


def _ready(node: Document) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    is_ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return is_ready and not node.get("spec", {}).get("unschedulable", False)


def _architecture(node: Document) -> str:
    return str(node.get("status", {}).get("nodeInfo", {}).get("architecture", ""))


def _architectures(nodes: list[Document]) -> list[Diagnostic]:
    architectures = sorted({_architecture(node) for node in nodes})
    if architectures == [ARCHITECTURE]:
        return [good("Nodes", f"all are {ARCHITECTURE}, as the image is")]
    if ARCHITECTURE not in architectures:
        remedy = f"build the image for {' and '.join(architectures)}"
        return [
            Diagnostic(
                "Nodes", "bad", f"the nodes are {', '.join(architectures)}, and the image is {ARCHITECTURE}", remedy
            )
        ]
    text = (
        f"the nodes are {', '.join(architectures)}, and the image is {ARCHITECTURE}: a pod may land where it cannot run"
    )
    remedy = f"select nodes by kubernetes.io/arch={ARCHITECTURE}, or build the image for each"
    return [Diagnostic("Nodes", "warning", text, remedy)]


def _merge_pods(pods: Sequence[PodRequirements]) -> list[PodRequirements]:
    """Merge pods with the same requirements into one, under all their names."""
    groups: dict[str, list[PodRequirements]] = {}
    for pod in pods:
        groups.setdefault(repr((pod.requests, pod.labels, pod.tolerations)), []).append(pod)
    return [replace(group[0], by=list_names([pod.by for pod in group])) for group in groups.values()]


def _fit(pod: PodRequirements, nodes: list[Document]) -> list[Diagnostic]:
    """Return why no node takes a pod; nothing if one does."""
    selected = [node for node in nodes if pod.labels.items() <= (node["metadata"].get("labels") or {}).items()]
    if not selected:
        description = ", ".join(f"{key}={value}" for key, value in pod.labels.items())
        text = f"{pod.by}: a node with {description} is required; there is none"
        return [Diagnostic("Nodes", "bad", text, "label one, or ask for another")]
    tolerated = [node for node in selected if not _untolerated_taints(pod, node)]
    if not tolerated:
        description = ", ".join(sorted({taint["key"] for node in selected for taint in _untolerated_taints(pod, node)}))
        text = f"{pod.by}: no toleration of the taint {description}, which every node that fits has"
        return [Diagnostic("Nodes", "bad", text, "give the step a toleration")]
    try:
        amounts = {name: number(value) for name, value in pod.requests.items()}
        roomy = any(all(_room(node, name) >= value for name, value in amounts.items()) for node in tolerated)
    except InputError as error:
        text = f"{pod.by}: its requests cannot be parsed: {str(error).rstrip('.')}"
        return [Diagnostic("Nodes", "bad", text, "correct its resources")]
    if roomy:
        return []
    description = ", ".join(f"{name} {value}" for name, value in pod.requests.items())
    text = f"{pod.by}: {description} are requested; no node has as much"
    return [Diagnostic("Nodes", "bad", text, "ask for less, or add a node")]


def _room(node: Document, name: str) -> Decimal:
    return number(node.get("status", {}).get("allocatable", {}).get(name, "0"))


def _untolerated_taints(pod: PodRequirements, node: Document) -> list[dict[str, Any]]:
    taints = node.get("spec", {}).get("taints") or []
    hard = [taint for taint in taints if taint.get("effect") in {"NoSchedule", "NoExecute"}]
    return [taint for taint in hard if not any(_tolerates(toleration, taint) for toleration in pod.tolerations)]


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key", "") in {"", taint["key"]}
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")


def _images(needs: ClusterRequirements, nodes: list[Document]) -> list[Diagnostic]:
    """Return which images are on the nodes already; others will be pulled, which cannot be tested beforehand."""
    node_images = [image for node in nodes for image in node.get("status", {}).get("images") or []]
    names = {name for image in node_images for name in image.get("names") or []}  # an image that lost its name has null
    findings = []
    for image in sorted({pod.image for pod in needs.pods if pod.image}):
        always = any(pod.pull == "Always" for pod in needs.pods if pod.image == image)
        _, _, tag = image.partition("@")[0].rpartition(":")
        moves = "@" not in image and (not tag or "/" in tag or tag == "latest")
        if image in _short(names) and not (always or moves):
            findings.append(good("Images", f"{image} is on a node"))
            continue
        reason = "its tag moves" if moves else "its pull policy is Always" if always else "it is on no node"
        remedy = "see that the nodes reach its registry, with an imagePullSecret if it wants one, or load it into them"
        findings.append(
            Diagnostic("Images", "warning" if moves else "note", f"{image} will be pulled: {reason}", remedy)
        )
    return findings


def _short(names: set[str]) -> set[str]:
    """Return the names with and without the default registry."""
    return names | {name.removeprefix("docker.io/").removeprefix("library/") for name in names}


def check_storage(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check that the referenced storage classes exist."""
    try:
        classes = cluster.list(STORAGE_CLASSES)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return [Diagnostic("Storage", "unknown", "you may not list storage classes")] if needs.storage_classes else []
    names = {storage_class["metadata"]["name"] for storage_class in classes}
    default = {
        storage_class["metadata"]["name"]
        for storage_class in classes
        if (storage_class["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    }
    findings = []
    if default:
        findings.append(good("Storage", f"the default storage class is {', '.join(sorted(default))}"))
    elif "" not in needs.storage_classes:
        text = "there is no default storage class: volumes of the options object-store and mlflow would wait for ever"
        remedy = f"annotate one with {_DEFAULT_CLASS}=true"
        findings.append(Diagnostic("Storage", "warning", text, remedy))
    for name, by in needs.storage_classes.items():
        if name and name not in names:
            text = f"{list_names(by)}: the storage class {name} is requested, but does not exist"
            remedy = f"name one of {', '.join(sorted(names)) or 'those that you install'}"
            findings.append(Diagnostic("Storage", "bad", text, remedy))
        if not name and not default:
            text = f"{list_names(by)}: the default storage class is requested, but there is none"
            findings.append(Diagnostic("Storage", "bad", text, f"annotate one with {_DEFAULT_CLASS}=true, or name one"))
    return findings
