"""Kinds of objects, with the names that the API server's paths need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from headrace.core.base.errors import InputError
from headrace.core.base.errors import quote as shown


@dataclass(frozen=True)
class ObjectKind:
    """A kind of object in one version of its group.

    Attributes:
        group: API group; empty for the core group.
        version: Version within the group, such as ``v1beta1``.
        plural: Plural name in lower case, as in paths and rights.
        kind: Name in an object's ``kind``.
        namespaced: Whether its objects belong to a namespace.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The value of an object's ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Its name in messages and in rights: ``inferenceservices.serving.kserve.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of an object; of all objects without ``name``, and of all namespaces without both."""
        parts = ["apis" if self.group else "api", *self.api_version.split("/")]
        parts += ["namespaces", namespace] if self.namespaced and namespace else []
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/" + "/".join(quote(part, safe="") for part in parts)


NAMESPACES = ObjectKind("", "v1", "namespaces", "Namespace", namespaced=False)
PODS = ObjectKind("", "v1", "pods", "Pod")
SERVICES = ObjectKind("", "v1", "services", "Service")
SECRETS = ObjectKind("", "v1", "secrets", "Secret")
CONFIG_MAPS = ObjectKind("", "v1", "configmaps", "ConfigMap")
EVENTS = ObjectKind("", "v1", "events", "Event")
SERVICE_ACCOUNTS = ObjectKind("", "v1", "serviceaccounts", "ServiceAccount")
CLAIMS = ObjectKind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
RESOURCE_QUOTAS = ObjectKind("", "v1", "resourcequotas", "ResourceQuota")
LIMIT_RANGES = ObjectKind("", "v1", "limitranges", "LimitRange")
NODES = ObjectKind("", "v1", "nodes", "Node", namespaced=False)
DEPLOYMENTS = ObjectKind("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = ObjectKind("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = ObjectKind("apps", "v1", "statefulsets", "StatefulSet")
JOBS = ObjectKind("batch", "v1", "jobs", "Job")
CRON_JOBS = ObjectKind("batch", "v1", "cronjobs", "CronJob")
LEASES = ObjectKind("coordination.k8s.io", "v1", "leases", "Lease")
STORAGE_CLASSES = ObjectKind("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
INGRESSES = ObjectKind("networking.k8s.io", "v1", "ingresses", "Ingress")
INGRESS_CLASSES = ObjectKind("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
NETWORK_POLICIES = ObjectKind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
DISRUPTION_BUDGETS = ObjectKind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
POD_AUTOSCALERS = ObjectKind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
ROLES = ObjectKind("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = ObjectKind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CRDS = ObjectKind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)

INFERENCE_SERVICES = ObjectKind("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
SERVING_RUNTIMES = ObjectKind("serving.kserve.io", "v1alpha1", "servingruntimes", "ServingRuntime")
CLUSTER_SERVING_RUNTIMES = ObjectKind(
    "serving.kserve.io", "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", namespaced=False
)
INFERENCE_GRAPHS = ObjectKind("serving.kserve.io", "v1alpha1", "inferencegraphs", "InferenceGraph")
EXPERIMENTS = ObjectKind("kubeflow.org", "v1beta1", "experiments", "Experiment")
SUGGESTIONS = ObjectKind("kubeflow.org", "v1beta1", "suggestions", "Suggestion")
TRIALS = ObjectKind("kubeflow.org", "v1beta1", "trials", "Trial")
POD_MONITORS = ObjectKind("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor")
SCALED_OBJECTS = ObjectKind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
GATEWAYS = ObjectKind("gateway.networking.k8s.io", "v1", "gateways", "Gateway")
HTTP_ROUTES = ObjectKind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
PIPELINES = ObjectKind("pipelines.kubeflow.org", "v2beta1", "pipelines", "Pipeline")
PIPELINE_VERSIONS = ObjectKind("pipelines.kubeflow.org", "v2beta1", "pipelineversions", "PipelineVersion")
WORKFLOWS = ObjectKind("argoproj.io", "v1alpha1", "workflows", "Workflow")
TASK_RESULTS = ObjectKind("argoproj.io", "v1alpha1", "workflowtaskresults", "WorkflowTaskResult")

KNOWN = {(kind.api_version, kind.kind): kind for kind in list(globals().values()) if isinstance(kind, ObjectKind)}


def identify(document: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return ``apiVersion``, ``kind`` and ``metadata.name`` of an object.

    Raises:
        InputError: If one of the three is missing.
    """
    metadata = document.get("metadata")
    fields = (
        document.get("apiVersion"),
        document.get("kind"),
        metadata.get("name") if isinstance(metadata, Mapping) else None,
    )
    for field, value in zip(("apiVersion", "kind", "metadata.name"), fields, strict=True):
        if not value or not isinstance(value, str):
            raise InputError(f"an object for Kubernetes must have a text as its {field}; got {shown(value)} instead.")
    api_version, kind, name = fields
    return str(api_version), str(kind), str(name)
