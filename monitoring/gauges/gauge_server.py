"""A server of the monitors' gauges: ``/metrics`` for Prometheus and ``/healthz`` for Kubernetes."""

import contextlib
import threading
import time
from collections.abc import Iterator

from headrace.monitoring.gauges.monitor_gauges import MonitorRun, render_gauges
from headrace.serving.telemetry.page_server import serve_pages

DEFAULT_PORT = 9465
_TEXT = "text/plain; charset=utf-8"


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

    def answer(path: str, accept: str) -> tuple[int, bytes, str]:
        if path == "/metrics":
            return (200, *render_gauges(board.runs, accept=accept))
        if path == "/healthz":
            return (200, b"ok\n", _TEXT) if board.healthy else (503, b"the monitor gives no sign of life\n", _TEXT)
        return 404, b"there are /metrics and /healthz\n", _TEXT

    with serve_pages(answer, host=host, port=port, content="the gauges") as bound:
        yield bound
