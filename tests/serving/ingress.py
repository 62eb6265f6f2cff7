"""The way to a cluster's servers: one port that stands for DNS, Services, the gateway and the graphs' router."""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

Backend = int  # port on the loopback address
Change = Callable[[Any], Any]


@dataclass
class Ingress:
    """Hosts and what lies behind them.

    Attributes:
        services: Ports of the ready pods by host of a Service; asked in turn.
        delay: Seconds until a gateway does what a route was changed to.
        routes: What is in effect: hosts of Services with their weights by host of a route, drawn for each request.
        changing: Routes that were changed, and when they take effect.
        aliases: Hosts that a route of somebody's own sends to the Service of a graph's router.
        paths: Path that is asked instead of the request's own, by host of a router's route and of a Service behind it.
        changes: What is done to the answers of a port.
        asked: How many requests each host of a Service got, with their statuses.
        port: Where it listens.
    """

    services: dict[str, list[Backend]] = field(default_factory=dict)
    delay: float = 0.0
    routes: dict[str, dict[str, int]] = field(default_factory=dict)
    changing: list[tuple[float, str, dict[str, int] | None]] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)
    changes: dict[Backend, Change] = field(default_factory=dict)
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    port: int = 0
    _draw: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - a test's traffic
    _turn: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, timeout=30, maxsize=32)
    )

    @property
    def address(self) -> str:
        """Host and port to connect to."""
        return f"127.0.0.1:{self.port}"

    def change(self, host: str, weights: dict[str, int] | None) -> None:
        """A route is as it is wanted now, or gone; the gateway hears of it later."""
        with self._lock:
            self._heard()
            last = next((one for _, name, one in reversed(self.changing) if name == host), self.routes.get(host))
            if last != weights:
                self.changing.append((time.monotonic() + self.delay, host, weights))

    def _heard(self) -> None:
        while self.changing and self.changing[0][0] <= time.monotonic():
            _, host, weights = self.changing.pop(0)
            if weights is None:
                self.routes.pop(host, None)
            else:
                self.routes[host] = weights

    def known(self, host: str) -> bool:
        """Whether a host is anybody's."""
        with self._lock:
            self._heard()
            host = self.aliases.get(host, host)
            return host in self.routes or host in self.services

    def chosen(self, host: str) -> tuple[str, Backend | None]:
        """Host of a Service and the port of one of its pods."""
        with self._lock:
            self._heard()
            weights = self.routes.get(host)
            if weights and sum(weights.values()):
                (host,) = self._draw.choices(list(weights), list(weights.values()))
            ports = self.services.get(host) or []
            self._turn[host] += 1
            return host, ports[self._turn[host] % len(ports)] if ports else None

    def answer(self, method: str, host: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        """Status, body and media type of an answer: as from a gateway, 404 for no route, 503 where nothing is ready."""
        host = self.aliases.get(host, host)
        if not self.known(host):
            return 404, b"", "text/plain"
        service, port = self.chosen(host)
        code, data, kind = 503, b"no healthy upstream", "text/plain"
        if port is not None:
            path = self.paths.get((host, service), path)
            try:
                reply = self._pool.request(
                    method, f"http://127.0.0.1:{port}{path}", body=body, headers={"Content-Type": "application/json"}
                )
            except urllib3.exceptions.HTTPError:
                code, data = 502, b"upstream connect error"
            else:
                code, data, kind = reply.status, reply.data, reply.headers.get("Content-Type", "")
                change = self.changes.get(port)
                if change and path.endswith(":predict"):
                    data = json.dumps(change(json.loads(data))).encode()
        with self._lock:
            self.asked[service, code] += 1
        return code, data, kind


@contextlib.contextmanager
def ingress(given: Ingress | None = None) -> Iterator[Ingress]:
    """An ingress that listens for the length of the block."""
    made = given or Ingress()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, data, kind = made.answer(self.command, self.headers["Host"].split(":")[0], self.path, body)
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if self.close_connection:
                # A client that is not told keeps the connection, and asks over it while it is being closed.
                self.send_header("Connection", "close")
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield made
        finally:
            server.shutdown()
            made._pool.clear()
