"""The command on this machine: real servers, a table's rows as requests, real statistics."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.rollouts.record import Record, loads
from tests.conftest import headrace, write_table
from tests.rollouts import bundles

QUICK = ("--steps", "20,50,100", "--step-requests", "100", "--step-time", "1s", "--look", "1s", "--patience", "2m")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the versions and a table of requests."""
    made = tmp_path_factory.mktemp("rollouts")
    for key, make in {"stable": bundles.stable, **bundles.CANDIDATES}.items():
        make(made / key)
    write_table(made / "traffic.csv", rows=1000, seed=99)
    return made


def arguments(folder: Path, candidate: str, home: Path, *more: str) -> list[str]:
    """Arguments of a rollout of a candidate."""
    given = ["--candidate", str(folder / candidate / "bundle"), "--table", str(folder / "traffic.csv")]
    return ["rollout", str(folder / "stable" / "bundle"), *given, "--to", "local", "-o", str(home), *QUICK, *more]


def said(folder: Path, home: Path, *action: str) -> "subprocess.CompletedProcess[str]":
    """What somebody says of a rollout in a process of their own."""
    return headrace("rollout", str(folder / "stable" / "bundle"), "--to", "local", "-o", str(home), *action)


def kept(home: Path) -> Record:
    """The record."""
    return loads((home / "rollout.json").read_bytes(), "it")


def test_a_good_candidate_is_promoted(folder: Path, tmp_path: Path) -> None:
    """The last line says how to serve it; the record says all."""
    ended = headrace(*arguments(folder, "good", tmp_path))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "customers: promoted." in ended.stdout
    last = ended.stdout.strip().splitlines()[-1]
    assert last.startswith(f"Next: headrace serve {folder / 'good' / 'bundle'}")
    found = kept(tmp_path)
    assert found.status == "promoted"
    assert [step.percent for step in found.steps] == [20, 50]
    assert {check.name for check in found.steps[-1].checks} == {"errors", "latency", "slow", "shift", "outcome"}
    assert all(check.verdict == "good" for check in found.steps[-1].checks)
    total = found.steps[1]
    mine = total.candidate.counts().requests
    assert abs(mine / (mine + total.stable.counts().requests) - 0.5) < 0.1


@pytest.mark.parametrize(
    ("candidate", "check", "more"),
    [
        ("strict", "errors", ()),
        ("shifted", "shift", ("--tolerate", "shift=0.05", "--tolerate", "outcome=1")),
        ("slow", "latency", ("--floor-ms", "0.05", "--tolerate", "latency=1.2")),
        ("wrong", "outcome", ("--tolerate", "shift=1000")),
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
        f"Next: read {tmp_path / 'rollout.json'}, which says on which numbers; the former version answers."
    )


def until(home: Path, holds: Callable[[Record], bool]) -> Record:
    """Wait until a record is so."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (home / "rollout.json").exists() and holds(found := kept(home)):
            return found
        time.sleep(0.1)
    raise AssertionError((home / "rollout.json").read_text())


def start(folder: Path, home: Path, *more: str) -> "subprocess.Popen[str]":
    """Begin a rollout that takes its time."""
    slowly = ("--rate", "40", "--step-requests", "100000", *more)
    command = [sys.executable, "-m", "headrace.cli.main", *arguments(folder, "good", home, *slowly)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_others_see_pause_resume_and_abort_it(folder: Path, tmp_path: Path) -> None:
    """From processes of their own, which say what comes of it."""
    running = start(folder, tmp_path)
    try:
        until(tmp_path, lambda found: bool(found.steps and found.steps[-1].looks))
        assert "running at 20 %" in said(folder, tmp_path, "--status").stdout
        second = headrace(*arguments(folder, "strict", tmp_path))
        assert second.returncode == 2
        assert "is under way (running at 20 %" in second.stderr
        assert "it hears so at its next look" in said(folder, tmp_path, "--pause").stdout
        until(tmp_path, lambda found: found.status == "paused")
        assert said(folder, tmp_path, "--resume").returncode == 0
        until(tmp_path, lambda found: found.status == "running")
        assert said(folder, tmp_path, "--abort").returncode == 0
        told, _ = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 3, told
    assert "(paused)" in told
    assert "customers: aborted." in told
    assert kept(tmp_path).reasons == ("somebody aborted it.",)
    late = said(folder, tmp_path, "--pause")
    assert (late.returncode, "no rollout is under way" in late.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_rollout_that_is_ended_is_gone_on_with(folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Its servers are gone with it, its counts are not; somebody else brings it to its end."""
    running = start(folder, tmp_path)
    try:
        until(tmp_path, lambda found: bool(found.steps and found.steps[-1].looks >= 2))
        os.kill(running.pid, number)
        running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    found = kept(tmp_path)
    assert found.status == ("running" if number == signal.SIGKILL else "held")
    assert "nobody goes on with it" in said(folder, tmp_path, "--status").stdout
    assert said(folder, tmp_path, "--pause").returncode == 2
    # What was asked for stays: a plan that nobody can fulfil is mended in the record for the sake of the test.
    quick = found.model_copy(update={"plan": found.plan.model_copy(update={"step_requests": 100})})
    (tmp_path / "rollout.json").write_text(quick.to_json())
    ended = said(folder, tmp_path, "--resume", "--table", str(folder / "traffic.csv"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    last = kept(tmp_path)
    assert last.status == "promoted"
    before, after = (one.steps[0].candidate.counts().requests for one in (found, last))
    assert after > before > 0


def test_one_that_nobody_goes_on_with_is_aborted(folder: Path, tmp_path: Path) -> None:
    """Without a table, and without a server."""
    running = start(folder, tmp_path)
    until(tmp_path, lambda found: bool(found.steps))
    running.kill()
    running.communicate(timeout=60)
    assert said(folder, tmp_path, "--abort").returncode == 0
    assert kept(tmp_path).status == "aborted"
    assert said(folder, tmp_path, "--resume").returncode == 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["x"], "must be given a --candidate, or one of --status"),
        (["x", "--candidate", "y", "--abort"], "must be given a --candidate, or one of"),
        (["x", "--candidate", "y", "--to", "moon"], "--to must be local or kserve"),
        (["x", "--candidate", "y", "--to", "local"], "must be given a --table"),
        (["x", "--candidate", "y", "--to", "local", "--table", "t.csv"], "there is no folder x"),
        (["x", "--candidate", "y", "--to", "local", "--table", "t.csv", "--steps", "a"], "--steps must be percents"),
        (["x", "--candidate", "y", "--to", "local", "--table", "t.csv", "--tolerate", "errors"], "errors=0.02"),
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
    for word in ("--to local --table customers.csv", "--status", "--prometheus http", "Exit code 0: promoted"):
        assert word in told
