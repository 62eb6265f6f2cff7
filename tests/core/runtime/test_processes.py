"""Helper processes never outlive their owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.runtime import processes
from tests.conftest import ignoring

pytestmark = pytest.mark.usefixtures("default_signals")

_OWNER = """
import sys, time
from pathlib import Path
from headrace.core.runtime.processes import lease, start_guarded
with lease(Path(sys.argv[1])) as held, open(sys.argv[2], "wb") as log:
    program = "import time; print('up', flush=True); time.sleep(600)"
    child = start_guarded([sys.executable, "-c", program], lease_path=held, log=log)
    print(child.pid, flush=True)
    time.sleep(600)
"""


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(part) for part in text.split()]


def _gone(pid: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not processes.running(pid):
            return True
        time.sleep(0.02)
    return False


def _wait_for(path: Path, text: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while text not in (path.read_text() if path.exists() else ""):
        assert time.monotonic() < deadline, f"{path} never held {text!r}"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_guarded_process_ends_with_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    """However the owner dies, the guard and its command are gone soon after."""
    log = tmp_path / "log"
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path / "lease"), str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert owner.stdout is not None
    with owner.stdout as told:
        guard = int(told.readline())
    _wait_for(log, "up")
    (command,) = _children(guard)
    owner.send_signal(number)
    owner.wait(20)
    assert _gone(guard)
    assert _gone(command)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_command_ends_when_its_guard_is_killed(tmp_path: Path) -> None:
    """A guard that is killed outright takes its command along."""
    with processes.lease(tmp_path / "lease") as held, (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
        guard = processes.start_guarded(command, lease_path=held, log=log)
        _wait_for(tmp_path / "log", "up")
        (child,) = _children(guard.pid)
        guard.kill()
        guard.wait(10)
        assert _gone(child)


def test_stop_ends_guard_and_command(tmp_path: Path) -> None:
    """Stopping a guard is enough to stop what it guards."""
    with processes.lease(tmp_path / "lease") as held, (tmp_path / "log").open("wb") as log:
        guard = processes.start_guarded(
            [sys.executable, "-c", "import time; time.sleep(600)"], lease_path=held, log=log
        )
        processes.stop(guard)
        assert not processes.running(guard.pid)


def test_the_guard_removes_the_commands_folder_after_its_end(tmp_path: Path) -> None:
    """The owner may be gone by then."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "file").write_text("left")
    with processes.lease(tmp_path / "lease") as held, (tmp_path / "log").open("wb") as log:
        guard = processes.start_guarded([sys.executable, "-c", ""], lease_path=held, log=log, scratch=scratch)
        assert guard.wait(30) == 0
    assert not scratch.exists()


def test_a_guard_and_its_command_are_ended_by_an_owner_that_ignores_signals(tmp_path: Path) -> None:
    """A run in the background may ignore what its helpers must obey; they end at once, and need not be killed."""
    with processes.lease(tmp_path / "lease") as held, (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
        with ignoring(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            guard = processes.start_guarded(command, lease_path=held, log=log)
        _wait_for(tmp_path / "log", "up")
        processes.stop(guard)
        assert guard.returncode == 128 + signal.SIGTERM


def test_stop_pid_ends_a_process_that_nobody_reaps(tmp_path: Path) -> None:
    """A process that has become a zombie counts as gone, so that stopping it does not wait for ever."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    processes.stop_pid(child.pid)
    assert not processes.running(child.pid)
    assert child.wait(30) == -signal.SIGTERM


def test_a_lease_has_one_holder(tmp_path: Path) -> None:
    """A second holder is refused in a sentence that names the folder."""
    with (
        processes.lease(tmp_path / "lease"),
        pytest.raises(InputError, match="is in use by another headrace process"),
        processes.lease(tmp_path / "lease"),
    ):
        pass


def test_the_guard_returns_its_commands_exit_code(tmp_path: Path) -> None:
    """A server that refuses to start is seen to have ended, with its own exit code."""
    with processes.lease(tmp_path / "lease") as held, (tmp_path / "log").open("wb") as log:
        guard = processes.start_guarded([sys.executable, "-c", "raise SystemExit(7)"], lease_path=held, log=log)
        assert guard.wait(20) == 7


def test_free_port_is_free() -> None:
    """The port that is found can be bound."""
    assert 1024 <= processes.free_port() <= 65535


def test_running_tells_the_living_from_the_gone() -> None:
    """This process runs; a pid beyond the system's range does not."""
    assert processes.running(os.getpid())
    assert not processes.running(2**22 + 1)


def test_a_group_runs_until_its_last_process_is_gone() -> None:
    """A child that outlives its parent counts; one that is dead and not yet reaped does not."""
    script = "sleep 60 & echo $!; exec true"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert processes.group_runs(parent.pid)
        os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while processes.group_runs(parent.pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert not processes.group_runs(parent.pid)


def test_a_process_that_ends_while_it_is_looked_at_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux lets /proc/PID/stat be opened and then refuses to read it (ESRCH) once the process is reaped."""

    def gone(*_: object, **__: object) -> str:
        raise ProcessLookupError(3, "No such process")

    monkeypatch.setattr(Path, "read_text", gone)
    assert not processes.running(os.getpid())


def test_a_process_of_another_account_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel says EPERM of it (kill(2)): a number that was used again is no error of whoever cleans up."""

    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(os, "killpg", refuse)
    assert processes.running(os.getpid())
    assert processes.group_runs(os.getpgrp())
