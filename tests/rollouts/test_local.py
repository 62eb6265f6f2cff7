"""The command on this machine: real servers, a table's rows as requests, real statistics."""

import json
import shlex
from pathlib import Path

import pytest

from tests.conftest import headrace
from tests.rollouts import bundles
from tests.rollouts.local import arguments, kept, made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the versions and a table of requests."""
    return made(tmp_path_factory.mktemp("rollouts"), *bundles.CANDIDATES)


def test_a_good_candidate_is_promoted(folder: Path, tmp_path: Path) -> None:
    """The last line says how to serve it; the record says all."""
    ended = headrace(*arguments(folder, "good", tmp_path))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "customers: promoted." in ended.stdout
    last = ended.stdout.strip().splitlines()[-1]
    assert last.startswith(f"Next: headrace serve {shlex.quote(str(folder / 'good' / 'bundle'))}")
    found = kept(tmp_path)
    assert found.status == "promoted"
    assert [step.percent for step in found.steps] == [20, 50]
    assert {check.name for check in found.steps[-1].checks} == {"errors", "latency", "slow", "shift", "outcome"}
    assert all(check.verdict == "good" for check in found.steps[-1].checks)
    total = found.steps[1]
    mine = total.candidate.counts().requests
    assert abs(mine / (mine + total.stable.counts().requests) - 0.5) < 0.15


@pytest.mark.parametrize(
    ("candidate", "check", "more"),
    [
        ("strict", "errors", ()),
        ("shifted", "shift", ("--tolerance", "shift=0.05", "--tolerance", "outcome=1")),
        ("slow", "latency", ("--floor-ms", "0.05", "--tolerance", "latency=1.2")),
        ("wrong", "outcome", ("--tolerance", "shift=1000")),
    ],
)
def test_a_worse_candidate_is_sent_back(
    folder: Path, tmp_path: Path, candidate: str, check: str, more: tuple[str, ...]
) -> None:
    """Each in its own way; the exit code says so, and the last line where to read why."""
    ended = headrace(*arguments(folder, candidate, tmp_path, *more))
    assert ended.returncode == 3, ended.stdout + ended.stderr
    found = kept(tmp_path)
    assert found.status == "rolled_back"
    assert {one.name for one in found.steps[-1].checks if one.verdict == "bad"} >= {check}
    assert ended.stdout.strip().splitlines()[-1] == (
        f"Next: read {tmp_path / 'rollout.json'}, which holds the numbers behind it; the former version serves."
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["x"], "must be given a --candidate, or one of --status"),
        (["x", "--candidate", "y", "--abort"], "must be given a --candidate, or one of"),
        (["x", "--candidate", "y", "--platform", "moon"], "--platform must be local or kserve"),
        (["x", "--candidate", "y", "--platform", "local"], "must be given a --table"),
        (["x", "--candidate", "y", "--platform", "local", "--table", "t.csv"], "there is no folder x"),
        (
            ["x", "--candidate", "y", "--platform", "local", "--table", "t.csv", "--steps", "a"],
            "--steps must be percents",
        ),
        (["x", "--candidate", "y", "--platform", "local", "--table", "t.csv", "--tolerance", "errors"], "errors=0.02"),
    ],
)
def test_what_cannot_be_is_one_sentence(given: list[str], told: str, tmp_path: Path) -> None:
    """With exit code 2, before anything is started."""
    ended = headrace("rollout", *given, "-o", str(tmp_path / "out"))
    assert ended.returncode == 2
    assert told in ended.stderr
    assert ended.stderr.strip().count("\n") == 0


def test_the_same_version_is_no_candidate(folder: Path, tmp_path: Path) -> None:
    """The sentence names its digest."""
    ended = headrace(*arguments(folder, "stable", tmp_path))
    assert ended.returncode == 2
    digest = json.loads((folder / "stable" / "bundle" / "manifest.json").read_text())["digest"]
    assert f"must be another version than the stable one; both are {digest[:12]}" in ended.stderr


def test_help_has_examples() -> None:
    """Of both places, and of what others may say."""
    told = " ".join(headrace("rollout", "--help").stdout.split())
    for word in ("--platform local --table customers.csv", "--status", "--prometheus http", "Exit code 0: promoted"):
        assert word in told
