"""The guide to the image says what works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.components.base import IMAGE
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import open_bundle
from headrace.core.runtime.processes import free_port
from headrace.serving.deployment.verify import verify
from headrace.stores.objects.object_store import connect
from tests.conftest import REPOSITORY, write_table
from tests.images.conftest import Container, answers, docker, wait_for

GUIDE = (REPOSITORY / "docs" / "guides" / "image.md").read_text()


def _block(language: str, holds: str) -> str:
    """The code of the guide that holds a text."""
    found = [code for code in re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL) if holds in code]
    assert len(found) == 1, holds
    return found[0]


def test_the_guide_names_this_image() -> None:
    """In the version that is built here."""
    assert set(re.findall(r"headrace/headrace-python:[\w.-]+", GUIDE)) == {IMAGE}


def test_the_guide_calls_targets_that_there_are() -> None:
    """Of the Makefile, with their explanation."""
    explained = re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)", GUIDE)) <= set(explained)


@pytest.mark.docker
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("image")
def test_the_guides_program_trains_and_its_command_serves(store: StoreSettings, tmp_path: Path) -> None:
    """As they stand there, one after the other: from a table in a store to an endpoint that answers as it should."""
    connect(store).put_file("raw/customers.csv", write_table(tmp_path / "customers.csv"))
    program = _block("python", "DockerRunner")
    assert f"s3://{store.bucket}/raw/customers.csv" in program
    variables = {**os.environ, **store.environment()}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (folder,) = (tmp_path / "docker-out").glob("*/**/package/bundle")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    running = Container("headrace-test-guide", free_port())
    command = _block("", "--model /mnt/models").replace("docker run", f"docker run --detach --name {running.name}")
    command = command.replace("$PWD/headrace-out/demo/bundle", str(folder)).replace(":8080:", f":{running.port}:")
    try:
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=120)
        wait_for(lambda: answers(running, "/v2/health/ready"), running)
        bundle = open_bundle(folder)
        place = f"http://127.0.0.1:{running.port}/v1/models/{bundle.name}:predict"
        assert verify(place, bundle=bundle)["failures"] == []
    finally:
        docker("rm", "--force", running.name, check=False)
