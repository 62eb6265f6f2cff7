"""A node, and on it a namespace with the local overlay, its object store, and two versions of a model."""

import dataclasses
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from minio import Minio

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import NAMESPACES, SERVICES, STATEFUL_SETS
from headrace.cluster.install.manifests import InstallOptions, images, render
from headrace.cluster.install.secrets import put_store_keys
from headrace.core.base.settings import StoreSettings
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect
from tests.cluster.platform import folder, install
from tests.conftest import headrace, write_table
from tests.images.conftest import engine, image
from tests.made_bundle import make_bundle
from tests.node.archive import write_image
from tests.node.kserve_controller import Controller, kserve
from tests.node.pods import wait_for
from tests.node.single_node import SingleNode, single_node
from tests.real_parts import missing

__all__ = ["engine", "image"]

STORE = "headrace-object-store"
CLEANUP = "headrace-cleanup"
GET_MINIO = (
    "no MinIO server: go install github.com/minio/minio@latest, then set KUBEBUILDER_ASSETS to the folder of its binary"
)


@dataclass(frozen=True)
class Place:
    """A namespace with the local overlay.

    Attributes:
        node: The node that it is on.
        cluster: An administrator's client in it.
        inside: The object store, as pods reach it.
        outside: The same, as this machine reaches it.
        image: The suite's image.
    """

    node: SingleNode
    cluster: Cluster
    inside: StoreSettings
    outside: StoreSettings
    image: str


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[SingleNode]:
    """A node with the platform's kinds, the suite's image, and the object store's under the name of the manifest."""
    minio = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nowhere")) / "minio"
    if not minio.is_file():
        missing(GET_MINIO)
    (wanted,) = (name for name in images(render(InstallOptions("local"))) if "minio" in name)
    archive = write_image(tmp_path_factory.mktemp("image") / "minio.tar", wanted, minio)
    with single_node() as running:
        install(running.admin(), folder())
        running.load(wanted, archive=archive)
        running.load(image)
        try:
            yield running
        finally:
            running.unload(wanted)


@pytest.fixture(scope="session")
def place(node: SingleNode, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A namespace that was installed as the guide says."""
    name = f"node-{secrets.token_hex(3)}"
    cluster = node.admin(name)
    written = tmp_path_factory.mktemp("manifests")
    ended = headrace("cluster", "render", "local", "-o", str(written), "--namespace", name, "--create-namespace")
    assert ended.returncode == 0, ended.stderr
    node.kubectl("apply", "--server-side", "-f", str(written / "local.yaml"))
    # It runs when a test asks for it, and not just before by its own clock.
    node.kubectl("-n", name, "patch", "cronjob", CLEANUP, "--patch", '{"spec": {"suspend": true}}')
    inside = StoreSettings(f"http://{STORE}:9000", access_key="trial", secret_key=secrets.token_hex(16))
    put_store_keys(cluster, inside)
    try:
        wait_for(lambda: ready(cluster), "the object store")
        service = cluster.get(SERVICES, STORE) or {}
        outside = dataclasses.replace(inside, endpoint=f"http://{service['spec']['clusterIP']}:9000")
        yield Place(node, cluster, inside, outside, image)
    finally:
        cluster.delete(NAMESPACES, name)


def ready(cluster: Cluster) -> bool:
    """Whether the object store is."""
    status = (cluster.get(STATEFUL_SETS, STORE) or {}).get("status") or {}
    return bool(status.get("readyReplicas"))


@pytest.fixture(scope="module")
def platform(place: Place) -> Iterator[Controller]:
    """KServe at work in the namespace."""
    with kserve(place.cluster, place.image) as played:
        yield played


@pytest.fixture(scope="session")
def uris(place: Place, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Addresses of two versions of a model in the store on the node, and of one that lacks a file."""
    made = tmp_path_factory.mktemp("versions")
    store = connect(place.outside)
    bundles = [
        make_bundle(made / str(seed), table=write_table(made / str(seed) / "customers.csv", seed=seed))
        for seed in (7, 8, 9)
    ]
    addresses = [publish(bundle.folder, store) for bundle in bundles]
    keys = (place.outside.access_key, place.outside.secret_key)
    client = Minio(place.outside.endpoint.removeprefix("http://"), *keys, secure=False)
    client.remove_object(store.bucket, f"{addresses[2].removeprefix(f's3://{store.bucket}/')}card.md")
    return addresses
