"""The manifests of an installation: an overlay as kustomize made it, fitted to a namespace, a registry and a model."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from headrace.cluster.install.requirements import ACCOUNT
from headrace.core.base.errors import InputError, quote
from headrace.kustomize import FOLDER, OVERLAYS

OWN_IMAGE = "headrace/headrace-python"
_DNS_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_OF_OTHERS = {"default", "kubeflow", "kserve", "argo", "istio-system", "knative-serving", "cert-manager"}
_OWN = "headrace-"
_NAME = "app.kubernetes.io/name"
_MODEL = "model-predictor"  # the Deployment that KServe makes for the model named `model`


@dataclass(frozen=True)
class InstallOptions:
    """What is to be installed.

    Attributes:
        overlay: One of ``local``, ``staging`` and ``production``.
        namespace: Namespace instead of the overlay's own; empty to keep that.
        image: Name and tag instead of the suite's own image; empty to keep that.
        registry: Registry, with a path if need be, from which all other images come too; empty to keep theirs.
        model: Name of the model whose servers are scaled, where the overlay does that.
        shared: Whether others use the namespace too: then neither it nor a policy on pods of others is written.
        bound: Service accounts of the namespace that get the rights of the steps' account too.
    """

    overlay: str
    namespace: str = ""
    image: str = ""
    registry: str = ""
    model: str = "model"
    shared: bool = False
    bound: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            InputError: If there is no such overlay, or a name is none.
        """
        if self.overlay not in OVERLAYS:
            raise InputError(f"OVERLAY must be one of {', '.join(OVERLAYS)}; got {quote(self.overlay)} instead.")
        accounts = [("--bind", account) for account in self.bound]
        for option, value in (("--namespace", self.namespace), ("--model", self.model), *accounts):
            if value and not _DNS_NAME.fullmatch(value):
                raise InputError(
                    f"{option} must be at most 63 lower-case letters, digits and dashes; got {quote(value)} instead."
                )
        if not self.shared and (self.namespace in _OF_OTHERS or self.namespace.startswith("kube-")):
            raise InputError(
                f"a namespace that is made must be Headrace's alone; {self.namespace} is not: leave out "
                "--create-namespace, or name another."
            )
        if any(part.isspace() for part in self.image + self.registry):
            raise InputError(f"an image's name must have no spaces; got {quote(self.image or self.registry)} instead.")


def render(wish: InstallOptions) -> list[dict[str, Any]]:
    """Return all objects of an overlay, in the order in which they are applied."""
    text = (FOLDER / "rendered" / f"{wish.overlay}.yaml").read_text(encoding="utf-8")
    documents = [document for document in yaml.safe_load_all(text) if document]
    here = home(documents)
    if wish.shared:
        documents = [document for document in documents if not _concerns_others(document)]
    for document in documents:
        if wish.namespace:
            _move(document, here, wish.namespace)
        _bind(document, wish.bound)
        for container in _containers(document):
            container["image"] = _image(container["image"], wish)
        _aim(document, wish.model)
    return documents


def home(documents: list[dict[str, Any]]) -> str:
    """Return the namespace of the objects."""
    return next(str(one["metadata"]["namespace"]) for one in documents if one["kind"] == "ServiceAccount")


def own_namespace(overlay: str) -> str:
    """Return the namespace of an overlay where no other is named.

    Raises:
        InputError: If there is no such overlay.
    """
    return home(render(InstallOptions(overlay)))


def _concerns_others(document: dict[str, Any]) -> bool:
    """Return whether an object would act on what others have in the namespace; the component existing-namespace says the same.

    A policy that selects a pod denies it all that no policy allows: one for the traffic out of a pod counts on the one
    for names (DNS), which selects all pods.
    """
    if document["kind"] != "NetworkPolicy":
        return bool(document["kind"] == "Namespace")
    spec = document["spec"]
    selects_own = str((spec["podSelector"].get("matchLabels") or {}).get(_NAME, "")).startswith(_OWN)
    return not selects_own or "Egress" in spec["policyTypes"]


def _bind(document: dict[str, Any], accounts: tuple[str, ...]) -> None:
    """Let accounts have the rights of the steps' account."""
    subjects = document.get("subjects") or []
    like = next((one for one in subjects if document["kind"] == "RoleBinding" and one["name"] == ACCOUNT), None)
    if like:
        subjects += [{**like, "name": account} for account in accounts]


def sources() -> Iterator[tuple[str, str]]:
    """Path and text of each file that kustomize makes the overlays of."""
    for part in ("base", "components", "overlays"):
        for path in sorted((FOLDER / part).rglob("*.yaml")):
            yield str(path.relative_to(FOLDER)), path.read_text(encoding="utf-8")


def images(documents: list[dict[str, Any]]) -> list[str]:
    """Return the images that the objects run, each once."""
    return sorted({container["image"] for document in documents for container in _containers(document)})


def _move(document: dict[str, Any], before: str, namespace: str) -> None:
    if document["kind"] == "Namespace":
        document["metadata"]["name"] = namespace
    if document["metadata"].get("namespace") == before:
        document["metadata"]["namespace"] = namespace
    for subject in document.get("subjects") or []:
        if subject.get("namespace") == before:
            subject["namespace"] = namespace


def _containers(found: Any) -> Iterator[dict[str, Any]]:
    """Every container below a value, wherever a kind keeps them."""
    if isinstance(found, list):
        for value in found:
            yield from _containers(value)
    if isinstance(found, dict):
        for key, value in found.items():
            if key in {"containers", "initContainers"}:
                yield from value
            else:
                yield from _containers(value)


def _image(name: str, wish: InstallOptions) -> str:
    repository, _, tag = name.rpartition(":")
    if repository == OWN_IMAGE and wish.image:
        return wish.image
    if not wish.registry:
        return name
    first, slash, rest = repository.partition("/")
    path = rest if slash and ("." in first or ":" in first) else repository  # the first part is a host's name
    return f"{wish.registry.rstrip('/')}/{path}:{tag}"


def _aim(document: dict[str, Any], model: str) -> None:
    if document["kind"] not in {"HorizontalPodAutoscaler", "ScaledObject"}:
        return
    document["spec"]["scaleTargetRef"]["name"] = f"{model}-predictor"
    for trigger in document["spec"].get("triggers", []):
        if "query" in trigger["metadata"]:
            trigger["metadata"]["query"] = trigger["metadata"]["query"].replace(_MODEL, f"{model}-predictor")
