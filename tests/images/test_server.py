"""The model server, as a cluster runs it: from the image, as nobody, with a read-only root."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.serving.deployment.verify import verify
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect
from images.build import build
from tests.images.conftest import LOCKED_DOWN, Container, answers, container, docker, wait_for
from tests.made_bundle import copy_bundle, make_bundle
from tests.real.kserve_storage import fetched
from tests.real_parts import alone

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]
SERVE = ("python", "-m", "headrace.serving.server", "--model", "/mnt/models", "--host", "0.0.0.0")  # noqa: S104


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle that anybody may read."""
    return readable(copy_bundle(tmp_path_factory.mktemp("made")))


def readable(made: Bundle) -> Bundle:
    """The same bundle, for everybody."""
    for path in (made.folder, *made.folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return made


@pytest.fixture(scope="module")
def server(image: str, nobody: str, bundle: Bundle) -> Iterator[Container]:
    """A server of it, from the mount where KServe puts models."""
    mount = f"--volume={bundle.folder}:/mnt/models:ro"
    with container(image, SERVE, *LOCKED_DOWN, f"--user={nobody}", mount) as running:
        wait_for(lambda: answers(running, "/v2/health/ready"), running)
        yield running


def test_the_server_answers_as_its_bundle_says(server: Container, bundle: Bundle) -> None:
    """Every test case of the bundle, over HTTP, from a container that may do nothing."""
    found = verify(f"http://127.0.0.1:{server.port}/v1/models/customers:predict", bundle=bundle)
    assert found["failures"] == []
    assert found["cases"] >= 10


def test_what_kserve_fetches_is_the_bundle_and_is_served(
    image: str, nobody: str, bundle: Bundle, store: StoreSettings, tmp_path: Path
) -> None:
    """KServe's own code brings every file of the published address and nothing else; the container answers with it."""
    uri = publish(bundle.folder, connect(store))
    folder = fetched(uri, tmp_path / "models", store)
    told, found = (
        {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (bundle.folder, folder)
    )
    assert found == told
    mount = f"--volume={readable(open_bundle(folder)).folder}:/mnt/models:ro"
    with container(image, SERVE, *LOCKED_DOWN, f"--user={nobody}", mount) as running:
        wait_for(lambda: answers(running, "/v2/health/ready"), running)
        asked = verify(f"http://127.0.0.1:{running.port}/v1/models/customers:predict", bundle=bundle)
    assert asked["failures"] == []


def test_the_server_keeps_nothing_on_disk(server: Container) -> None:
    """It has written no file: no caches, and no identity for statistics that would be sent to a library's maker."""
    assert docker("exec", server.name, "find", "/tmp", "-type", "f").stdout == ""


def test_the_server_has_no_rights(server: Container) -> None:
    """It runs as the first process, without capabilities, and can gain none."""
    status = docker("exec", server.name, "cat", "/proc/1/status").stdout
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(told["CapEff"], 16) == int(told["CapBnd"], 16) == 0
    assert told["NoNewPrivs"] == "1"
    assert "0" not in told["Uid"].split()


def test_the_server_ends_when_it_is_told_to(image: str, nobody: str, bundle: Bundle) -> None:
    """SIGTERM to the first process of a container ends it at once and well; it need not be killed."""
    mount = f"--volume={bundle.folder}:/mnt/models:ro"
    with container(image, SERVE, *LOCKED_DOWN, f"--user={nobody}", mount) as running:
        wait_for(lambda: answers(running, "/v2/health/ready"), running)
        docker("stop", "--time=30", running.name)
        state = json.loads(docker("inspect", "--format", "{{json .State}}", running.name).stdout)
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


def test_a_bundle_that_was_changed_is_not_served(image: str, nobody: str, bundle: Bundle) -> None:
    """The container ends with the user's exit code and one sentence."""
    spoil = f"cp -r /mnt/models /tmp/spoilt && echo >> /tmp/spoilt/card.md && {' '.join(SERVE)}"
    command = ("sh", "-c", spoil.replace("--model /mnt/models", "--model /tmp/spoilt"))
    mount = f"--volume={bundle.folder}:/mnt/models:ro"
    ended = docker("run", "--rm", *LOCKED_DOWN, f"--user={nobody}", mount, image, *command, check=False)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("headrace: ")
    assert "card.md" in ended.stderr


@pytest.mark.exhaustive
def test_the_larger_image_explains_trees(engine: str, nobody: str, tmp_path: Path) -> None:
    """What explains them compiles when it is first asked; it does so as nobody, with nothing but /tmp."""
    with alone("image"):
        image = build(extra="explain", engine=engine)
    bundle = readable(make_bundle(tmp_path, family="hist_gradient_boosting"))
    mount = f"--volume={bundle.folder}:/mnt/models:ro"
    with container(image, SERVE, *LOCKED_DOWN, f"--user={nobody}", mount) as running:
        wait_for(lambda: answers(running, "/v2/health/ready"), running)
        case = bundle.json("cases.json")["cases"][0]["request"]
        place = f"http://127.0.0.1:{running.port}/v1/models/customers:explain"
        reply = urllib3.request("POST", place, json={"instances": [case]}, timeout=120)
    assert reply.status == 200, reply.data
    assert {"age", "spend", "plan"} <= set(reply.json()["explanations"][0]["contributions"])
