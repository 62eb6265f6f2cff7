"""The deployer: its port, and the implementation for this machine."""

import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import Popen
from typing import IO, Protocol

from headrace.core import settings
from headrace.core.errors import InputError, InternalError
from headrace.core.files import read_json, write_json
from headrace.core.forks import Forked, fork_guarded, may_fork
from headrace.core.processes import start_guarded, stop, stop_pid
from headrace.serving.endpoint import Remote

START_SECONDS = 180.0
_USER_ERROR = 2
_BARE = {"PATH": os.defpath, "LANG": "C.UTF-8"}
Process = Popen[bytes] | Forked
# Servers outlive their deployer; whoever forgets a running child's Popen is warned, and nobody could reap it.
_started: dict[int, Process] = {}


@dataclass(frozen=True)
class Endpoint:
    """A model that answers.

    Attributes:
        url: Where predictions are asked for in V1.
        name: Name of the model there.
        digest: Digest of its bundle, as the endpoint itself reports it.
        pid: Process whose end is the endpoint's; 0 where there is none on this machine.
    """

    url: str
    name: str
    digest: str
    pid: int = 0


class Deployer(Protocol):
    """Brings a published bundle to an endpoint.

    What every implementation promises: when ``deploy`` returns, the endpoint answers, and with this bundle and no older
    one; when it raises, nothing is left of the attempt; ``undeploy`` of an endpoint that is gone does nothing.
    """

    def deploy(self, uri: str, *, name: str = "") -> Endpoint:
        """Serve the bundle at ``uri`` as ``name`` (empty for its own)."""

    def undeploy(self, endpoint: Endpoint) -> None:
        """End an endpoint."""


@dataclass(frozen=True)
class LocalDeployer:
    """A ``Deployer`` that starts one server process for each endpoint.

    Attributes:
        lease_path: Lease that the owner of the endpoints holds; they end with it.
        log: File that takes what the servers say.
        seconds: Longest time for a server to answer.
        clean: Whether each server is a fresh interpreter that sees nothing of this process: no variable, no module, no
            folder that is not installed.
    """

    lease_path: Path
    log: Path
    seconds: float = START_SECONDS
    clean: bool = False

    def deploy(self, uri: str, *, name: str = "") -> Endpoint:
        """Start a server for ``uri``, a store URI or a bundle's folder, on a free port.

        Raises:
            InputError: If the server refuses the bundle; the sentence is its own.
            InternalError: If it fails, or does not answer in time.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
            address = Path(scratch) / "address.json"
            arguments = ["--model", uri, "--name", name, "--port", "0", "--address-file", str(address)]
            with self.log.open("ab") as log:
                server = self._start(arguments, log)
            try:
                endpoint = self._answering(server, address)
            except BaseException:
                stop(server)
                raise
        _started[server.pid] = server
        return endpoint

    def undeploy(self, endpoint: Endpoint) -> None:
        """End the server's process."""
        own = _started.pop(endpoint.pid, None)
        if own:
            stop(own)
        else:
            stop_pid(endpoint.pid)

    def _start(self, arguments: list[str], log: IO[bytes]) -> Process:
        if self.clean:
            command = [sys.executable, "-I", "-m", "headrace.serving.server", *arguments]
            return start_guarded(command, lease_path=self.lease_path, log=log, environment=_BARE, clean=True)
        if may_fork():
            # What this process has imported need not be imported again, which takes seconds.
            return fork_guarded(lambda: _serve(arguments), lease_path=self.lease_path, log=log)
        command = [sys.executable, "-m", "headrace.serving.server", *arguments]
        return start_guarded(command, lease_path=self.lease_path, log=log)

    def _answering(self, server: Process, address: Path) -> Endpoint:
        deadline = time.monotonic() + self.seconds
        while not address.exists():
            if server.poll() is not None:
                raise self._ended(server.wait())
            if time.monotonic() > deadline:
                raise InternalError(f"the model server did not answer in {self.seconds:.0f} s; its log is {self.log}.")
            time.sleep(0.02)
        told = read_json(address)
        with Remote.at(told["url"]) as remote:
            digest = remote.digest()
        if digest != told["digest"]:
            raise InternalError(f"the endpoint {told['url']} must serve {told['digest']}; it serves {digest}.")
        return Endpoint(url=told["url"], name=told["name"], digest=digest, pid=server.pid)

    def _ended(self, code: int) -> InputError | InternalError:
        lines = self.log.read_text(errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line.startswith("Error: ")), "")
        if code == _USER_ERROR and last:
            return InputError(last.removeprefix("Error: "))
        return InternalError(f"the model server ended with code {code}; its log is {self.log}.")


def _serve(arguments: list[str]) -> int:
    from headrace.serving import server  # noqa: PLC0415 - only a process that serves needs it

    return server.main(arguments)


def deploy_step(uri: str, *, name: str, target: str, record: Path) -> dict[str, str]:
    """Deploy to this machine and record where.

    Args:
        uri: Store URI of the bundle.
        name: Name of the endpoint; empty for the model's.
        target: Where to; empty or ``local`` for this machine.
        record: JSON file to write; the server's log lies beside it.

    Returns:
        Metadata: ``url``, ``name``, ``digest``.

    Raises:
        InputError: If the target is unknown, the bundle is refused, or nobody owns the endpoint.
        InternalError: If the server fails.
    """
    if target not in {"", "local"}:
        raise InputError(f"target must be empty or 'local', for this machine; got {target!r} instead.")
    lease = settings.lease_path()
    if not lease:
        raise InputError(
            "a server on this machine needs an owner to end with: hold a lease (headrace.core.processes.lease) while "
            "the endpoint is wanted and name its file in HEADRACE_LEASE, or use 'headrace run' or 'headrace serve'."
        )
    log = record.with_name(f"{record.name}.log")
    endpoint = LocalDeployer(lease_path=Path(lease), log=log).deploy(uri, name=name)
    write_json(record, asdict(endpoint))
    return {"url": endpoint.url, "name": endpoint.name, "digest": endpoint.digest}
