"""A process that has imported what steps need, and forks a child for each step.

Importing scikit-learn takes seconds, and a run has a dozen steps. kfp.local starts each step with the interpreter that
``sys.executable`` names; the worker names a command that asks this process to fork. It forks only while it has a single
thread: nothing here computes before the fork. Steps that start before it is warm run in an interpreter of their own.
"""

import contextlib
import importlib
import json
import os
import select
import shlex
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path

from headrace.pipelines.local import launch

COMMAND = "headrace-step"
_COMPONENT = ["-m", "headrace.components.run"]
_EXECUTOR = ["-m", "kfp.dsl.executor_main"]  # a component of somebody else, whose source is in the pipeline
# In the order in which steps need them; between two imports, waiting steps are forked with what is imported so far.
_FIRST = ("headrace.components.run", "kfp.dsl.executor_main", "polars", "narwhals", "yaml")
_THEN = (
    "holidays",
    "pandas",
    "scipy.sparse",
    "scipy.stats",
    "sklearn.utils",
    "sklearn.pipeline",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "optuna",
    "sklearn.neural_network",
    "sklearn.neighbors",
    "sklearn.model_selection",
    "skops.io",
    "jinja2",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
    "minio",
    "sqlalchemy",
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
)

_MOST_SOCKET_BYTES = 107  # unix(7): sun_path, without the end


def start(folder: Path) -> None:
    """Start the warm process and let kfp.local start its steps there.

    Args:
        folder: Folder for the socket and the command; whoever deletes it deletes them.
    """
    python, address = sys.executable, str(folder / "warm")
    # Elsewhere system libraries do not survive a fork. PATH cannot hold a folder with a colon, nor a socket have a long
    # name: then each step starts an interpreter.
    if sys.platform != "linux" or os.pathsep in address or len(os.fsencode(address)) > _MOST_SOCKET_BYTES:
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / COMMAND
    # -S and -E skip site-packages and variables of Python, so that the command starts in milliseconds.
    parts = [python, "-S", "-E", str(Path(launch.__file__).resolve()), address, python]
    command.write_text(f'#!/bin/sh\nexec {shlex.join(parts)} "$@"\n')
    command.chmod(0o755)
    if not os.access(command, os.X_OK):  # the file system is mounted noexec: steps start without the warm process
        return
    subprocess.Popen(
        [python, "-m", "headrace.pipelines.local.prefork", address],
        env={**os.environ, "_KFP_RUNTIME": "true"},  # kfp then skips the imports of its compiler
        stdin=subprocess.DEVNULL,
    )
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    sys.executable = COMMAND


def serve(address: str) -> None:
    """Import the modules, and fork for each request, until killed."""
    # Python 3.12 and later warn at each fork: of threads of allocators and of OpenBLAS, which survive it.
    warnings.filterwarnings("ignore", message=".* is multi-threaded, use of fork", category=DeprecationWarning)
    _import(_FIRST)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address)
        listener.listen()
        for name in _THEN:
            while select.select([listener], [], [], 0)[0]:
                _answer(listener)
            _import([name])
        while True:
            _answer(listener)


def _import(names: Iterable[str]) -> None:
    for name in names:
        importlib.import_module(name)


def _answer(listener: socket.socket) -> None:
    """Fork a step for the next caller."""
    caller, _ = listener.accept()
    with caller:
        if os.fork() == 0:
            listener.close()
            _run_as_step(caller)
    _reap()


def _reap() -> None:
    """Collect exited children without waiting, so that none stays a zombie."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run_as_step(caller: socket.socket) -> None:
    """Adopt the caller's streams, folder, environment and arguments, run the step, and send the exit code."""
    code = 1
    try:
        length, streams, _, _ = socket.recv_fds(caller, 8, 3)
        request = json.loads(_read(caller, int.from_bytes(length, "big")))
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)  # else a child that outlives the step would keep the reader of the pipe waiting
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        code = _run(request["arguments"])
    except BaseException:  # noqa: BLE001 - every error belongs into the caller's log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with contextlib.suppress(BrokenPipeError):
            caller.sendall(bytes([code & 0xFF]))
        os._exit(code)  # not sys.exit: the fork must not run the parent's exit handlers or return into its loop


def _read(caller: socket.socket, length: int) -> bytes:
    parts, missing = [], length
    while missing:
        part = caller.recv(min(missing, 1 << 20))
        if not part:
            raise ConnectionError("the caller ended in the middle of its request.")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _run(arguments: list[str]) -> int:
    if arguments[:2] not in (_COMPONENT, _EXECUTOR):
        return subprocess.run([sys.executable, *arguments], check=False).returncode
    try:
        if arguments[:2] == _COMPONENT:
            from headrace.components import run  # noqa: PLC0415 - preloaded

            return run.main(arguments[2:])
        from kfp.dsl import executor_main  # noqa: PLC0415 - preloaded

        sys.argv = ["executor_main", *arguments[2:]]
        executor_main.executor_main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
