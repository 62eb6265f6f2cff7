"""The sandbox: what code in it sees, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.model_import.sandbox import launch
from headrace.model_import.sandbox.run import SandboxLimits, load_in_sandbox
from tests.real_parts import missing

_LIMITS = SandboxLimits(memory_bytes=1 << 30, cpu_seconds=20, seconds=30, output_bytes=1 << 16)
_TRY = """
import os, socket, sys
def tried(what, *given):
    try:
        return repr(what(*given))
    except Exception as error:
        return type(error).__name__
"""


@pytest.fixture(scope="module", autouse=True)
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("probe")
    try:
        load_in_sandbox(folder, "m", loader="pass", limits=_LIMITS)
    except InputError as error:
        missing(f"no sandbox here: {error}")


def run(folder: Path, text: str, limits: SandboxLimits = _LIMITS) -> str:
    """Run Python in the sandbox, and return what it wrote."""
    return load_in_sandbox(folder, "model.pkl", loader=_TRY + text, limits=limits).decode()


def test_only_the_model_and_python_are_there(tmp_path: Path) -> None:
    """No file of the user, no key, no process, no network, and nothing to write but an empty folder."""
    (tmp_path / "model.pkl").write_bytes(b"x")
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.write_text("key")
    text = f"""
print(sorted(os.environ), open(sys.argv[1]).read(), os.listdir("/model"), os.listdir("/tmp"))
print(tried(open, {str(secret)!r}), tried(open, "/etc/passwd"), tried(os.listdir, "/proc"), tried(os.listdir, "/home"))
print(tried(open, "/model/new", "w"), tried(open, "/usr/new", "w"), tried(open, "/new", "w"))
print(open("/tmp/new", "w").write("y"))
print(tried(socket.create_connection, ("127.0.0.1", 22), 2), tried(socket.create_connection, ("192.0.2.1", 80), 2))
print(tried(os.kill, {os.getpid()}, 0), tried(os.kill, {os.getppid()}, 0), tried(os.setuid, 0))
"""
    told = run(tmp_path, text).splitlines()
    # Where Python itself lies below /tmp, so does the way to it.
    parts = Path(sys.prefix).parts
    way = [parts[2]] if parts[1] == "tmp" else []
    assert told[0] == f"['HOME', 'LANG', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'] x ['model.pkl'] {way}"
    assert told[1] == "FileNotFoundError FileNotFoundError FileNotFoundError FileNotFoundError"
    assert told[2:4] == ["OSError OSError OSError", "1"]
    assert told[4] == "OSError OSError"
    assert told[5].startswith("ProcessLookupError ProcessLookupError ")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("held = []\nwhile True: held.append(bytearray(1 << 24))", "'MemoryError'"),
        ("import time; time.sleep(60)", "must be loaded within 2 seconds"),
        ("while True: os.write(1, b'x' * 65536)", "at most 65,536 bytes"),
        ("raise ValueError('broken\\nby two lines')", "by two lines"),
        ("open('/tmp/x', 'wb').truncate(1 << 40)", "failed with"),
    ],
)
def test_what_takes_too_much_is_ended(text: str, told: str, tmp_path: Path) -> None:
    """By one sentence, and without a process that stays."""
    limits = SandboxLimits(
        memory_bytes=1 << 29, cpu_seconds=20, seconds=2 if "sleep" in text else 30, output_bytes=1 << 16
    )
    with pytest.raises(InputError) as caught:
        run(tmp_path, text, limits)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_sandbox_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where namespaces are forbidden the model is refused: its code has not run."""
    script = Path(launch.__file__).read_text()
    assert '_call("unshare", ' in script
    refusing = tmp_path / "launch.py"
    # The limit on namespaces that a machine may set, as its kernel says it.
    refusing.write_text(
        script.replace('_call("unshare", ', 'raise OSError(28, "No space left on device"); _call("unshare", ')
    )
    monkeypatch.setattr(launch, "__file__", str(refusing))
    with pytest.raises(InputError, match=r"none can be made here .*; nothing was run"):
        run(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert not (tmp_path / "ran").exists()


def test_it_ends_with_the_process_that_waits(tmp_path: Path) -> None:
    """A killed import leaves nothing behind: what it started ends with its launcher."""
    command = [sys.executable, "-I", "-S", launch.__file__, str(tmp_path), sys.prefix]
    command += [str(os.getpid()), str(1 << 30), "20", "60"]
    loader = "import os, time\nos.write(1, b'here')\ntime.sleep(60)"
    with subprocess.Popen([*command, loader], stdout=subprocess.PIPE, env={}) as started:
        assert started.stdout is not None
        assert started.stdout.read(4) == b"here"
        started.kill()
        # All that hold the pipe have ended.
        assert started.stdout.read() == b""


def test_it_ends_with_a_killed_import(tmp_path: Path) -> None:
    """``kill -9`` of the process that started the launcher ends the launcher too, and all in the sandbox."""
    command = [sys.executable, "-I", "-S", launch.__file__, str(tmp_path), sys.prefix]
    limits = [str(1 << 30), "20", "60", "import os, time\nos.write(1, b'here')\ntime.sleep(60)"]
    script = f"import os, subprocess\nsubprocess.run([*{command!r}, str(os.getpid()), *{limits!r}], env={{}})"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.read(4) == b"here"
        started.kill()
        # All that hold the pipe have ended.
        assert started.stdout.read() == b""


def test_it_ends_by_itself_after_its_time(tmp_path: Path) -> None:
    """The launcher keeps its own limit of time."""
    command = [sys.executable, "-I", "-S", launch.__file__, str(tmp_path), sys.prefix]
    command += [str(os.getpid()), str(1 << 30), "20", "2", "import time\ntime.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={}) as started:
        assert started.stdout is not None
        assert started.stdout.read() == b""
    assert started.returncode == -signal.SIGALRM
