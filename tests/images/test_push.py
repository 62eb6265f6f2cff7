"""The image in a registry, a real one on this machine."""

import io
import os
import secrets
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from headrace.core.base.errors import InputError
from headrace.core.runtime.processes import free_port
from images.push import push
from tests.images.conftest import docker, missing

_GET_REGISTRY = "no image registry: apt-get install docker-registry"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry on a free port of the loopback address, which engines trust without TLS."""
    program = shutil.which("docker-registry")
    if not program:
        missing(_GET_REGISTRY)
    host, config = f"127.0.0.1:{free_port()}", tmp_path / "config.yml"
    config.write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path}/images\nhttp:\n  addr: {host}\n"
    )
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([str(program), "serve", str(config)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not _answers(host):
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield host
    finally:
        server.terminate()
        server.wait(20)


def _answers(host: str) -> bool:
    try:
        return urllib3.request("GET", f"http://{host}/v2/", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture
def small(engine: str) -> Iterator[str]:
    """An image with one file."""
    name = f"headrace/test-{secrets.token_hex(6)}:1.0"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("file"))
    subprocess.run([engine, "import", "-", name], input=archive.getvalue(), check=True, capture_output=True)
    yield name
    docker("rmi", "--force", name)


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_a_pushed_image_is_told_by_the_digest_that_the_registry_has(registry: str, small: str) -> None:
    """The address can be signed and pulled: it names what the registry stores, below the path that was given."""
    address = push(small, f"{registry}/team/")
    try:
        name, _, digest = address.partition("@")
        assert name == f"{registry}/team/{small.rpartition(':')[0]}"
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        place = f"http://{registry}/v2/team/{small.replace(':', '/manifests/')}"
        assert urllib3.request("HEAD", place, headers=accept).headers["Docker-Content-Digest"] == digest
        docker("rmi", "--force", f"{registry}/team/{small}")
        docker("pull", address)
    finally:
        docker("rmi", "--force", address, f"{registry}/team/{small}", check=False)


@pytest.mark.docker
def test_an_image_that_is_not_there_is_not_pushed(engine: str) -> None:
    """The engine's own words, and the user's exit code."""
    with pytest.raises(InputError, match=r"must answer 'tag'; it says: .*[Nn]o such image"):
        push("headrace/none:1.0", "127.0.0.1:9", engine=engine)


@pytest.mark.parametrize("registry", ["", "/", "https://registry.example.com"])
def test_a_registry_is_a_host(registry: str) -> None:
    """Not a URL, and not nothing."""
    with pytest.raises(InputError, match="must be a host"):
        push("headrace/none:1.0", registry, engine=os.devnull)
