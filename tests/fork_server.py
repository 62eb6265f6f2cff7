"""Processes of the suite that need not import: forked from one that has, as ``headrace.pipelines.warm`` does for steps.

A run of the line starts a command, a worker and a warm process, which import for five seconds of CPU time before they
do a tenth of that. ``python()`` is a program that takes an interpreter's arguments. For ``-m`` and a module of the
suite, it asks a process that has imported all of it for a fork, with the caller's streams, folder, environment and
ignored signals; for all else it is the interpreter. What is started looks and ends like a process of its own: signals
are handed on, and it is killed with whatever it started when the program is. ``sys.executable`` is that program in it,
so that what it starts in turn is forked, too.

Where a test is about how processes start and end, or about what they import, it starts them with ``sys.executable``.
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
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# KFP imports less where a step runs (kfp/__init__.py), so that there are two servers.
_KINDS = {"command": {}, "step": {"_KFP_RUNTIME": "true"}}
_LAUNCHER = Path(__file__).with_name("fork_launcher.py")


@functools.cache
def python() -> str:
    """The program; the servers are started on the first call and end with this process."""
    if sys.platform != "linux":
        return sys.executable
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    program = folder / "python"
    program.write_text(f"#!{sys.executable} -SE\n{_LAUNCHER.read_text()}")
    program.chmod(0o755)
    servers = [_started(folder, kind) for kind in _KINDS]
    atexit.register(_end, servers, folder)
    return str(program)


def _started(folder: Path, kind: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), kind],
        stdin=subprocess.PIPE,  # which ends with this process, and the server with it
        env={**os.environ, **_KINDS[kind]},
        cwd=Path(__file__).parents[1],
    )


def _end(servers: "list[subprocess.Popen[bytes]]", folder: Path) -> None:
    for server in servers:
        server.communicate()
    shutil.rmtree(folder, ignore_errors=True)


def _modules(kind: str) -> list[ModuleType]:
    """The modules that are forked for, with all that they will need imported."""
    from headrace.core import settings

    settings.before_mlflow()
    settings.without_telemetry()
    from headrace.components import run
    from headrace.pipelines import warm

    if kind == "step":
        for name in (*warm._FIRST, *warm._THEN):
            importlib.import_module(name)
        return [run, warm]
    import kfp.components
    import kfp.local  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    from headrace.cli import main, registry, rollout, score, serve, sign, submit, tune, verify  # noqa: F401
    from headrace.cli import run as run_command  # noqa: F401
    from headrace.pipelines import catalogue, worker  # noqa: F401
    from headrace.serving import server

    return [main, worker, server]


def _serve(folder: Path, kind: str) -> None:
    """Fork for each request until standard input ends."""
    try:
        names = [module.__name__ for module in _modules(kind)]
    except BaseException:
        (folder / f"{kind}.failed").touch()
        raise
    gc.collect()
    gc.freeze()  # a collection in a child would copy what is shared
    if threading.active_count() != 1:  # those of memory allocators, which survive a fork, are not counted
        raise RuntimeError(f"a process must have one thread to be forked; it has {threading.enumerate()}.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        part = folder / f"{kind}.part"
        listener.bind(str(part))
        listener.listen(128)
        (folder / f"{kind}.json").write_text(json.dumps(names))
        part.rename(folder / kind)
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
    """A process has ended, or its caller has: tell its status, or kill it."""
    caller, pid, process = callers[number]
    if number != process:
        _kill(pid)
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
    """Be the process that was asked for."""
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
