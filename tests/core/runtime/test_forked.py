"""Forked processes under a guard: what they share, how they end, and when forking is not allowed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks only where /proc tells of threads")

_HEAD = """
import os, sys, threading, time
from pathlib import Path
from headrace.core.runtime.forked import fork_guarded, may_fork
from headrace.core.runtime.processes import lease, running, stop
folder = Path(sys.argv[1])
"""


def _run(program: str, folder: Path) -> str:
    """Run a program in a process of its own, which alone may fork."""
    ended = subprocess.run(
        [sys.executable, "-c", _HEAD + program, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_fork_says_what_it_says_into_the_log_and_gives_its_exit_code(tmp_path: Path) -> None:
    """Its output does not reach the owner's streams; an exception is a trace in the log and the code 1."""
    told = _run(
        """
def speak():
    print("hello from the fork")
    return 7
def fail():
    raise ValueError("nonsense")
print("unflushed words of the owner", end="")
with lease(folder / "lease") as held, (folder / "log").open("wb") as log:
    codes = [fork_guarded(act, lease_path=held, log=log).wait(30) for act in (speak, fail)]
print(codes)
""",
        tmp_path,
    )
    assert told == "unflushed words of the owner[7, 1]\n"
    log = (tmp_path / "log").read_text()
    assert log.startswith("hello from the fork\n")
    assert "ValueError: nonsense" in log
    assert "unflushed" not in log


@pytest.mark.parametrize("end", ["stop(child)", "held.unlink() or stack.close()"])
def test_a_fork_ends_when_told_or_with_the_lease(tmp_path: Path, end: str) -> None:
    """Neither the guard nor the program below it is left."""
    told = _run(
        f"""
import contextlib
def work():
    (folder / "pid").write_text(str(os.getpid()))
    time.sleep(600)
    return 0
with contextlib.ExitStack() as stack, (folder / "log").open("wb") as log:
    held = stack.enter_context(lease(folder / "lease"))
    child = fork_guarded(work, lease_path=held, log=log)
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        time.sleep(0.01)
    inner = int((folder / "pid").read_text())
    assert child.poll() is None and running(inner) and inner != child.pid
    {end}
    child.wait(20)
    print(running(child.pid), running(inner))
""",
        tmp_path,
    )
    assert told == "False False\n"


def test_a_process_with_a_second_thread_must_not_be_forked(tmp_path: Path) -> None:
    """A lock that another thread holds would be held in the fork for ever."""
    told = _run(
        """
print(may_fork())
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
print(may_fork())
""",
        tmp_path,
    )
    assert told.split() == ["True", "False"]


def test_waiting_for_a_fork_can_be_bounded(tmp_path: Path) -> None:
    """As with Popen: the time-out is told, and the fork goes on."""
    told = _run(  # which would not wait for all of the fork's ten minutes
        """
import subprocess
with lease(folder / "lease") as held, (folder / "log").open("wb") as log:
    child = fork_guarded(lambda: time.sleep(600) or 0, lease_path=held, log=log)
    try:
        child.wait(0.2)
    except subprocess.TimeoutExpired:
        print("still running")
    child.kill()
    print(child.wait(), child.poll())
""",
        tmp_path,
    )
    assert told == "still running\n-9 -9\n"
