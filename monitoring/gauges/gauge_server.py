"""A server of the monitors' gauges: ``/metrics`` for Prometheus and ``/healthz`` for Kubernetes."""

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from headrace.core.base.errors import InputError
from headrace.monitoring.gauges.monitor_gauges import MonitorRun, render_gauges

DEFAULT_PORT = 9465
_CLIENT_SECONDS = 10.0
_MOST_CLIENTS = 16
_POLL_SECONDS = 0.1


class GaugeBoard:
    """The last run of each model, and when the monitor last showed that it is alive; threads may share it."""

    def __init__(self, *, healthy_seconds: float = 0.0) -> None:
        """Initialize without runs.

        Args:
            healthy_seconds: How long the monitor may take without a sign of life before ``/healthz`` says so; 0 for
                ever. It is longer than the longest run and the pause after it together.
        """
        self._lock = threading.Lock()
        self._runs: dict[str, MonitorRun] = {}
        self._healthy_seconds = healthy_seconds
        self._alive = time.monotonic()

    def update(self, run: MonitorRun) -> None:
        """Show a run in place of the model's earlier one; this is a sign of life too."""
        with self._lock:
            self._runs[run.report.name] = run
            self._alive = time.monotonic()

    def report_alive(self) -> None:
        """Say that the monitor is alive, as after a run that failed: a new process would fare no better."""
        with self._lock:
            self._alive = time.monotonic()

    @property
    def runs(self) -> tuple[MonitorRun, ...]:
        """The last run of each model."""
        with self._lock:
            return tuple(self._runs.values())

    @property
    def healthy(self) -> bool:
        """Whether there was a sign of life recently."""
        with self._lock:
            silent = time.monotonic() - self._alive
        return not self._healthy_seconds or silent <= self._healthy_seconds


@contextlib.contextmanager
def serve_gauges(board: GaugeBoard, *, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> Iterator[int]:
    """Serve gauges in a thread for the length of the block.

    Args:
        board: The runs that are shown.
        host: Address of this machine to listen at; ``0.0.0.0`` in a pod.
        port: Port; 0 for a free one.

    Yields:
        The port.

    Raises:
        InputError: If nobody can listen there.
    """
    handler = type("_BoardHandler", (_GaugeHandler,), {"board": board})
    try:
        server = _GaugeServer((host, port), handler)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"the gauges must be served at {host}:{port}, which fails: {error}; name another port."
        ) from error
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


class _GaugeServer(ThreadingHTTPServer):
    """A server with a bounded number of threads: a client beyond them is sent away at once."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or close the connection if all are in use."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make the thread's place free."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class _GaugeHandler(BaseHTTPRequestHandler):
    board: GaugeBoard
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        """Answer ``/metrics`` and ``/healthz``."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            text, media_type = render_gauges(self.board.runs, accept=self.headers.get("Accept", ""))
            self._answer(200, text, media_type)
        elif path == "/healthz":
            healthy = self.board.healthy
            self._answer(200 if healthy else 503, b"ok\n" if healthy else b"the monitor gives no sign of life\n")
        else:
            self._answer(404, b"there are /metrics and /healthz\n")

    def _answer(self, status: int, body: bytes, media_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape every few seconds is no news."""
