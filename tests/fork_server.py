"""Processes of the suite without their imports: forks of one that has imported it, as the prefork server forks steps.

A run of the pipeline starts a command, a worker and a prefork server, which import for five seconds of CPU time before
they do a tenth of that. ``python()`` is a program that takes an interpreter's arguments. For ``-m`` and a module of the
suite it asks a process that has imported all of it for a fork, with the caller's streams, folder, environment and
ignored signals; for anything else it is the interpreter. A fork looks and ends like a process of its own: signals are
forwarded, it is killed with its process group when the program is, and what is left in the group when it ends goes too.
``sys.executable`` is that program in a fork, so that what the fork starts is forked too.

Tests of how processes start and end, or of what they import, start them with ``sys.executable``.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# The modules that each server is forked for: two servers, because KFP imports less where a step runs (kfp/__init__.py).
MODULES = {
    "command": [
        "headrace.cli.main",
        "headrace.pipelines.local.worker",
        "headrace.pipelines.trial_job",
        "headrace.experiments.trial_job",
        "headrace.serving.server",
    ],
    "step": ["headrace.components.run", "headrace.pipelines.local.prefork"],
}
_ENVIRONMENTS = {"command": {}, "step": {"_KFP_RUNTIME": "true"}}
_PROGRAM = "PYTEST_FORK_PROGRAM"  # from pytest to its workers, which share the servers
_LAUNCHER = Path(__file__).with_name("fork_launcher.py")


@functools.cache
def python() -> str:
    """Return the path of the program, and start its servers unless the process that started this one has done so.

    They import what they need when they are asked for the first time, and end with the process that started them.
    """
    if sys.platform != "linux":
        return sys.executable
    if _PROGRAM in os.environ:
        return os.environ[_PROGRAM]
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    program = folder / "python"
    program.write_text(f"#!{sys.executable} -SE\n{_LAUNCHER.read_text()}")
    program.chmod(0o755)
    (folder / "modules.json").write_text(json.dumps(MODULES))
    servers = [_start(folder, kind) for kind in MODULES]
    atexit.register(_end, servers, folder)
    return str(program)


def share() -> None:
    """Start the servers for this process and for the workers that it will start."""
    os.environ[_PROGRAM] = python()


def _start(folder: Path, kind: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), kind],
        stdin=subprocess.PIPE,  # which ends with this process, and the server with it
        env={**os.environ, **_ENVIRONMENTS[kind]},
        cwd=Path(__file__).parents[1],
    )


def _end(servers: "list[subprocess.Popen[bytes]]", folder: Path) -> None:
    for server in servers:
        server.communicate()
    shutil.rmtree(folder, ignore_errors=True)


def _import_modules(kind: str) -> None:
    """Import the modules that are forked for, with all that they need."""
    from headrace.core.base import settings

    settings.before_mlflow()
    settings.without_telemetry()
    from headrace.cli import main
    from headrace.pipelines.local import prefork

    names = [*MODULES[kind], *prefork._FIRST, *prefork._THEN]
    if kind == "command":
        commands = [f"headrace.cli.{command.partition(':')[0]}" for command in main._COMMANDS.values()]
        names += [*commands, "kfp.components", "kfp.local", "headrace.pipelines.definitions.catalogue"]
    for name in names:
        importlib.import_module(name)


def _serve(folder: Path, kind: str) -> None:
    """Fork for each request until standard input ends."""
    # Python 3.12 and later warn at each fork, of threads that survive it.
    warnings.filterwarnings("ignore", message=".* is multi-threaded, use of fork", category=DeprecationWarning)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        part = folder / f"{kind}.part"
        listener.bind(str(part))
        listener.listen(128)
        part.rename(folder / kind)
        first = select.poll()
        for number in (0, listener.fileno()):
            first.register(number, select.POLLIN)
        if any(number == 0 for number, _ in first.poll()):
            return
        _import_modules(kind)
        gc.collect()
        gc.freeze()  # a collection in a child would copy what is shared
        if threading.active_count() != 1:  # those of memory allocators, which survive a fork, are not counted
            raise RuntimeError(f"a process must have one thread to be forked; it has {threading.enumerate()}.")
        _loop(listener, folder)


def _loop(listener: socket.socket, folder: Path) -> None:
    callers: dict[int, tuple[socket.socket, int, int]] = {}  # by the descriptors of caller and process
    watched = select.poll()
    for number in (0, listener.fileno()):
        watched.register(number, select.POLLIN)
    while True:
        for number, _ in watched.poll():
            if number == 0:
                for _, pid, _ in set(callers.values()):
                    _kill(pid)
                return
            if number == listener.fileno():
                _accept(listener, folder, callers, watched)
            elif number in callers:
                _conclude(callers, number, watched)


def _accept(
    listener: socket.socket, folder: Path, callers: dict[int, tuple[socket.socket, int, int]], watched: select.poll
) -> None:
    caller, _ = listener.accept()
    try:
        length, streams, _, _ = socket.recv_fds(caller, 8, 3)
        request = json.loads(_read(caller, int.from_bytes(length, "big")))
    except (OSError, ValueError):  # it has ended already
        caller.close()
        return
    pid = os.fork()
    if pid == 0:
        listener.close()
        for other, _, process in set(callers.values()):
            other.close()
            os.close(process)
        caller.close()
        _become(request, streams, folder)
    for stream in streams:
        os.close(stream)
    process = os.pidfd_open(pid)
    callers[caller.fileno()] = callers[process] = caller, pid, process
    for number in (caller.fileno(), process):
        watched.register(number, select.POLLIN)
    with contextlib.suppress(OSError):
        caller.sendall(pid.to_bytes(8, "big"))


def _conclude(callers: dict[int, tuple[socket.socket, int, int]], number: int, watched: select.poll) -> None:
    """A process has ended, or its caller has: send the status, or kill it; what it leaves in its group goes too.

    Whatever ends a worker ends its whole process group, even one that has ended by itself, but knows the caller's only.
    """
    caller, pid, process = callers[number]
    if number == process:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    _kill(pid)  # a zombie keeps its number, so that the group is its own
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(OSError):
        caller.sendall(code.to_bytes(8, "big", signed=True))
    for one in (caller.fileno(), process):
        watched.unregister(one)
        del callers[one]
    os.close(process)
    caller.close()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _become(request: dict[str, Any], streams: list[int], folder: Path) -> NoReturn:
    """Be the process that the request describes."""
    code: object = 1
    try:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        for number in SIGNALS:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, signal.SIG_IGN if number in request["ignored"] else usual)
        if os.environ.get("PYTHONUNBUFFERED"):
            sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
        _, module, *arguments = request["arguments"]
        sys.executable = str(folder / "python")
        sys.argv = [module, *arguments]
        sys.path[0] = request["folder"]
        sys.modules.pop(module, None)  # it is run anew, as __main__
        code = _ended(module)
    except BaseException:  # noqa: BLE001 - whatever it is, the caller's standard error is the place for it
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def _ended(module: str) -> int:
    """Run a module and end as an interpreter does."""
    code: object = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        traceback.print_exc()
        code = 130
    threading._shutdown()
    atexit._run_exitfuncs()
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        return 1
    return int(code or 0) & 0xFF  # type: ignore[call-overload]


def _read(caller: socket.socket, length: int) -> bytes:
    parts, missing = [], length
    while missing:
        part = caller.recv(min(missing, 1 << 20))
        if not part:
            raise ConnectionError("the caller ended in the middle of its request.")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
