"""KServe at work, and what is deployed to it."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headrace.cluster.api import discovery
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS, CRDS
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import Bundle
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_wait import WaitTimeouts
from headrace.serving.deployment.target import DeploymentTarget
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect
from tests.cluster.api_server import ApiServer, account, namespace
from tests.conftest import write_table
from tests.made_bundle import make_bundle
from tests.serving.kserve_knative import CRD, KnativePlatform
from tests.serving.kserve_platform import Platform, kserve
from tests.stores.conftest import rclone_settings

__all__ = ["knative_place", "kserve_place", "rclone_settings", "uris"]

# What the guide says that the account of a deployer needs, and no more.
RIGHTS: list[dict[str, Any]] = [
    {
        "apiGroups": ["serving.kserve.io"],
        "resources": ["inferenceservices"],
        "verbs": ["get", "watch", "create", "patch", "delete"],
    },
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "patch", "delete"]},
]
# And what the guide says that a rollout's account needs beside them.
ROLLOUT_RIGHTS: list[dict[str, Any]] = [
    *RIGHTS,
    {
        "apiGroups": ["serving.kserve.io"],
        "resources": ["inferencegraphs"],
        "verbs": ["get", "watch", "create", "patch", "delete"],
    },
    # Only from outside of the cluster.
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]},
]
PATIENCE = WaitTimeouts(deadline_seconds=120, node_seconds=2, every_seconds=0.2, quiet_seconds=1, blind_seconds=5)


@dataclass(frozen=True)
class Placed:
    """A namespace in which KServe works.

    Attributes:
        cluster: The API server, as an administrator.
        platform: KServe.
        deployer: The deployer, with no right but those it needs.
        roller: The same for rollouts.
    """

    cluster: Cluster
    platform: Platform
    deployer: KServeDeployer
    roller: KServeDeployer

    def patient(self, seconds: float) -> KServeDeployer:
        """The deployer with another deadline."""
        return replace(self.deployer, timeouts=replace(self.deployer.timeouts, deadline_seconds=seconds))


def digest(uri: str) -> str:
    """Digest of a published bundle."""
    return uri.rstrip("/").rpartition("/")[2]


def grant(cluster: Cluster, name: str, rules: list[dict[str, Any]]) -> Cluster:
    """The client of an account that has these rights in its namespace."""
    api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": cluster.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    cluster.create({**api, "kind": "Role", "metadata": {"name": name}, "rules": rules})
    cluster.create({**api, "kind": "RoleBinding", "metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
    return account(cluster, name)


@pytest.fixture(scope="session")
def uris(rclone_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory, bundle: Bundle) -> list[str]:
    """Addresses of two published versions of a model."""
    folder = tmp_path_factory.mktemp("versions")
    other = make_bundle(folder / "b", table=write_table(folder / "b" / "customers.csv", seed=8))
    store = connect(rclone_settings)
    return [publish(one.folder, store) for one in (bundle, other)]


@contextmanager
def configured(cluster: Cluster, **settings: Any) -> Iterator[None]:
    """KServe's own configuration for the length of the block, by its keys."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kserve"}})
    metadata = {"name": "inferenceservice-config", "namespace": "kserve"}
    data = {key: json.dumps(value) for key, value in settings.items()}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    try:
        yield
    finally:
        cluster.delete(CONFIG_MAPS, metadata["name"], namespace="kserve")


@contextmanager
def placed(server: ApiServer, store: StoreSettings, folder: Path, **options: Any) -> Iterator[Placed]:
    """A namespace in which KServe works for the length of the block."""
    cluster = namespace(server.admin(), f"test-{secrets.token_hex(4)}")
    with kserve(cluster, store, folder, **options) as platform:
        target = DeploymentTarget("kserve", gateway=platform.ingress.address)
        accounts = [grant(cluster, "deployer", RIGHTS), grant(cluster, "roller", ROLLOUT_RIGHTS)]
        yield Placed(cluster, platform, *(KServeDeployer(one, store, target, PATIENCE) for one in accounts))


@pytest.fixture(scope="module")
def kserve_place(
    kubernetes: ApiServer, rclone_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Placed]:
    """A namespace in which KServe works in Standard mode, for all tests of a module."""
    with placed(kubernetes, rclone_settings, tmp_path_factory.mktemp("node")) as place:
        yield place


@pytest.fixture(scope="module")
def knative_place(
    kubernetes: ApiServer, rclone_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Placed]:
    """The same in Knative mode, on a cluster that serves Knative."""
    admin = kubernetes.admin()
    admin.apply(CRD, manager="platform")
    while "serving.knative.dev" not in discovery.groups(admin.transport):
        time.sleep(0.1)
    folder = tmp_path_factory.mktemp("knative")
    with placed(kubernetes, rclone_settings, folder, platform=KnativePlatform) as place:
        yield place
    admin.delete(CRDS, CRD["metadata"]["name"])
