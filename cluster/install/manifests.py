"""The manifests of an installation: a rendered overlay, adapted to a namespace, a registry and an endpoint."""

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
_PREDICTOR = "model-predictor"  # the Deployment that KServe creates for the endpoint named `model`


@dataclass(frozen=True)
class InstallOptions:
    """Options of an installation.

    Attributes:
        overlay: One of ``local``, ``staging`` and ``production``.
        namespace: Namespace; empty for the overlay's own.
        image: Name and tag of the suite's image; empty for the overlay's own.
        image_registry: Registry, optionally with a path, for all other images; empty for their own.
        endpoint: Name of the endpoint that is scaled, if the overlay scales one.
        shared: Whether others use the namespace too: then neither it nor policies on pods of others are rendered.
        bound_service_accounts: Service accounts of the namespace that also get the rights of the steps' account.
    """

    overlay: str
    namespace: str = ""
    image: str = ""
    image_registry: str = ""
    endpoint: str = "model"
    shared: bool = False
    bound_service_accounts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise if an option is invalid.

        Raises:
            InputError: If the overlay does not exist, or a name is invalid.
        """
        if self.overlay not in OVERLAYS:
            raise InputError(f"OVERLAY must be one of {', '.join(OVERLAYS)}; got {quote(self.overlay)} instead.")
        accounts = [("--bind-service-account", account) for account in self.bound_service_accounts]
        for option, value in (("--namespace", self.namespace), ("--endpoint", self.endpoint), *accounts):
            if value and not _DNS_NAME.fullmatch(value):
                raise InputError(
                    f"{option} must be at most 63 lower-case letters, digits and dashes; got {quote(value)} instead."
                )
        if not self.shared and (self.namespace in _OF_OTHERS or self.namespace.startswith("kube-")):
            raise InputError(
                f"a namespace to create must be Headrace's alone; {self.namespace} is not: leave out "
                "--create-namespace, or name another."
            )
        if any(part.isspace() for part in self.image + self.image_registry):
            raise InputError(
                f"an image's name must have no spaces; got {quote(self.image or self.image_registry)} instead."
            )


def render(options: InstallOptions) -> list[dict[str, Any]]:
    """Return all objects of an overlay, in the order to apply them."""
    text = (FOLDER / "rendered" / f"{options.overlay}.yaml").read_text(encoding="utf-8")
    documents = [document for document in yaml.safe_load_all(text) if document]
    default_namespace = home(documents)
    if options.shared:
        documents = [document for document in documents if not _concerns_others(document)]
    for document in documents:
        if options.namespace:
            _move(document, default_namespace, options.namespace)
        _bind(document, options.bound_service_accounts)
        for container in _containers(document):
            container["image"] = _image(container["image"], options)
        _set_scale_target(document, options.endpoint)
    return documents


def home(documents: list[dict[str, Any]]) -> str:
    """Return the namespace of the objects."""
    return next(
        str(document["metadata"]["namespace"]) for document in documents if document["kind"] == "ServiceAccount"
    )


def own_namespace(overlay: str) -> str:
    """Return the default namespace of an overlay.

    Raises:
        InputError: If the overlay does not exist.
    """
    return home(render(InstallOptions(overlay)))


def _concerns_others(document: dict[str, Any]) -> bool:
    """Return whether an object would affect others in a shared namespace, as in the component existing-namespace.

    A policy that selects a pod denies all traffic that no policy allows. An egress policy therefore depends on the
    policy that allows DNS, which selects all pods, and is left out with it.
    """
    if document["kind"] != "NetworkPolicy":
        return bool(document["kind"] == "Namespace")
    spec = document["spec"]
    selects_own = str((spec["podSelector"].get("matchLabels") or {}).get(_NAME, "")).startswith(_OWN)
    return not selects_own or "Egress" in spec["policyTypes"]


def _bind(document: dict[str, Any], accounts: tuple[str, ...]) -> None:
    """Grant accounts the rights of the steps' account."""
    subjects = document.get("subjects") or []
    subject = next(
        (candidate for candidate in subjects if document["kind"] == "RoleBinding" and candidate["name"] == ACCOUNT),
        None,
    )
    if subject:
        subjects += [{**subject, "name": account} for account in accounts]


def sources() -> Iterator[tuple[str, str]]:
    """Yield path and text of each source file of the overlays."""
    for part in ("base", "components", "overlays"):
        for path in sorted((FOLDER / part).rglob("*.yaml")):
            yield str(path.relative_to(FOLDER)), path.read_text(encoding="utf-8")


def images(documents: list[dict[str, Any]]) -> list[str]:
    """Return the images of the objects, without duplicates."""
    return sorted({container["image"] for document in documents for container in _containers(document)})


def _move(document: dict[str, Any], former: str, namespace: str) -> None:
    if document["kind"] == "Namespace":
        document["metadata"]["name"] = namespace
    if document["metadata"].get("namespace") == former:
        document["metadata"]["namespace"] = namespace
    for subject in document.get("subjects") or []:
        if subject.get("namespace") == former:
            subject["namespace"] = namespace


def _containers(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every container below a value, wherever its kind holds them."""
    if isinstance(node, list):
        for value in node:
            yield from _containers(value)
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"containers", "initContainers"}:
                yield from value
            else:
                yield from _containers(value)


def _image(name: str, options: InstallOptions) -> str:
    repository, _, tag = name.rpartition(":")
    if repository == OWN_IMAGE and options.image:
        return options.image
    if not options.image_registry:
        return name
    first, slash, rest = repository.partition("/")
    path = rest if slash and ("." in first or ":" in first) else repository  # the first part is a host name
    return f"{options.image_registry.rstrip('/')}/{path}:{tag}"


def _set_scale_target(document: dict[str, Any], endpoint: str) -> None:
    if document["kind"] not in {"HorizontalPodAutoscaler", "ScaledObject"}:
        return
    document["spec"]["scaleTargetRef"]["name"] = f"{endpoint}-predictor"
    for trigger in document["spec"].get("triggers", []):
        if "query" in trigger["metadata"]:
            trigger["metadata"]["query"] = trigger["metadata"]["query"].replace(_PREDICTOR, f"{endpoint}-predictor")
