"""As much of a kubelet as the API server asks for logs: no node runs here whose pods could say anything."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import NODES

Key = tuple[str, str, bool]


@dataclass
class Kubelet:
    """A node of the cluster.

    Attributes:
        node: Its name.
        logs: What containers said, by pod, container, and whether it was before their last restart.
    """

    node: str
    logs: dict[Key, str] = field(default_factory=dict)


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubelet")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "kubelet.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@contextlib.contextmanager
def kubelet(admin: Cluster, folder: Path) -> Iterator[Kubelet]:
    """A node whose kubelet answers for the length of the block."""
    made = Kubelet(f"node-{admin.namespace}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            _, _, _, pod, container = parts.path.split("/")
            previous = parse_qs(parts.query).get("previous") == ["true"]
            text = made.logs.get((pod, container, previous))
            self.send_response(200 if text is not None else 404)
            self.end_headers()
            self.wfile.write((text or "no such log").encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        admin.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": made.node}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_port}},
        }
        admin.patch_status(NODES, made.node, status)
        try:
            yield made
        finally:
            admin.delete(NODES, made.node)
            server.shutdown()
