"""Check the API server, the user's identity, and the installed platform."""

from dataclasses import dataclass, field
from typing import Any

from headrace.cluster.api import discovery
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import (
    DEPLOYMENTS,
    EXPERIMENTS,
    HTTP_ROUTES,
    INFERENCE_SERVICES,
    POD_MONITORS,
    SCALED_OBJECTS,
    TASK_RESULTS,
    ObjectKind,
)
from headrace.cluster.api.transport import ApiRequest
from headrace.cluster.install.requirements import ClusterRequirements, Purpose
from headrace.core.base.diagnostics import Diagnostic, DiagnosticState, good
from headrace.core.base.errors import ClusterError

_OLDEST = (1, 27)  # the first that refuses unknown fields for every object


@dataclass(frozen=True)
class PlatformPart:
    """A part of the platform.

    Attributes:
        name: Its name.
        kind: A kind that it installs.
        use: Its use, in words.
        purpose: The purpose that requires it; None for an option.
        controllers: Namespace and name of Deployments whose image has its version.
    """

    name: str
    kind: ObjectKind
    use: str
    purpose: Purpose | None = None
    controllers: tuple[tuple[str, str], ...] = field(default_factory=tuple)


PARTS = (
    PlatformPart(
        "Pipelines",
        TASK_RESULTS,
        "running pipelines (Kubeflow Pipelines with Argo Workflows)",
        purpose="run",
        controllers=(("kubeflow", "ml-pipeline"), ("kubeflow", "workflow-controller")),
    ),
    PlatformPart(
        "KServe",
        INFERENCE_SERVICES,
        "deploying models",
        purpose="deploy",
        controllers=(("kserve", "kserve-controller-manager"), ("kubeflow", "kserve-controller-manager")),
    ),
    PlatformPart(
        "Katib",
        EXPERIMENTS,
        "searching with many pods at once",
        purpose="tune",
        controllers=(("kubeflow", "katib-controller"),),
    ),
    PlatformPart(
        "Knative",
        ObjectKind("serving.knative.dev", "v1", "services", "Service"),
        "KServe's mode Knative, which scales to zero",
    ),
    PlatformPart(
        "Gateway API",
        HTTP_ROUTES,
        "canaries in KServe's mode Standard",
    ),
    PlatformPart(
        "Prometheus",
        POD_MONITORS,
        "metrics of model servers, and the gates of a rollout",
    ),
    PlatformPart("KEDA", SCALED_OBJECTS, "replicas that follow requests"),
    PlatformPart(
        "Metrics server",
        ObjectKind("metrics.k8s.io", "v1beta1", "pods", "PodMetrics"),
        "replicas that follow the CPU",
    ),
)


def check_server(cluster: Cluster) -> list[Diagnostic]:
    """Check the server's version and the user's identity.

    Raises:
        ClusterError: If the server does not answer at all.
    """
    version = discovery.version(cluster.transport)
    context = f", context {cluster.context}" if cluster.context else ""
    description = f"Kubernetes {version.text} at {cluster.address}{context}, namespace {cluster.namespace}"
    if (version.major, version.minor) < _OLDEST:
        remedy = f"upgrade to {_OLDEST[0]}.{_OLDEST[1]} or later, which refuses fields that it does not know"
        return [Diagnostic("Kubernetes", "warning", f"{description} is old", remedy), _identity(cluster)]
    return [good("Kubernetes", description), _identity(cluster)]


def _identity(cluster: Cluster) -> Diagnostic:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    try:
        review = cluster.transport.json(ApiRequest("POST", path, "ask who one is", body=body))
    except ClusterError as error:
        if error.reason == "unauthorized":
            raise
        return Diagnostic("Identity", "unknown", "the server does not report your identity")
    user = review["status"]["userInfo"].get("username", "")
    if user == "system:anonymous":
        return Diagnostic("Identity", "bad", "the server treats you as anonymous", "sign in, or correct the kubeconfig")
    return good("Identity", f"you are {user}")


def check_platform(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check which parts of the platform are installed, and in which version.

    Raises:
        ClusterError: If the server does not answer.
    """
    served = discovery.groups(cluster.transport)
    return [_part(cluster, part, served, needs) for part in PARTS]


def _part(cluster: Cluster, part: PlatformPart, served: dict[str, list[str]], needs: ClusterRequirements) -> Diagnostic:
    try:
        is_served = discovery.serves(cluster.transport, part.kind)
    except ClusterError as error:  # an aggregated API, whose own server does not answer
        return Diagnostic(
            part.name, "unknown", f"the cluster does not say whether it serves {part.kind.resource}: {error}"
        )
    if is_served:
        extra = _canaries(cluster) if part.name == "KServe" else ""
        return good(part.name, f"{part.kind.resource} {part.kind.version} is served{_versions(cluster, part)}{extra}")
    versions = served.get(part.kind.group)
    problem = f"{part.kind.resource} {part.kind.version} is not served"
    if versions:
        problem += f", but {part.kind.group} in {', '.join(versions)}"
    if part.purpose is None:
        return Diagnostic(part.name, "note", f"{problem}; it would allow {part.use}")
    state: DiagnosticState = "bad" if part.purpose in needs.purposes else "warning"
    return Diagnostic(part.name, state, problem, f"install {part.name}, which is needed for {part.use}")


def _versions(cluster: Cluster, part: PlatformPart) -> str:
    """Return the versions of a part's controllers, or why they are unknown, as a suffix."""
    versions = [_version(cluster, *location) for location in part.controllers]
    listed = " and ".join(filter(None, versions))
    if listed or not versions:
        return f", {listed}" if listed else ""
    if None in versions:
        return " (no right to read its version)"
    namespaces = " or ".join(sorted({namespace for namespace, _ in part.controllers}))
    return f" (its controller is not in {namespaces}, where it usually is)"


def _version(cluster: Cluster, namespace: str, name: str) -> str | None:
    """Return name and image tag of a controller; empty if it does not exist, None if it may not be read."""
    try:
        deployment = cluster.get(DEPLOYMENTS, name, namespace=namespace)
    except ClusterError:
        return None
    containers: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["containers"] if deployment else []
    tags = [container["image"].partition("@")[0].rpartition(":")[2] for container in containers[:1]]
    return f"{name} {tags[0]}" if tags else ""


def _canaries(cluster: Cluster) -> str:
    if discovery.has_field(cluster.transport, INFERENCE_SERVICES, ("spec", "canary")):
        return "; it has spec.canary, for canaries without Knative"
    return "; it has no spec.canary: canaries need Knative or an InferenceGraph"
