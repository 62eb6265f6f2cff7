"""The resource level of a window, from where a monitor is told to look."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.monitors.service.resource_level import ResourceBounds
from headrace.monitoring.resources import window_resources
from headrace.monitoring.resources.window_resources import ResourceSource, find_bounds
from tests.made_bundle import copy_bundle
from tests.serving.conftest import GOOD, Running, running

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = TimeWindow(NOW - timedelta(days=1), NOW)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The usual bundle."""
    return copy_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def served(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A real server of it."""
    with running(bundle.folder, tmp_path_factory.mktemp("server")) as found:
        yield found


def test_where_nothing_is_named_there_are_no_results() -> None:
    """A laptop without servers has no resource level."""
    source = ResourceSource("customers")
    source.start()
    assert source.measure(DAY) == ()


def test_prometheus_and_servers_together_are_refused() -> None:
    """They would say the same thing twice, and differently."""
    with pytest.raises(InputError, match="name one of them"):
        ResourceSource("customers", "http://127.0.0.1:9", ("http://127.0.0.1:9",))


@pytest.mark.parametrize(
    "source",
    [
        ResourceSource("customers", prometheus="http://127.0.0.1:9"),
        ResourceSource("customers", servers=("http://127.0.0.1:9",)),
    ],
    ids=["Prometheus", "server"],
)
def test_what_does_not_answer_is_unknown(source: ResourceSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called well that could not be read."""
    monkeypatch.setattr(window_resources, "SCRAPE_SECONDS", 0.01)
    results = source.measure(DAY)
    assert {one.status for one in results if one.monitor in {"availability", "error_rate", "latency"}} <= {
        "unknown",
        "violated",
    }
    assert not [one for one in results if one.status == "ok"]


def test_a_server_is_measured_between_two_looks(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests since the last look are counted, and each look begins where the one before ended."""
    monkeypatch.setattr(window_resources, "SCRAPE_SECONDS", 0.01)
    source = ResourceSource("customers", servers=(f"http://{served.host}",))
    source.start()
    for _ in range(5):
        served.remote.predict([GOOD])
    first = {one.monitor: one for one in source.measure(DAY) if not one.subject}
    assert first["availability"].status == "ok"
    assert first["request_rate"].value is not None
    assert first["request_rate"].value > 0
    assert first["error_rate"].status == "ok"
    second = {one.monitor: one for one in source.measure(DAY) if not one.subject}
    assert second["request_rate"].value is not None
    assert second["request_rate"].value < first["request_rate"].value


def test_an_address_without_a_scheme_is_http(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person copies host and port; nothing warns."""
    monkeypatch.setattr(window_resources, "SCRAPE_SECONDS", 0.01)
    source = ResourceSource("customers", servers=(served.host, f"http://{served.host}/"))
    assert source.servers == (f"http://{served.host}",) * 2
    assert next(iter(source.measure(DAY))).status == "ok"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ftp://10.0.0.7:8080", "must be such as http://10.0.0.7:8080; got 'ftp://10.0.0.7:8080'"),
        ("http://", "must be such as http://10.0.0.7:8080"),
        ("10.0.0.7:http", "must be such as http://10.0.0.7:8080"),
        ("http://me:secret@10.0.0.7:8080", "must hold no name and no password"),
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_read(address: str, sentence: str) -> None:
    """One sentence, without a password."""
    with pytest.raises(InputError, match=sentence) as raised:
        ResourceSource("customers", servers=(address,))
    assert "secret" not in str(raised.value)


def test_an_address_of_prometheus_is_looked_at_at_once() -> None:
    """And not when the first window has ended."""
    with pytest.raises(InputError, match="Prometheus' address must be such as"):
        ResourceSource("customers", prometheus="prometheus:9090")


def test_a_policy_bounds_the_resource_level(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bounds take the place of the usual ones, and objectives have results, if unknown ones."""
    monkeypatch.setattr(window_resources, "SCRAPE_SECONDS", 0.01)
    source = ResourceSource("customers", servers=(served.host,))
    rules = {"memory": MonitorRule(maximum=1.0), "request_rate": MonitorRule(minimum=1e9)}
    results = source.measure(DAY, MonitoringPolicy(monitors=rules))
    found = {one.monitor: (one.status, one.bound) for one in results}
    assert found["memory"] == ("violated", 1.0)
    assert found["request_rate"] == ("violated", 1e9)
    assert found["error_budget"][0] == found["burn_rate"][0] == "unknown"
    assert find_bounds(MonitoringPolicy(monitors={"latency": MonitorRule()})) == ResourceBounds()
