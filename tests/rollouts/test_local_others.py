"""What other processes do with a rollout on this machine, and what is left of one that was killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.rollouts.record.record import RolloutRecord
from tests import fork_server
from tests.conftest import headrace
from tests.rollouts.local import arguments, kept, made, said

pytestmark = pytest.mark.usefixtures("default_signals")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the versions and a table of requests."""
    return made(tmp_path_factory.mktemp("rollouts"), "good", "strict")


def until(home: Path, holds: Callable[[RolloutRecord], bool]) -> RolloutRecord:
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
    command = [fork_server.python(), "-m", "headrace.cli.main", *arguments(folder, "good", home, *slowly)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_others_see_pause_resume_and_abort_it(folder: Path, tmp_path: Path) -> None:
    """From processes of their own, which say what comes of it."""
    running = start(folder, tmp_path)
    try:
        until(tmp_path, lambda found: bool(found.steps and found.steps[-1].polls))
        assert "running at 20 %" in said(folder, tmp_path, "--status").stdout
        second = headrace(*arguments(folder, "strict", tmp_path))
        assert second.returncode == 2
        assert "is under way (running at 20 %" in second.stderr
        assert "the rollout reads it at its next poll" in said(folder, tmp_path, "--pause").stdout
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_rollout_that_is_ended_is_gone_on_with(folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Its servers are gone with it, its counts are not; somebody else brings it to its end."""
    running = start(folder, tmp_path)
    try:
        until(tmp_path, lambda found: bool(found.steps and found.steps[-1].polls >= 2))
        os.kill(running.pid, number)
        running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    found = kept(tmp_path)
    assert found.status == ("running" if number == signal.SIGKILL else "held")
    assert "no process runs it" in said(folder, tmp_path, "--status").stdout
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
