"""The server of H2O that fits models: one for each process, started at its first fit, gone with the process.

It listens on the loopback address only, on a free port, and takes the password of this process only. The guard of
``core.runtime.processes`` ends it however the process ends.
"""

import atexit
import contextlib
import fcntl
import io
import os
import re
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from headrace.core.base import settings
from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.mojo.mojo_description import H2O_VERSION
from headrace.core.runtime.java_programs import find_java, find_library
from headrace.core.runtime.processes import free_port, lease, start_guarded, stop

if TYPE_CHECKING:
    import subprocess

_PREFIX = "headrace-h2o-"
_USER = "headrace"
_START_SECONDS = 120.0
_POLL_SECONDS = 0.05
_STARTS = 3
_OLD_SECONDS = 3600.0
_LETTERS = 300
_LOG_BYTES = 4096
_FIELD = re.compile(r"ERRR on field: _?(\w+: [^'\"\n]+)")
_MESSAGE = re.compile(r"\bmsg = ['\"](.+)['\"]$", re.MULTILINE)
PROCESSORS = 4
"""Processors that H2O counts on any machine: it cuts tables into as many parts, and sums are added part by part."""


@dataclass(frozen=True)
class H2OServer:
    """A running server.

    Attributes:
        port: Its port of the loopback address.
        password: The password of its only user.
        folder: Folder of its files; a table to upload may be written there.
        guard: The process that watches it.
    """

    port: int
    password: str = field(repr=False)
    folder: Path
    guard: "subprocess.Popen[bytes]" = field(repr=False)
    _held: contextlib.ExitStack = field(repr=False)

    def close(self) -> None:
        """End the server, and remove its files."""
        stop(self.guard)
        self._held.close()


class _EndedError(InputError):
    """The server ended before it answered."""


_servers: dict[int, H2OServer] = {}
_lock = threading.RLock()


@contextlib.contextmanager
def open_session() -> Iterator[tuple[Any, Path]]:
    """Give H2O's client, connected to the server of this process, and a folder for files; one thread at a time.

    What was uploaded or fitted is removed from the server afterwards.

    Raises:
        InputError: If H2O of the right version is not installed, or the server does not start.
        MissingError: If there is no Java, or not the suite's Java library.
        DataError: If H2O refuses the table or the parameters, or the server has ended.
    """
    check_installed()
    with _lock:
        server = _ensure_server()
        try:
            h2o = _connect(server)
            yield h2o, server.folder
        except Exception as error:
            if type(error).__module__.startswith(("h2o", "requests")) or isinstance(error, OSError):
                raise DataError(f"H2O must be able to fit this model; {_first_sentence(error)}.") from error
            raise
        finally:
            _clean(server)


def check_installed() -> None:
    """Raise if H2O cannot be used here.

    Raises:
        InputError: If its package is absent or of another version.
        MissingError: If there is no Java, or not the suite's Java library.
    """
    try:
        version = metadata.version("h2o")
    except metadata.PackageNotFoundError:
        raise InputError(
            f"families of H2O need the package h2o {H2O_VERSION}; it is not installed: pip install 'headrace[h2o]'."
        ) from None
    if version != H2O_VERSION:
        raise InputError(
            f"families of H2O need h2o {H2O_VERSION}, since newer versions export no models; {version} is installed: "
            f"pip install h2o=={H2O_VERSION}."
        )
    find_java("to fit a model of H2O")
    # Its predictions come from there, of the very first fold on.
    find_library(purpose="to score a model of H2O")


def _ensure_server() -> H2OServer:
    """Return the server of this process; a new one if there is none, or the last one has ended."""
    server = _servers.get(os.getpid())
    if server is not None and server.guard.poll() is None:
        return server
    if server is not None:
        _forget(server)
    _remove_old_folders()
    for attempt in range(_STARTS):
        try:
            server = _start()
            break
        except _EndedError:
            # Another process may have taken the port in the meantime.
            if attempt == _STARTS - 1:
                raise
    assert server is not None  # noqa: S101 - the loop ends with a server or an error
    _servers[os.getpid()] = server
    return server


def _start() -> H2OServer:
    held = contextlib.ExitStack()
    with held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)))
        held.enter_context(lease(folder / "lease"))
        password, port = secrets.token_urlsafe(32), _two_free_ports()
        _write_privately(folder / "users", f"{_USER}: {password}\n")
        log = held.enter_context((folder / "log").open("w+b"))
        guard = start_guarded(_command(folder, port), lease_path=folder / "lease", log=log, scratch=folder)
        held.callback(stop, guard)
        _await(guard, folder, log)
        return H2OServer(port, password, folder, guard, held.pop_all())


def _command(folder: Path, port: int) -> list[str]:
    # The second compiler of Java costs more than it saves: 5 s of CPU without it for four fits of 1,000 rows, 14 s with
    # it; 19 s and 24 s for 100,000 rows.
    speed = ["-XX:TieredStopAtLevel=1", "-XX:+UseParallelGC", f"-XX:ActiveProcessorCount={PROCESSORS}"]
    machine = [*speed, f"-Xmx{settings.h2o_memory()}"]
    # Without the native library of XGBoost, which would be unpacked at each start.
    properties = [
        f"-Djava.io.tmpdir={folder}",
        "-Dsys.ai.h2o.ext.core.toggle.XGBoost=false",
        "-Djava.awt.headless=true",
    ]
    address = ["-ip", "127.0.0.1", "-web_ip", "127.0.0.1", "-port", str(port), "-name", f"n{secrets.token_hex(16)}"]
    login = ["-hash_login", "-login_conf", str(folder / "users")]
    files = [part for name in ("ice_root", "flow_dir", "log_dir") for part in (f"-{name}", str(folder))]
    rest = ["-nthreads", str(PROCESSORS), "-log_level", "ERRR", "-notify_local", str(folder / "up")]
    return ["java", *machine, *properties, "-jar", str(_jar()), *address, *login, *files, *rest]


def _jar() -> Path:
    # Importing the client takes half a second.
    found = util.find_spec("h2o")
    place = Path(str(found.origin)).parent if found else Path()
    return place / "backend" / "bin" / "h2o.jar"


def _await(guard: "subprocess.Popen[bytes]", folder: Path, log: IO[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not (folder / "up").exists():
        if guard.poll() is not None or time.monotonic() > deadline:
            # The guard removes the folder when it ends. The server writes where this handle stands: nothing may seek.
            tail = os.pread(log.fileno(), _LOG_BYTES, max(0, os.fstat(log.fileno()).st_size - _LOG_BYTES))
            lines = [line for line in tail.decode(errors="replace").splitlines() if line.strip()]
            last = quote(lines[-1] if lines else "nothing", _LETTERS)
            kind = InputError if guard.poll() is None else _EndedError
            raise kind(f"the server of H2O must start within {_START_SECONDS:g} seconds; its log ends with {last}.")
        time.sleep(_POLL_SECONDS)


def _connect(server: H2OServer) -> Any:
    # The client is global to its process, and prints that a new version may exist.
    with contextlib.redirect_stdout(io.StringIO()):
        import h2o  # noqa: PLC0415 - an extra

        connection = h2o.connection()
        url = f"http://127.0.0.1:{server.port}"
        if connection is None or not connection.connected or connection.base_url != url:
            h2o.connect(url=url, auth=(_USER, server.password), verbose=False, proxy="(default)")
            # After the client's own, and so run before it: that one would print at exit that it closes.
            atexit.register(close)
        h2o.no_progress()
    return h2o


def _clean(server: H2OServer) -> None:
    """Remove all that is on the server; one that does not answer is ended, and the next fit starts another."""
    try:
        _connect(server).remove_all()
    except Exception:  # noqa: BLE001 - whatever the client raises, the server is not usable
        _forget(server)


def _forget(server: H2OServer) -> None:
    """End a server whose state is not known; the next fit starts another one."""
    _servers.pop(os.getpid(), None)
    server.close()


def running_guard() -> int | None:
    """Return the process that watches the server of this process; None if there is no server."""
    server = _servers.get(os.getpid())
    return None if server is None else server.guard.pid


def close() -> None:
    """End the server of this process, if there is one; the next fit starts another."""
    server = _servers.pop(os.getpid(), None)
    if server is not None:
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            import h2o  # noqa: PLC0415 - an extra

            # Otherwise the client says at exit that it closes, and cannot.
            h2o.connection().close()
        server.close()


def _two_free_ports() -> int:
    """Return a port of the loopback address that was free a moment ago, as was the next one: H2O takes both."""
    while True:
        port = free_port()
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            probe.bind(("127.0.0.1", port + 1))
            return port


def _write_privately(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)


def _remove_old_folders() -> None:
    """Remove folders of servers whose guard was killed too: nobody holds their lease."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/lease"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _OLD_SECONDS:
                with path.open("r+") as stream:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path.parent, ignore_errors=True)


def _first_sentence(error: BaseException) -> str:
    """Return what the server said, without the parameters and the stack that the client puts around it."""
    text = str(error)
    message = _FIELD.search(text) or _MESSAGE.search(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Of a job that failed, the client's own line comes first: keys and classes of Java.
    line = next((line for line in lines if not line.startswith("Job with key")), type(error).__name__)
    return f"it said {quote((message[1] if message else line).strip(), _LETTERS)}"
