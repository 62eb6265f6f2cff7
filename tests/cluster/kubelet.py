"""A kubelet, played: what an API server asks for the log of a container. No node runs here, so that no pod can."""

import datetime as dt
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import NODES, PODS


def _certificate(folder: Path) -> Path:
    """A certificate of its own with its key, which an API server does not check."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubelet")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "kubelet.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def node(admin: Cluster, name: str, logs: Mapping[str, str]) -> Iterator[None]:
    """A node whose kubelet has the logs of these containers.

    Args:
        admin: A client that may make nodes.
        name: Name of the node.
        logs: Logs by ``NAMESPACE/POD/CONTAINER``.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path.removeprefix("/containerLogs/")
            data = logs.get(path)
            self.send_response(200 if data is not None else 404)
            self.end_headers()
            self.wfile.write((data or "").encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with tempfile.TemporaryDirectory() as folder, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(Path(folder)))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        admin.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        admin.patch_status(
            NODES,
            name,
            {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_port}},
            },
        )
        try:
            yield
        finally:
            admin.delete(NODES, name)
            server.shutdown()


def pod(
    cluster: Cluster,
    name: str,
    *,
    on: str,
    run: str,
    step: str,
    status: Mapping[str, Any] | None = None,
    attempt: int | None = 0,
) -> None:
    """A pod as Kubeflow Pipelines makes one for a step of a run; ``step`` with ``-driver`` is one before it.

    Args:
        cluster: Where.
        name: Name of the pod.
        on: Its node; empty for one that no node was found for.
        run: The run's id.
        step: The step.
        status: Its status.
        attempt: The number of the attempt at it, as since 2.17; None for earlier ones, which number none.
    """
    number, last = ("", "") if attempt is None else ("(0)", f"({attempt})")
    inner = f"{step}{last}" if step.endswith("-driver") else f"{step}{number}.executor{last}"
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": {"pipeline/runid": run},
                "annotations": {"workflows.argoproj.io/node-name": f"wf{number}.root{number}.{inner}"},
            },
            "spec": {
                **({"nodeName": on} if on else {}),
                "containers": [{"name": "main", "image": "x"}, {"name": "wait", "image": "x"}],
            },
        }
    )
    if status:
        cluster.patch_status(PODS, name, status)
