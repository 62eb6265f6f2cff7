"""Steps forked from the warm process behave as steps in an interpreter of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.pipelines.local import launch, prefork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="steps are forked on Linux only")

# Stands for kfp's executor: shows what a step sees.
_STEP = """
import os, sys
def executor_main():
    if sys.argv[1] == "die":
        os.kill(os.getpid(), 9)
    print("out", sys.argv[1:], os.getcwd(), os.environ.get("MARK"), "preloaded" in sys.modules)
    print("err", file=sys.stderr)
    sys.exit(int(sys.argv[1]))
"""
_SERVER = """
import sys, types
from headrace.pipelines.local import prefork
kfp, dsl = types.ModuleType("kfp"), types.ModuleType("kfp.dsl")
step = types.ModuleType("kfp.dsl.executor_main")
exec(open(sys.argv[2]).read(), step.__dict__)
kfp.dsl, dsl.executor_main = dsl, step
sys.modules.update({"kfp": kfp, "kfp.dsl": dsl, "kfp.dsl.executor_main": step, "preloaded": step})
prefork._FIRST = prefork._THEN = ()
prefork.serve(sys.argv[1])
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a warm process listens that holds a stand-in for the executor."""
    (tmp_path / "step.py").write_text(_STEP)
    path = tmp_path / "warm"
    server = subprocess.Popen([sys.executable, "-c", _SERVER, str(path), str(tmp_path / "step.py")])
    deadline = time.monotonic() + 30
    while not path.exists():
        assert server.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield str(path)
    server.kill()
    server.wait(10)


def _launch(address: str, *arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", "-E", launch.__file__, address, sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize("code", [0, 1, 7])
def test_a_step_sees_what_its_caller_sees(address: str, tmp_path: Path, code: int) -> None:
    """Arguments, folder, environment, streams and exit code are the caller's; modules are there already."""
    ended = _launch(address, "-m", "kfp.dsl.executor_main", str(code), "ü 🌊", folder=tmp_path, MARK="mine")
    assert ended.returncode == code
    assert ended.stdout == f"out ['{code}', 'ü 🌊'] {tmp_path} mine True\n"
    assert ended.stderr == "err\n"


def test_a_long_request_arrives_whole(address: str, tmp_path: Path) -> None:
    """Arguments as long as the operating system allows are handed over."""
    text = "x" * 120_000
    ended = _launch(address, "-m", "kfp.dsl.executor_main", "0", text, folder=tmp_path)
    assert text in ended.stdout


def test_without_a_warm_process_the_interpreter_runs(tmp_path: Path) -> None:
    """A step that comes before the process is warm takes the plain way."""
    ended = _launch(str(tmp_path / "nobody"), "-c", "print('plain'); raise SystemExit(3)", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (3, "plain\n")


def test_other_programs_run_in_an_interpreter_of_their_own(address: str, tmp_path: Path) -> None:
    """What is not a step is not forked."""
    program = "import sys; print('preloaded' in sys.modules); raise SystemExit(5)"
    ended = _launch(address, "-c", program, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (5, "False\n")


def test_a_killed_step_is_a_failed_step(address: str, tmp_path: Path) -> None:
    """A step that is killed outright never looks as if it had succeeded, and the next one runs."""
    assert _launch(address, "-m", "kfp.dsl.executor_main", "die", folder=tmp_path).returncode == 137
    assert _launch(address, "-m", "kfp.dsl.executor_main", "0", folder=tmp_path).returncode == 0


def test_the_launcher_needs_no_packages() -> None:
    """It runs without site-packages, which is what makes it quick."""
    source = Path(launch.__file__).read_text()
    assert "headrace" not in source.split('"""')[2]


@pytest.mark.parametrize("name", ["2026-11-29T09:15:18", "x" * 120])
def test_a_folder_that_no_path_or_socket_can_hold_has_no_warm_process(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps then start in an interpreter of their own: a colon in PATH would hide the command from KFP."""
    before = (sys.executable, os.environ["PATH"])
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    prefork.start(tmp_path / name)
    assert (sys.executable, os.environ["PATH"]) == before
    assert not (tmp_path / name).exists()
