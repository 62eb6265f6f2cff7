"""A small HTTP server that answers as it is told, for what a real API server cannot be made to do."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.transport import ApiTransport


@dataclass
class Told:
    """What the server answers, in order, the last one again and again; and what it was asked.

    Attributes:
        answers: Status and body of each answer; a status of 0 closes the connection without one.
        asked: Method and path of each request.
    """

    answers: list[tuple[int, bytes]]
    asked: list[tuple[str, str]] = field(default_factory=list)


def status(code: int, reason: str, message: str, **details: Any) -> tuple[int, bytes]:
    """A refusal as an API server words it."""
    said = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
    return code, json.dumps({**said, "details": details}).encode()


@contextlib.contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[Cluster, Told]]:
    """A client of a server that gives these answers."""
    told = Told(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.asked.append((self.command, self.path))
            code, body = told.answers.pop(0) if len(told.answers) > 1 else told.answers[0]
            if not code:
                self.close_connection = True
                return
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield at(f"http://127.0.0.1:{server.server_port}"), told
        finally:
            server.shutdown()


def at(address: str) -> Cluster:
    """A client of whatever is at an address."""
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=address)
    configuration.retries = False
    return Cluster(ApiTransport(ApiClient(configuration), address), namespace="models")
