"""However a run is ended, nothing runs on, and the same command run again succeeds."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import headrace, ignoring, write_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.usefixtures("default_signals"),
]


def _descendants(home: Path) -> list[str]:
    """Command lines of all processes that run for ``home``: they carry its lease in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"HEADRACE_LEASE={home}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended while it was looked at
    return found


def _events(home: Path) -> list[dict[str, str]]:
    rows = [row for path in home.glob(".staging-*/logs/events.jsonl") for row in path.read_text().splitlines()]
    return [json.loads(row) for row in rows]


def _at(step: str, table: Path, home: Path) -> "subprocess.Popen[bytes]":
    """A run that has begun a step."""
    command = [sys.executable, "-m", "headrace.cli.main", "run", str(table), "--target", "churn", "--budget", "3"]
    run = subprocess.Popen([*command, "--output", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 150
    while not any(event["event"] == "start" and event["step"] == step for event in _events(home)):
        assert run.poll() is None, f"the run ended before {step}"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return run


def _kill_at(step: str, number: signal.Signals, table: Path, home: Path) -> None:
    run = _at(step, table, home)
    run.send_signal(number)
    run.wait(30)


def _all_gone(home: Path, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while _descendants(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("ingest", signal.SIGINT),
        ("tune", signal.SIGTERM),
        ("deploy", signal.SIGTERM),
        ("verify_endpoint", signal.SIGKILL),
    ],
)
def test_nothing_runs_on(step: str, number: signal.Signals, tmp_path: Path) -> None:
    """Store, model server, runner and steps are gone, and no summary tells of a whole run."""
    table, home = write_table(tmp_path / "customers.csv", rows=200), tmp_path / "out"
    _kill_at(step, number, table, home)
    assert _all_gone(home), _descendants(home)
    assert not (home / "summary.json").exists()


def test_the_same_command_succeeds_after_a_kill(tmp_path: Path) -> None:
    """A run that was killed outright while it published does not stand in the way of the next."""
    table, home = write_table(tmp_path / "customers.csv", rows=200), tmp_path / "out"
    _kill_at("publish", signal.SIGKILL, table, home)
    again = headrace("run", str(table), "--target", "churn", "--budget", "3", "--output", str(home), fresh=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert (home / "summary.json").exists()
    assert not list(home.glob(".staging-*"))
    assert _all_gone(home), _descendants(home)


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    """Whoever closes the terminal, or presses Ctrl-C in a script that runs it by ``&``, finds its results later."""
    table, home = write_table(tmp_path / "customers.csv", rows=200), tmp_path / "out"
    with ignoring(signal.SIGHUP, signal.SIGINT):
        run = _at("tune", table, home)
    for number in (signal.SIGHUP, signal.SIGINT):
        run.send_signal(number)
    assert run.wait(240) == 0
    assert (home / "summary.json").exists()


def test_a_good_run_leaves_nothing_running(tmp_path: Path) -> None:
    """When the command returns, its servers are gone already."""
    table, home = write_table(tmp_path / "customers.csv", rows=200), tmp_path / "out"
    ended = headrace("run", str(table), "--target", "churn", "--budget", "3", "--output", str(home), fresh=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert _descendants(home) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    "step",
    ["infer_contract", "validate", "profile", "engineer", "split", "train", "evaluate", "gate", "package", "report"],
)
def test_nothing_runs_on_at_any_other_step(step: str, number: signal.Signals, tmp_path: Path) -> None:
    """The same for every step and signal."""
    test_nothing_runs_on(step, number, tmp_path)


def test_this_test_can_see_processes(tmp_path: Path) -> None:
    """The look into /proc finds a process that carries the lease, so that finding none means something."""
    mark = f"{tmp_path}/lease"
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, "HEADRACE_LEASE": mark}
    )
    try:
        assert len(_descendants(tmp_path)) == 1
    finally:
        child.kill()
        child.wait(10)
