"""A real etcd and kube-apiserver for tests: free ports, a temporary folder, RBAC on; no controllers, so no pods run."""

import contextlib
import dataclasses
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import NAMESPACES, SERVICE_ACCOUNTS
from headrace.cluster.api.kubeconfig import connect, with_token
from headrace.cluster.api.transport import ApiRequest
from headrace.core.base.errors import ClusterError
from headrace.core.runtime.processes import free_port, lease, start_guarded, stop
from tests.real_parts import missing

GET_KUBERNETES = (
    "no Kubernetes API server: set KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kubectl, "
    "such as the one that `setup-envtest use -p path` of controller-runtime prints"
)
START_SECONDS = 120.0
_ATTEMPTS = 3
_PRIVATE = 0o700


def binary(name: str) -> Path:
    """A program of the folder that ``KUBEBUILDER_ASSETS`` names; without it the test is skipped, or fails in CI."""
    path = Path(os.environ.get("KUBEBUILDER_ASSETS") or "/nowhere") / name
    if not path.is_file():
        missing(GET_KUBERNETES)
    return path


@dataclass
class ApiServer:
    """A running API server with its etcd.

    Attributes:
        folder: Its own folder, with its logs.
        port: Its port on the loopback address.
        etcd_port: Its etcd's.
        token: The administrator's bearer token.
    """

    folder: Path
    lease_path: Path
    port: int = 0
    etcd_port: int = 0
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)
    _logs: list[IO[bytes]] = field(default_factory=list, repr=False)

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of an administrator."""
        return self.folder / "kubeconfig"

    def admin(self, namespace: str = "default") -> Cluster:
        """A client that may do everything."""
        return connect(kubeconfig=str(self.kubeconfig), namespace=namespace)

    def prepare(self) -> None:
        """Write keys and the administrator's token."""
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        self.folder.chmod(_PRIVATE)
        (self.folder / "sa.key").write_bytes(key)
        (self.folder / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')

    def start_etcd(self) -> None:
        """Start etcd on a free port."""
        self.etcd_port, peer = free_port(), free_port()
        here, there = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{peer}"
        self._start(
            "etcd",
            [
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={here}",
                f"--advertise-client-urls={here}",
                f"--listen-peer-urls={there}",
                f"--initial-advertise-peer-urls={there}",
                f"--initial-cluster=default={there}",
            ],
        )

    def start(self, port: int = 0) -> None:
        """Start kube-apiserver and wait until it is ready; again after ``kill`` on the same port."""
        self.port = port or self.port or free_port()
        folder, key = self.folder, str(self.folder / "sa.key")
        self._start(
            "kube-apiserver",
            [
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={self.port}",
                f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
                f"--cert-dir={folder}",
                f"--token-auth-file={folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--feature-gates=WatchList=false",  # Debian's etcd 3.4 lacks what it needs
                "--service-cluster-ip-range=10.96.0.0/16",
                "--endpoint-reconciler-type=none",
                "--disable-admission-plugins=ServiceAccount",  # no controller makes the namespaces' default one
                "--allow-privileged=true",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                "--profiling=false",
            ],
        )
        self._wait()

    def kill(self) -> None:
        """End kube-apiserver as a crash does: at once, in the middle of its answers."""
        guard = self._running.pop("kube-apiserver")
        guard.kill()  # the kernel kills the server with its guard
        guard.wait(30)

    def stop(self) -> None:
        """End both."""
        for process in reversed(self._running.values()):
            stop(process)
        for log in self._logs:
            log.close()
        self._running.clear()
        self._logs.clear()

    def log(self) -> str:
        """The last lines of both logs."""
        texts = [path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log"))]
        return "\n".join("\n".join(text.splitlines()[-15:]) for text in texts)

    def _start(self, name: str, arguments: list[str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._logs.append(log)
        self._running[name] = start_guarded([str(binary(name)), *arguments], lease_path=self.lease_path, log=log)

    def _wait(self) -> None:
        """Until the server is ready, and its own certificate is there for the kubeconfig."""
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            ended = [name for name, process in self._running.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                raise ClusterError(f"{' and '.join(ended) or 'kube-apiserver'} did not start:\n{self.log()}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        certificate = self.folder / "apiserver.crt"
        if not certificate.is_file():
            return False
        self.kubeconfig.write_text(yaml.safe_dump(self._kubeconfig(certificate)))
        try:
            self.admin().transport.data(ApiRequest("GET", "/readyz", "see whether it is ready", read_seconds=5))
        except ClusterError:
            return False
        return True

    def _kubeconfig(self, certificate: Path) -> dict[str, object]:
        server = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(certificate)}
        context = {"cluster": "tests", "user": "admin", "namespace": "default"}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": server}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "tests", "context": context}],
        }


@contextlib.contextmanager
def api_server() -> Iterator[ApiServer]:
    """Run an API server for the length of the block; it ends with this process, however that dies."""
    for name in ("etcd", "kube-apiserver"):
        binary(name)
    for attempt in range(_ATTEMPTS):
        with (
            tempfile.TemporaryDirectory(prefix="headrace-api-", ignore_cleanup_errors=True) as name,
            lease(Path(name) / "lease") as held,
        ):
            server = ApiServer(folder=Path(name), lease_path=held)
            try:
                server.prepare()
                server.start_etcd()
                server.start()
            except ClusterError:
                # A port that someone else took in the meantime ends etcd or the server at once: try others.
                server.stop()
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            try:
                yield server
            finally:
                server.stop()
            return


def account(admin: Cluster, name: str, *, namespace: str = "") -> Cluster:
    """A client with the token of a service account (TokenRequest), which is made if there is none."""
    place = namespace or admin.namespace
    if admin.get(SERVICE_ACCOUNTS, name, namespace=place) is None:
        admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}, namespace=place)
    request = ApiRequest(
        "POST",
        SERVICE_ACCOUNTS.path(place, name, "token"),
        f"get a token of {name}",
        body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}},
    )
    token = admin.transport.json(request)["status"]["token"]
    return dataclasses.replace(with_token(admin, token), namespace=place)


def namespace(admin: Cluster, name: str, **labels: str) -> Cluster:
    """A client in a new namespace, which has the labels that Katib wants."""
    wanted = {"katib.kubeflow.org/metrics-collector-injection": "enabled", **labels}
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": wanted}})
    assert admin.get(NAMESPACES, name)
    return dataclasses.replace(admin, namespace=name)
