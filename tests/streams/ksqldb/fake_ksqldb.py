"""A stand-in for ksqlDB, which cannot be had here: it answers as ksqlDB's source says, and runs no SQL.

What it writes follows, byte by byte, ``JsonStreamedRowResponseWriter``, ``DelimitedQueryStreamResponseWriter``,
``FailureHandler`` and ``CloseQueryHandler`` of ksqlDB (August 2026) and its guide of the REST API.
"""

import contextlib
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

V1, DELIMITED = "application/vnd.ksql.v1+json", "application/vnd.ksqlapi.delimited.v1"
SCHEMA = "`ID` BIGINT KEY, `PAID` DECIMAL(8, 2), `AT` STRUCT<`LAT` DOUBLE, `LON` DOUBLE>, `odd ``name``` STRING"


def header(schema: str = "`ID` BIGINT, `LABEL` STRING", query_id: str = "transient_SCORES_1") -> bytes:
    """The first line of an array."""
    return b"[" + json.dumps({"header": {"queryId": query_id, "schema": schema}}).encode() + b",\n"


def row(*values: Any, tombstone: bool = False) -> bytes:
    """A row of an array."""
    found = {"columns": list(values), **({"tombstone": True} if tombstone else {})}
    return json.dumps({"row": found}).encode() + b",\n"


def final(message: str = "Limit Reached") -> bytes:
    """The last line of an array that answers a push query."""
    return json.dumps({"finalMessage": message}).encode() + b"]"


def failed(message: str, code: int = 50000) -> dict[str, Any]:
    """An error as an object."""
    return {"@type": "generic_error", "error_code": code, "message": message}


@dataclass
class FakeKsqldb:
    """The server.

    Attributes:
        parts: What it writes to a query, each in a chunk of its own; a function is called instead.
        status: Its status.
        content_type: Type of its answer.
        end: ``whole``; ``lost`` for a connection that ends after the last part, ``cut`` for one that ends within a
            chunk, ``open`` for an answer without chunks and length.
        requests: Path, body and headers of each request, whose names are in lower case.
        closed: Set by ``/close-query``.
        url: Its address.
        certificate: File of its certificate and key; None for no TLS.
    """

    parts: list[bytes | Callable[[], object]] = field(default_factory=list)
    status: int = 200
    content_type: str = V1
    end: str = "whole"
    requests: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    certificate: Path | None = None

    @property
    def paths(self) -> list[str]:
        """Paths of the requests."""
        return [path for path, _, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeKsqldb

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.fake.requests.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
        if self.path == "/close-query":
            self._close(body["queryId"])
            return
        self.send_response(self.fake.status)
        self.send_header("Content-Type", self.fake.content_type)
        self.send_header(*(("Connection", "close") if self.fake.end == "open" else ("Transfer-Encoding", "chunked")))
        self.end_headers()
        self.close_connection = self.fake.end != "whole"
        # A client that has gone ends the query.
        with contextlib.suppress(OSError):
            for part in self.fake.parts:
                if callable(part):
                    part()
                elif self.fake.end == "open":
                    self.wfile.write(part)
                else:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            if self.fake.end == "whole":
                self.wfile.write(b"0\r\n\r\n")
            if self.fake.end == "cut":
                self.wfile.write(b'40\r\n{"row":')  # within a chunk

    def _close(self, query_id: str) -> None:
        known = query_id == "transient_SCORES_1" and not self.fake.closed.is_set()
        self.fake.closed.set()
        body = b"" if known else json.dumps(failed(f"No query with id {query_id}", 40000)).encode()
        self.send_response(200 if known else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def fake_ksqldb(*parts: bytes | Callable[[], object], **settings: Any) -> Iterator[FakeKsqldb]:
    """Run the server for the length of the block."""
    fake = FakeKsqldb(list(parts), **settings)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake}))
    server.daemon_threads = True
    if fake.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(fake.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    fake.url = f"http{'s' if fake.certificate else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(path: Path) -> Path:
    """Write a certificate of the loopback address, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ksqldb")])
    now = datetime.now(UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(addresses, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path
