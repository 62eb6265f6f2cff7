"""What an installation of Kubeflow Pipelines leaves in a cluster that says where steps run, as its manifests write it.

With one user: the Deployment of the server, and the account ``pipeline-runner`` beside it, which was seen not to be
allowed InferenceServices, Leases, Experiments and new ConfigMaps. With several: the same server with a ConfigMap of
variables, and in each profile the account ``default-editor``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES

CONFIG = "pipeline-api-server-config"
_RULES = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "watch", "list"]},
    {"apiGroups": ["argoproj.io"], "resources": ["workflows", "workflowtaskresults"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["pods", "pods/exec", "pods/log", "services"], "verbs": ["*"]},
    {"apiGroups": ["", "apps"], "resources": ["deployments", "replicasets"], "verbs": ["*"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["*"]},
]


def _server(*, several_users: bool) -> dict[str, Any]:
    labels = {"app": "ml-pipeline"}
    place = {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
    container: dict[str, Any] = {"name": "ml-pipeline-api-server", "image": "kfp-api-server:2.17.0", "env": [place]}
    if several_users:
        container["envFrom"] = [{"configMapRef": {"name": CONFIG}}]
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata = {"name": "ml-pipeline", "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def accounts(cluster: Cluster, name: str) -> None:
    """An account that runs steps, with the rights that Kubeflow Pipelines gives it, and what the launcher reads."""
    metadata = {"name": name}
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": cluster.namespace}
    for document in (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": _RULES},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [subject],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kfp-launcher"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mlpipeline-minio-artifact"}},
    ):
        cluster.apply(document, manager="kubeflow")


@contextmanager
def kubeflow(admin: Cluster, namespace: str = "kubeflow", *, several_users: bool = False) -> Iterator[Cluster]:
    """An installation for the length of the block; a client in its namespace, which stays."""
    there = replace(admin, namespace=namespace)
    if admin.get(NAMESPACES, namespace) is None:
        metadata = {"name": namespace, "labels": {"katib.kubeflow.org/metrics-collector-injection": "enabled"}}
        admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    if several_users:
        data = {"MULTIUSER": "true", "DEFAULTPIPELINERUNNERSERVICEACCOUNT": "default-editor"}
        there.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG}, "data": data})
    else:
        accounts(there, "pipeline-runner")
    there.apply(_server(several_users=several_users))
    try:
        yield there
    finally:
        there.delete(DEPLOYMENTS, "ml-pipeline")
        there.delete(CONFIG_MAPS, CONFIG)
