"""The server of gauges."""

import socket
import time
from datetime import UTC, datetime

import pytest
import urllib3

from headrace.core.base.errors import InputError
from headrace.monitoring.gauges.gauge_server import GaugeBoard, serve_gauges
from headrace.monitoring.gauges.monitor_gauges import MonitorRun
from headrace.serving.telemetry import page_server
from tests.monitoring.made_reports import make_report, make_result

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_it_shows_the_last_run_of_each_model() -> None:
    """A later run takes the place of an earlier one; other paths are not there."""
    board = GaugeBoard()
    with serve_gauges(board, port=0) as port, urllib3.PoolManager(retries=False, timeout=10) as pool:
        empty = pool.request("GET", f"http://127.0.0.1:{port}/metrics")
        assert (empty.status, b"headrace_monitor_value{" in empty.data) == (200, False)
        for name, value in (("one", 0.1), ("two", 0.2), ("one", 0.3)):
            board.update(MonitorRun(make_report(make_result(value=value), name=name), NOW))
        text = pool.request("GET", f"http://127.0.0.1:{port}/metrics?x=1").data.decode()
        assert 'headrace_monitor_value{model="one",monitor="input_drift",subject="age"} 0.3' in text
        assert 'headrace_monitor_value{model="two",monitor="input_drift",subject="age"} 0.2' in text
        assert " 0.1\n" not in text
        assert pool.request("GET", f"http://127.0.0.1:{port}/").status == 404
        assert pool.request("POST", f"http://127.0.0.1:{port}/metrics").status == 501


def test_a_monitor_that_hangs_is_not_healthy() -> None:
    """Kubernetes starts it again; a sign of life is enough, though a run fails."""
    board = GaugeBoard(healthy_seconds=0.05)
    with serve_gauges(board, port=0) as port, urllib3.PoolManager(retries=False, timeout=10) as pool:
        time.sleep(0.1)
        assert pool.request("GET", f"http://127.0.0.1:{port}/healthz").status == 503
        board = GaugeBoard()
    with serve_gauges(board, port=0) as port, urllib3.PoolManager(retries=False, timeout=10) as pool:
        board.report_alive()
        assert pool.request("GET", f"http://127.0.0.1:{port}/healthz").status == 200


def test_a_taken_port_is_one_sentence() -> None:
    """With the address, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = f"must be served at 127.0.0.1:{port}, which fails.*another port"
        with pytest.raises(InputError, match=said), serve_gauges(GaugeBoard(), port=port):
            pass


def test_idle_clients_do_not_take_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that say nothing are bounded in number and in time; then Prometheus is answered again."""
    monkeypatch.setattr(page_server._PageHandler, "timeout", 0.5)
    with serve_gauges(GaugeBoard(), port=0) as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        with urllib3.PoolManager(retries=urllib3.Retry(40, backoff_factor=0.05), timeout=10) as pool:
            assert pool.request("GET", f"http://127.0.0.1:{port}/metrics").status == 200
        for one in idle:
            one.close()
