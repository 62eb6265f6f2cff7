"""A real Prometheus scrapes a real server of a model and the monitor's gauges; a real Alertmanager notifies."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.core.base.errors import InputError
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.monitors.service.resource_level import ResourceReading, measure_resources
from headrace.core.monitors.service.service_objectives import ServiceObjective
from headrace.monitoring.gauges.gauge_server import GaugeBoard, serve_gauges
from headrace.monitoring.gauges.monitor_gauges import MonitorRun
from headrace.monitoring.resources.prometheus_reading import EndpointQuery, read_prometheus
from headrace.monitoring.rules.rule_files import make_groups
from headrace.stores.metrics.prometheus_api import PrometheusApi
from tests.made_bundle import copy_bundle
from tests.monitoring.made_reports import make_report, make_result
from tests.real.prometheus import RunningServer, alertmanager, prometheus_server
from tests.serving.conftest import GOOD, Running, running

pytestmark = pytest.mark.prometheus

OBJECTIVES = (
    ServiceObjective("availability", "availability", 0.999, least_bad=1),
    ServiceObjective("latency", "latency", 0.99, threshold_seconds=10.0),
)
CUSTOMERS = EndpointQuery("customers")


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def measure(reading: ResourceReading) -> dict[tuple[str, str], MonitorResult]:
    """The results by monitor and subject."""
    results = measure_resources(reading, objectives=OBJECTIVES)
    return {(one.monitor, one.subject): one for one in results}


@contextmanager
def kubelet() -> Iterator[str]:
    """The metrics of a pod as the kubelet has them: of its container, and of the whole pod without a container."""
    began = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            used = 0.5 * (time.monotonic() - began)
            pod = 'namespace="shop",pod="tips-predictor-1"'
            lines = [f'headrace_model_info{{{pod},name="tips",digest="abc"}} 1']
            for container in ("kserve-container", ""):
                lines.append(f'container_cpu_usage_seconds_total{{{pod},container="{container}"}} {used}')
                lines.append(f'container_memory_working_set_bytes{{{pod},container="{container}"}} 3e8')
            body = "\n".join([*lines, ""]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Scene:
    """A server, and a Prometheus that scrapes it.

    Attributes:
        server: The server.
        prometheus: Prometheus.
        began: When it began.
    """

    server: Running
    prometheus: RunningServer
    began: datetime

    def read(self, endpoint: EndpointQuery = CUSTOMERS) -> dict[tuple[str, str], MonitorResult]:
        """The results of the time since the scene began."""
        window = TimeWindow(self.began, datetime.now(UTC))
        return measure(read_prometheus(PrometheusApi(self.prometheus.url), endpoint, window, objectives=OBJECTIVES))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Both, after the first scrapes; the last tests end the one, then the other."""
    folder = tmp_path_factory.mktemp("scene")
    bundle = copy_bundle(folder / "bundle")
    with (
        kubelet() as pods,
        running(bundle.folder, folder / "server") as server,
        prometheus_server({"models": [server.host], "kubelet": [pods]}) as found,
    ):
        api = PrometheusApi(found.url)
        until(lambda: api.query('headrace_model_info{name="customers"}'))
        began = datetime.now(UTC)
        # Prometheus sees no increase before the first sample in a window.
        until(lambda: api.query(f"count_over_time(headrace_model_info[1m] @ {time.time():.3f}) >= 3"))
        yield Scene(server, found, began)


def test_prometheus_is_read(scene: Scene) -> None:
    """What clients asked is what is measured; what it does not know is unknown, and a wrong selector is refused."""
    for _ in range(40):
        assert scene.server.remote.predict([GOOD]).status == 200
    assert scene.server.remote.predict([{**GOOD, "plan": "gold"}]).status == 400
    api = PrometheusApi(scene.prometheus.url)
    until(lambda: api.query('sum(headrace_requests_total{protocol="v1"}) == 41'))
    found = scene.read()
    assert found["availability", ""].status == "ok"
    assert found["availability", ""].value == 1
    assert found["request_rate", ""].rows == pytest.approx(41, abs=15), "increase extrapolates to the window's ends"
    assert (found["error_rate", ""].status, found["error_rate", ""].value) == ("ok", 0)
    assert (found["latency", ""].value or 9) < 1
    for monitor in ("cpu", "memory", "restarts"):
        assert found[monitor, scene.server.host].status == "ok"
    assert 20e6 < (found["memory", scene.server.host].value or 0) < 4e9
    assert found["error_budget", "availability"].value == 1
    assert (found["burn_rate", "latency"].status, found["burn_rate", "latency"].value) == ("ok", 0)
    assert found["lag", ""].status == "unknown"

    lag = EndpointQuery("customers", selector='job="models"', lag="vector(7)")
    assert scene.read(lag)["lag", ""].value == 7
    nobody = scene.read(EndpointQuery("nobody"))
    assert {one.status for one in nobody.values()} == {"unknown"}
    assert 'it has no headrace_model_info{name="nobody"}: look at its targets' in nobody["availability", ""].sentence
    with pytest.raises(InputError, match="refuses the query"):
        scene.read(EndpointQuery("customers", selector="job="))


def test_the_kubelets_figures_of_a_pod_are_read(scene: Scene) -> None:
    """By the pod's name; what the kubelet counts for the pod as a whole is not counted again."""
    found = scene.read(EndpointQuery("tips"))
    assert found["cpu", "tips-predictor-1"].value == pytest.approx(0.5, rel=0.2)
    assert found["memory", "tips-predictor-1"].value == 3e8
    assert found["restarts", ""].status == found["request_rate", ""].status == "unknown"


def test_a_gap_in_scrapes_is_unknown(scene: Scene) -> None:
    """Most of an hour before Prometheus began has no samples: nothing in it is called good."""
    window = TimeWindow(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    found = measure(read_prometheus(PrometheusApi(scene.prometheus.url), CUSTOMERS, window, objectives=OBJECTIVES))
    assert "ok" not in {one.status for one in found.values()}
    assert "has no samples for" in found["availability", ""].sentence
    assert "of the window only" in found["request_rate", ""].sentence


def test_a_server_that_ended_is_not_ready(scene: Scene) -> None:
    """Prometheus runs on and sees nobody: the endpoint was available for a part of the time only."""
    scene.server.process.kill()
    ended = datetime.now(UTC)
    until(lambda: datetime.now(UTC) > ended + timedelta(seconds=4))
    window = TimeWindow(ended + timedelta(seconds=2), datetime.now(UTC))
    found = measure(read_prometheus(PrometheusApi(scene.prometheus.url), CUSTOMERS, window, objectives=OBJECTIVES))
    assert (found["availability", ""].status, found["availability", ""].value) == ("violated", 0)
    assert found["error_rate", ""].status == "unknown"


def test_a_prometheus_that_ended_leaves_everything_unknown(scene: Scene) -> None:
    """Each result says so, and none is good."""
    scene.prometheus.end()
    found = scene.read()
    assert {one.status for one in found.values()} == {"unknown"}
    assert f"Prometheus at {scene.prometheus.url} does not answer: start it" in found["error_rate", ""].sentence


@contextmanager
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """An address for Alertmanager, and the alerts that came there."""
    alerts: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            alerts.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", alerts
        server.shutdown()


def test_an_alert_reaches_a_person_and_is_resolved(tmp_path: Path) -> None:
    """From the monitor's gauges through Prometheus' rules and Alertmanager, with windows of 10 minutes made seconds."""
    text = yaml.safe_dump(make_groups())
    (tmp_path / "rules.yaml").write_text(text.replace("[10m]", "[2s]").replace("30s", "1s"))
    board = GaugeBoard()
    report = make_report(make_result("contract_violations", "range", "data_fault"), make_result(status="ok"))
    with webhook() as (address, alerts), alertmanager(address) as manager, serve_gauges(board, port=0) as port:
        more = {
            "rule_files": [str(tmp_path / "rules.yaml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager.host]}]}]},
        }
        with prometheus_server({"monitor": [f"127.0.0.1:{port}"]}, **more) as prometheus:
            api = PrometheusApi(prometheus.url)
            until(lambda: api.query('up{job="monitor"} == 1'))
            assert alerts == []
            board.update(MonitorRun(report, datetime.now(UTC), "stop", 3_600.0))
            (fired,) = until(lambda: [one for one in alerts if one["status"] == "firing"][:1])
            assert fired["labels"] == {
                "alertname": "HeadraceDataFault",
                "model": "tumours",
                "monitor": "contract_violations",
                "severity": "critical",
            }
            summary = "The data of tumours are broken, says monitor contract_violations."
            assert fired["annotations"]["summary"] == summary
            assert api.query("headrace_monitor_decision == 1")[0].labels["decision"] == "stop"
            board.update(MonitorRun(make_report(make_result("contract_violations", "range", "ok")), datetime.now(UTC)))
            until(lambda: [one for one in alerts if one["status"] == "resolved"])
    assert {one["labels"]["alertname"] for one in alerts} == {"HeadraceDataFault"}
