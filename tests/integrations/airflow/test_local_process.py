"""Processes that outlive the task which started them. No Airflow here."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace_provider.local_process import LocalProcess, LogReader, missing_program, start
from headrace_provider.program import HeadraceError

ENVIRONMENT = {"PATH": os.defpath}
_START = """
import sys, time
from pathlib import Path
from headrace_provider.local_process import start
start(Path(sys.argv[1]), ["sleep", sys.argv[2]], environment={"PATH": "/usr/bin:/bin"})
print("started", flush=True)
time.sleep(600)
"""


def _wait(process: LocalProcess) -> None:
    deadline = time.monotonic() + 60
    while process.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_end_leaves_its_exit_code_and_its_log(tmp_path: Path) -> None:
    """Both can be read by anybody who has the folder."""
    process = start(tmp_path / "run", ["sh", "-c", "echo one; echo two >&2; exit 3"], environment=ENVIRONMENT)
    _wait(process)
    again = LocalProcess(tmp_path / "run")
    assert (again.is_running(), again.exit_code()) == (False, 3)
    assert again.log.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("killed", [False, True])
def test_the_process_is_found_again_when_its_starter_was_killed(tmp_path: Path, *, killed: bool) -> None:
    """By kill -9, as the system does it; it goes on, and another process can follow it or end it."""
    seconds = "300" if killed else "1"
    arguments = [sys.executable, "-c", _START, str(tmp_path / "run"), seconds]
    told = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=told) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        starter.kill()
    found = LocalProcess(tmp_path / "run")
    assert found.is_running()
    if killed:
        found.end()
        assert not found.is_running()
        assert found.exit_code() is None  # the shell was ended too
    else:
        _wait(found)
        assert found.exit_code() == 0


def test_what_does_not_end_by_sigterm_is_killed(tmp_path: Path) -> None:
    """With all processes of its group."""
    command = ["sh", "-c", "trap '' TERM; echo ready; while true; do sleep 1; done"]
    process = start(tmp_path / "run", command, environment=ENVIRONMENT)
    deadline = time.monotonic() + 60
    while "ready" not in process.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.end(seconds=0.3)
    assert not process.is_running()


def test_nothing_is_signalled_that_is_not_its_own(tmp_path: Path) -> None:
    """The number in its folder may be another process's by now: here it is this test's own child."""
    process = start(tmp_path / "run", ["true"], environment=ENVIRONMENT)
    _wait(process)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        (tmp_path / "run" / "pid").write_text(str(other.pid))
        process.end(seconds=0.1)
        assert other.poll() is None
        other.send_signal(signal.SIGKILL)


def test_lines_of_a_log_are_given_once(tmp_path: Path) -> None:
    """A line that is not whole yet waits; one that is too long is divided."""
    log = tmp_path / "log"
    log.write_bytes(b"one\ntw")
    reader = LogReader(log)
    assert reader.lines() == ["one"]
    with log.open("ab") as stream:
        stream.write(b"o\n" + b"x" * 20000 + b"\n\xff")
    assert [len(line) for line in reader.lines()] == [3, 8192, 8192, 3616]
    assert reader.lines(last=True) == ["\ufffd"]
    reader.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Before anything is started."""
    (tmp_path / "file").touch()
    with pytest.raises(HeadraceError, match="cannot be made"):
        start(tmp_path / "file" / "run", ["true"], environment=ENVIRONMENT)


def test_a_program_that_the_shell_does_not_find_is_told(tmp_path: Path) -> None:
    """The shell's own exit code says it."""
    process = start(tmp_path / "run", [str(tmp_path / "headrace"), "run"], environment=ENVIRONMENT)
    _wait(process)
    sentence = missing_program([str(tmp_path / "headrace")], process.exit_code())
    assert "cannot be started (No such file or directory)" in sentence
    assert not missing_program(["headrace"], 2)
