"""The deployer: its protocol, and the implementation for this machine."""

import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import Popen
from typing import IO, Protocol

from headrace.core.base import settings
from headrace.core.base.errors import BundleError, InputError, InternalError
from headrace.core.base.files import read_json
from headrace.core.bundles import manifest
from headrace.core.runtime.forked import ForkedProcess, fork_guarded, may_fork
from headrace.core.runtime.processes import running, start_guarded, stop, stop_pid
from headrace.serving.deployment.client import EndpointClient

START_SECONDS = 180.0
_USER_ERROR = 2
ServerProcess = Popen[bytes] | ForkedProcess
# Servers outlive their deployer. Popen objects of running children are kept here: without them the children cannot be
# reaped, and Python warns when such an object is collected.
_started: dict[int, ServerProcess] = {}


@dataclass(frozen=True)
class Endpoint:
    """A live endpoint.

    Attributes:
        url: URL of V1 predictions.
        name: Name of the model there.
        digest: Digest of its bundle, as the endpoint itself reports it.
        pid: The server's process; 0 if it does not run on this machine.
        platform: ``local`` or ``kserve``.
        namespace: Namespace of its InferenceService; empty on this machine.
        mode: How KServe runs it: ``Standard`` or ``Knative``; empty on this machine.
        before: Digest of the version that answered under the name before; empty if none did.
        changed: Whether the deployment changed anything; False if this bundle answered already.
    """

    url: str
    name: str
    digest: str
    pid: int = 0
    platform: str = "local"
    namespace: str = ""
    mode: str = ""
    before: str = ""
    changed: bool = True


class Deployer(Protocol):
    """Deploys a published bundle to an endpoint.

    Every implementation guarantees:

    - When ``deploy`` returns, the endpoint answers with this bundle and no older one.
    - The former version under the name answers until then. Afterwards it is gone.
    - When ``deploy`` raises, the former version still answers, or answers again, and nothing else is left of the
      attempt; if that failed too, the sentence says so. An interruption counts as a failure.
    - A bundle that answers already stays as it is.
    - ``undeploy`` removes the endpoint; its servers may finish requests in flight. It does nothing if the endpoint is
      gone.
    """

    @property
    def platform(self) -> str:
        """``local`` or ``kserve``."""

    def deploy(self, uri: str, *, name: str = "") -> Endpoint:
        """Serve the bundle at ``uri`` as ``name`` (empty for its own)."""

    def undeploy(self, endpoint: Endpoint) -> None:
        """Remove an endpoint."""


@dataclass(frozen=True)
class LocalDeployer:
    """A ``Deployer`` that starts one server process for each endpoint; a new version is another process and URL.

    Attributes:
        lease_path: Lease that the owner of the endpoints holds; they end with it.
        log: Log file of the servers.
        seconds: Longest time for a server to start answering.
        clean: Whether each server is a fresh interpreter that inherits nothing from this process: no variable, no
            module, no folder that is not installed.
        fork: Whether a server may be a fork of this process, which starts sooner because it inherits all imports.
        arguments: More arguments of the server's command line; they override the deployer's own.
    """

    lease_path: Path
    log: Path
    seconds: float = START_SECONDS
    clean: bool = False
    fork: bool = True
    arguments: tuple[str, ...] = ()
    _answering: dict[str, Endpoint] = field(default_factory=dict, repr=False, compare=False)

    platform = "local"

    def deploy(self, uri: str, *, name: str = "") -> Endpoint:
        """Start a server for ``uri``, a store URI or a bundle's folder, on a free port.

        Raises:
            InputError: If the server refuses the bundle; the sentence is the server's.
            InternalError: If the server fails, or does not answer in time.
        """
        before = self._answering.get(name)
        if before and before.digest == _digest(uri) and running(before.pid):
            return replace(before, before=before.digest, changed=False)
        endpoint = self._deploy(uri, name)
        if before:
            self.undeploy(before)
            endpoint = replace(endpoint, before=before.digest)
        self._answering[name] = endpoint
        return endpoint

    def undeploy(self, endpoint: Endpoint) -> None:
        """Stop the server's process."""
        server = _started.pop(endpoint.pid, None)
        if server:
            stop(server)
        else:
            stop_pid(endpoint.pid)
        for name in [name for name, other in self._answering.items() if other.pid == endpoint.pid]:
            del self._answering[name]

    def _deploy(self, uri: str, name: str) -> Endpoint:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
            address = Path(scratch) / "address.json"
            arguments = ["--model", uri, "--name", name, "--port", "0", "--address-file", str(address)]
            arguments += self.arguments
            with self.log.open("ab") as log:
                server = self._start(arguments, log)
            try:
                endpoint = self._wait_until_ready(server, address)
            except BaseException:
                stop(server)
                raise
        _started[server.pid] = server
        return endpoint

    def _start(self, arguments: list[str], log: IO[bytes]) -> ServerProcess:
        if self.clean:
            command = [sys.executable, "-I", "-m", "headrace.serving.server", *arguments]
            return start_guarded(command, lease_path=self.lease_path, log=log, environment=_bare(), clean=True)
        if self.fork and may_fork():
            # A fork inherits the modules that this process has imported; importing them again takes seconds.
            return fork_guarded(lambda: _serve(arguments), lease_path=self.lease_path, log=log)
        command = [sys.executable, "-m", "headrace.serving.server", *arguments]
        return start_guarded(command, lease_path=self.lease_path, log=log)

    def _wait_until_ready(self, server: ServerProcess, address: Path) -> Endpoint:
        deadline = time.monotonic() + self.seconds
        while not address.exists():
            if server.poll() is not None:
                raise self._ending_error(server.wait())
            if time.monotonic() > deadline:
                raise InternalError(f"the model server did not answer in {self.seconds:.0f} s; its log is {self.log}.")
            time.sleep(0.02)
        announced = read_json(address)
        with EndpointClient.at(announced["url"]) as remote:
            digest = remote.digest()
        if digest != announced["digest"]:
            raise InternalError(
                f"the endpoint {announced['url']} must serve {announced['digest']}; it serves {digest}."
            )
        return Endpoint(url=announced["url"], name=announced["name"], digest=digest, pid=server.pid)

    def _ending_error(self, code: int) -> InputError | InternalError:
        lines = self.log.read_text(errors="replace").splitlines()
        message = next((line for line in reversed(lines) if line.startswith("headrace: ")), "")
        if code == _USER_ERROR and message:
            return InputError(message.removeprefix("headrace: "))
        return InternalError(f"the model server ended with code {code}; its log is {self.log}.")


def _serve(arguments: list[str]) -> int:
    from headrace.serving import server  # noqa: PLC0415 - only a process that serves needs it

    return server.main(arguments)


def _digest(uri: str) -> str:
    """Return the digest of a bundle from its address or its folder; empty if it has none."""
    if "://" in uri:
        return uri.rstrip("/").rpartition("/")[2]
    try:
        return str(manifest.read(Path(uri)).digest)
    except BundleError:
        return ""


def _bare() -> dict[str, str]:
    """Return the variables of a server that inherits none: where programs are, Java and the suite's library too."""
    java, library = shutil.which("java"), settings.jvm_library()
    path = os.defpath if java is None else f"{os.defpath}{os.pathsep}{Path(java).parent}"
    return {"PATH": path, "LANG": "C.UTF-8", **({"HEADRACE_JVM_LIBRARY": library} if library else {})}
