"""Object stores that tests run against: rclone always, a real MinIO where its binary is."""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base.errors import StoreError
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import free_port, lease
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import ObjectStore, connect
from tests.real_parts import missing

_GET_MINIO = (
    "no MinIO server: go install github.com/minio/minio@latest, then set KUBEBUILDER_ASSETS to the folder of its binary"
)


@pytest.fixture(scope="session")
def rclone_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """A local store, shared by the tests of a process; each test uses a bucket of its own."""
    folder = tmp_path_factory.mktemp("rclone")
    with (
        lease(folder / "lease") as held,
        (folder / "log").open("wb") as log,
        local_store(folder / "objects", lease_path=held, log=log) as settings,
    ):
        yield settings


@pytest.fixture(scope="session")
def minio_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """A real MinIO server on a free port."""
    binary = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nowhere")) / "minio"
    if not binary.is_file():
        missing(_GET_MINIO)
    folder = tmp_path_factory.mktemp("minio")
    settings = StoreSettings(
        endpoint=f"http://127.0.0.1:{free_port()}", access_key="tests", secret_key=secrets.token_hex(16)
    )
    keys = {"MINIO_ROOT_USER": settings.access_key, "MINIO_ROOT_PASSWORD": settings.secret_key, "MINIO_BROWSER": "off"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binary, "server", folder / "data", "--address", settings.endpoint.removeprefix("http://")],
            env={**os.environ, **keys, "HOME": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        _wait(settings, folder / "log")
        yield settings
    finally:
        server.terminate()
        server.wait(20)


def _wait(settings: StoreSettings, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            connect(settings, retries=0)
        except StoreError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return


@pytest.fixture(params=["rclone", pytest.param("minio", marks=pytest.mark.minio)])
def settings(request: pytest.FixtureRequest) -> StoreSettings:
    """How to reach each store, with a bucket that nobody else uses."""
    shared: StoreSettings = request.getfixturevalue(f"{request.param}_settings")
    return StoreSettings(
        endpoint=shared.endpoint,
        access_key=shared.access_key,
        secret_key=shared.secret_key,
        bucket=f"test-{secrets.token_hex(6)}",
    )


@pytest.fixture
def store(settings: StoreSettings) -> ObjectStore:
    """Each store."""
    return connect(settings)
