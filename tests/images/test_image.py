"""What is in the image, and what is not."""

import json
import re
import shutil
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from headrace.components.base import IMAGE
from images.build import build_image, context_of, lock_of, prepare_build
from tests.images.conftest import LOCKED_DOWN, docker
from tests.real_parts import alone

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]
_INSTALLED = """
import base64, hashlib, json
from importlib.metadata import distributions
found, wrong = {}, []
for one in distributions():
    found[one.metadata["Name"]] = one.version
    for file in one.files:
        if file.hash:
            digest = hashlib.new(file.hash.mode, file.locate().read_bytes()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
                wrong.append(str(file))
print(json.dumps({"found": found, "wrong": wrong}))
"""


def _inside(image: str, user: str, *command: str) -> str:
    """What a command prints in a container that may do nothing and reach nobody."""
    return docker("run", "--rm", *LOCKED_DOWN, "--network=none", f"--user={user}", image, *command).stdout


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(lock: Path) -> dict[str, str]:
    """What a lock pins for this Python on Linux: versions by package."""
    lines = [line for line in lock.read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))]
    wanted = [Requirement(line.removesuffix("\\").partition("--hash")[0].strip()) for line in lines]
    return {
        _canonical(one.name): str(one.specifier).removeprefix("==")
        for one in wanted
        if one.marker is None or one.marker.evaluate()
    }


def _layers(image: str) -> list[str]:
    """Digests of what each layer holds."""
    return list(json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image).stdout))


def test_it_is_the_image_of_the_compiled_pipelines(image: str) -> None:
    """Its name is the one that every step names, and it says what it is."""
    assert image == IMAGE
    labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", image).stdout)
    told = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert told["version"] == IMAGE.rpartition(":")[2]
    assert told["licenses"] == "Apache-2.0"
    assert told["created"].endswith("+00:00")
    assert {"title", "description", "revision", "base.name"} <= set(told)


def test_it_holds_what_the_lock_pins_and_nothing_else(image: str, nobody: str) -> None:
    """Every package is there in its version, each file as its wheel recorded it, and no package stands beside them."""
    told = json.loads(_inside(image, nobody, "python3", "-c", _INSTALLED))
    installed = {_canonical(name): version for name, version in told["found"].items()}
    assert installed == {**_pins(lock_of()), "headrace": IMAGE.rpartition(":")[2]}
    assert told["wrong"] == []


def test_wheels_are_the_locks_own(image: str) -> None:
    """Each wheel has a hash that the lock allows, but for the one package that is published as source only."""
    lines = [line.split(" --hash=") for line in (context_of() / "wheels" / "wheels.lock").read_text().splitlines()[1:]]
    lock = lock_of().read_text()
    assert {pin.partition("==")[0] for pin, digest in lines if digest not in lock} <= {"kfp-server-api"}
    assert {_canonical(pin.partition("==")[0]) for pin, _ in lines} == set(_pins(lock_of()))


def test_it_is_nobodys(image: str, nobody: str) -> None:
    """By itself it does not run as root; under any other number it works, has a name and a home."""
    assert docker("run", "--rm", image, "id", "-u").stdout.strip() not in {"", "0"}
    program = "import getpass, os, pathlib; print(os.getuid(), getpass.getuser(), pathlib.Path.home())"
    assert _inside(image, nobody, "python3", "-c", program).split() == [nobody.partition(":")[0], "headrace", "/tmp"]


def test_nothing_in_it_compiles_or_changes_its_user(image: str, nobody: str) -> None:
    """There is no compiler and no program that runs as another than who started it."""
    search = "for one in cc gcc g++ c++ clang ld as make; do command -v $one; done; find / -xdev -type f -perm /6000"
    ended = docker("run", "--rm", f"--user={nobody}", image, "sh", "-c", f"{search} 2>/dev/null; true")
    assert ended.stdout.split() == []


def test_nothing_but_tmp_can_be_written(image: str, nobody: str) -> None:
    """Where the root is not mounted read-only, an arbitrary user of group 0 can change no file of the image either."""
    search = r"find / -xdev \( -type f -o -type d \) -writable 2>/dev/null; true"
    found = docker("run", "--rm", f"--user={nobody}", image, "sh", "-c", search).stdout.split()
    assert found == ["/tmp"]


def test_everything_has_its_byte_code(image: str, nobody: str) -> None:
    """What a read-only root keeps from being written is there: the server's imports compile nothing."""
    program = "import sys; sys.argv = ['x']; import headrace.serving.worker, headrace.core.inference.engine; "
    program += "import kserve, kfp, optuna"
    told = docker("run", "--rm", f"--user={nobody}", image, "python3", "-v", "-c", program).stderr
    compiled = re.findall(r"^# code object from (?!')(\S+)", told, re.MULTILINE)
    assert "matches" in told, "python -v tells what byte code it used"
    assert [path for path in compiled if not path.endswith(".pyc")] == []


def test_the_whole_line_runs_in_it(image: str, nobody: str) -> None:
    """Table, store, server and question in one container: no network, no rights, and a /tmp that runs no programs."""
    told = _inside(image, nobody, "headrace", "demo", "--output", "/tmp/demo")
    assert re.search(r"endpoint +verified with \d+ test cases", told), told
    assert told.strip().splitlines()[-1].startswith("Next: "), told


@pytest.mark.slow
def test_building_again_makes_the_same_layers(engine: str, image: str, tmp_path: Path) -> None:
    """From the same tree and base, without any cache: every byte, time, mode and owner of every file, in order."""
    again = f"{image.partition(':')[0]}:again"
    with alone("image"):
        context = shutil.copytree(prepare_build(), tmp_path / "context")
    try:
        build_image(context, again, engine=engine, options=["--no-cache"])
        assert _layers(again) == _layers(image)
    finally:
        with alone("image"):  # another build would take up the layers that are removed here
            docker("rmi", "--force", again)
        shutil.rmtree(context)
