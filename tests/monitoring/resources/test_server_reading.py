"""A real server's own metrics, read twice."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.monitors.service.resource_level import measure_resources
from headrace.core.monitors.service.service_objectives import DEFAULT_OBJECTIVES
from headrace.monitoring.resources.server_reading import ServerScrape, compare_scrapes, scrape_servers
from headrace.rollouts.record.counters import RequestCounts
from tests.made_bundle import copy_bundle
from tests.serving.conftest import GOOD, Running, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of a model."""
    folder = tmp_path_factory.mktemp("server")
    with running(copy_bundle(folder / "bundle").folder, folder / "run") as found:
        yield found


def test_the_difference_of_two_scrapes(server: Running) -> None:
    """Requests, errors, times, cores and memory between them; longer periods need Prometheus, and say so."""
    addresses = {"one": f"http://{server.host}"}
    assert server.remote.predict([GOOD]).status == 200
    before = scrape_servers(addresses, time=time.time())
    for _ in range(30):
        assert server.remote.predict([GOOD]).status == 200
    reading = compare_scrapes(before, scrape_servers(addresses, time=before.time + 10.0))
    found = {(one.monitor, one.subject): one for one in measure_resources(reading, objectives=DEFAULT_OBJECTIVES)}
    assert found["request_rate", ""].value == 3.0
    assert found["error_rate", ""].rows == 30
    assert found["availability", ""].status == "ok"
    assert (found["latency", ""].value or 9) < 1
    assert (found["cpu", "one"].value or 0) > 0
    assert found["memory", "one"].status == found["restarts", "one"].status == "ok"
    assert found["burn_rate", "latency"].status == "unknown"
    assert "only Prometheus keeps counts of such a period" in found["burn_rate", "latency"].sentence


def test_what_does_not_answer_is_unknown(server: Running, tmp_path: Path) -> None:
    """A server that is gone, an address of something else, and one of two that is gone."""
    alive = {"one": f"http://{server.host}"}
    both = {**alive, "two": "http://127.0.0.1:9"}
    before = scrape_servers(both, time=1.0)
    assert "nothing answers there" in before.silent["two"]
    half = compare_scrapes(before, scrape_servers(both, time=2.0))
    results = {one.monitor: one for one in measure_resources(half)}
    assert "ok" not in {one.status for one in results.values()}
    assert (results["availability"].status, results["availability"].value) == ("violated", 0.5)
    gone = compare_scrapes(before, scrape_servers({"two": both["two"]}, time=2.0))
    assert {one.status for one in measure_resources(gone)} == {"unknown"}
    assert "must be readable; nothing answers there" in gone.problem


def test_a_server_that_started_again_counts_from_zero() -> None:
    """Its counters fell: all that they hold is new; it is a restart, and its processor time is not known."""
    kept = {"process_cpu_seconds_total": 50.0, "process_start_time_seconds": 100.0}
    before = ServerScrape(0.0, {"one": RequestCounts(codes={"200": 900.0}, rows=900.0)}, {"one": kept})
    fresh = {"process_cpu_seconds_total": 2.0, "process_start_time_seconds": 130.0}
    after = ServerScrape(60.0, {"one": RequestCounts(codes={"200": 40.0}, rows=40.0)}, {"one": fresh})
    reading = compare_scrapes(before, after)
    assert reading.codes == {"200": 40.0}
    assert (reading.restarts, reading.cpu) == ({"one": 1.0}, {})
    assert compare_scrapes(after, replace(before, time=60.0)).problem
