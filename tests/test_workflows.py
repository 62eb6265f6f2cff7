"""The workflows of the project's hosting are what the Makefile offers, with no rights that they do not need."""

import re
import shlex
import subprocess
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
_DIGEST = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def _workflow(name: str) -> dict[Any, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text()))


def _jobs(name: str) -> list[dict[str, Any]]:
    return list(_workflow(name)["jobs"].values())


def _commands(name: str) -> list[str]:
    return [step["run"] for job in _jobs(name) for step in job["steps"] if "run" in step]


def _called(name: str) -> set[str]:
    """Targets of the Makefile that a workflow calls."""
    lines = [shlex.split(line) for command in _commands(name) for line in command.splitlines() if "make" in line]
    return {word for words in lines if words[0] == "make" for word in words[1:] if "=" not in word}


def test_workflows_exist() -> None:
    """One for changes, one for releases."""
    assert NAMES == ["release.yml", "test.yml"]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_calls_targets_that_there_are(name: str) -> None:
    """What a workflow does, anybody can do here: by a target of the Makefile that says what it is."""
    explained = re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert _called(name)
    assert _called(name) <= set(explained)


def test_workflows_do_what_they_are_for() -> None:
    """A change is checked and tested, also in the image; a release is compiled, built, listed, pushed and signed."""
    assert _called("test.yml") == {"check", "test", "jvm", "image", "sbom", "test-real"}
    assert _called("release.yml") == {"compiled", "jvm", "image", "sbom", "push"}
    told = "\n".join(_commands("release.yml"))
    assert re.search(r"^cosign sign --yes", told, re.MULTILINE)
    assert re.search(r"^cosign attest --yes --type cyclonedx", told, re.MULTILINE)
    assert re.search(r"gh release upload .*pipelines/compiled/\*\.yaml", told)


@pytest.mark.parametrize("name", NAMES)
def test_the_markers_that_a_workflow_asks_for_exist(name: str) -> None:
    """A marker that is misspelt would select nothing, and pass."""
    known = set(re.findall(r'^    "(\w+):', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE))
    asked = " ".join(re.findall(r'MARKS="([^"]*)"', "\n".join(_commands(name))))
    assert set(re.findall(r"\w+", asked)) - {"and", "or", "not"} <= known


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_pinned_by_digest(name: str) -> None:
    """A version can be moved by whoever owns the action; its digest cannot. The comment tells people the version."""
    used = [line.strip(" -") for line in (FOLDER / name).read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not _DIGEST.match(line)] == []


@pytest.mark.parametrize("name", NAMES)
def test_rights_are_few(name: str) -> None:
    """A workflow may read; a job names what it may do beside that, has an end, and leaves no credentials behind."""
    assert _workflow(name)["permissions"] == {"contents": "read"}
    for job in _jobs(name):
        assert set(job.get("permissions", {})) <= {"contents", "id-token"}
        assert job["timeout-minutes"] <= 60
        checkouts = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_shell_and_hold_no_foreign_text(name: str) -> None:
    """A shell can read each; what comes from outside comes by the environment, where it cannot become a command."""
    for command in _commands(name):
        assert "${{" not in command
        assert subprocess.run(["bash", "-n"], input=command, text=True, check=False).returncode == 0, command


def test_no_file_names_a_registry() -> None:
    """Where images are pushed to is a setting of whoever hosts the project."""
    paths = [*FOLDER.iterdir(), *(REPOSITORY / "images").iterdir(), REPOSITORY / "Makefile"]
    for path in paths:
        if path.is_file():
            assert not re.search(r"ghcr\.io|docker\.io/|quay\.io|gcr\.io|pypi\.org", path.read_text()), path
