"""The resource level: bounds, intervals, and what is not known."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.monitors.service.resource_level import (
    ResourceBounds,
    ResourceReading,
    find_quantile,
    measure_resources,
)
from headrace.core.monitors.service.service_objectives import RequestTotals, ServiceObjective

OBJECTIVE = ServiceObjective("availability", "availability", 0.999)
LENGTHS = (300, 1_800, 3_600, 21_600, 259_200, OBJECTIVE.period_seconds)
GOOD = ResourceReading(
    "Prometheus at http://p:9090",
    3_600.0,
    coverage=1.0,
    ready=1.0,
    codes={"200": 9_990.0, "400": 10.0, "500": 0.0},
    durations={0.01: 9_000.0, 0.1: 990.0, 1.0: 10.0, math.inf: 0.0},
    cpu={"one": 0.5, "two": 0.25},
    memory={"one": 3e8, "two": 2e8},
    restarts={"one": 0.0, "two": 0.0},
    lag=3.0,
    totals={"availability": dict.fromkeys(LENGTHS, RequestTotals(10_000.0, 0.0))},
    period_known=30 * 86_400.0,
)


def measure(reading: ResourceReading, bounds: ResourceBounds | None = None) -> dict[tuple[str, str], MonitorResult]:
    """The results by monitor and subject."""
    results = measure_resources(reading, bounds=bounds, objectives=(OBJECTIVE,))
    return {(one.monitor, one.subject): one for one in results}


def test_a_good_hour() -> None:
    """Every monitor of the level has its value and its sentence; a client's mistakes are not the server's errors."""
    found = measure(GOOD)
    assert {one.status for one in found.values()} == {"ok"}
    assert found["error_rate", ""].value == 0
    assert found["request_rate", ""].value == pytest.approx(10_000 / 3_600)
    assert found["latency", ""].value == pytest.approx(0.1, abs=0.01)
    assert found["error_budget", "availability"].value == 1
    assert [pod for monitor, pod in found if monitor == "cpu"] == ["one", "two"]
    assert all(one.sentence.endswith(".") and one.sentence.count(".") >= 1 for one in found.values())


def test_each_bound_is_kept() -> None:
    """What lies beyond its bound is violated, and the sentence has both figures."""
    bad = replace(
        GOOD,
        ready=0.9,
        codes={"200": 9_000.0, "503": 1_000.0},
        durations={0.01: 9_000.0, 1.0: 0.0, 5.0: 1_000.0, math.inf: 0.0},
        restarts={"one": 4.0},
        lag=5_000.0,
        totals={"availability": dict.fromkeys(LENGTHS, RequestTotals(10_000.0, 1_000.0))},
    )
    bounds = ResourceBounds(least_request_rate=10.0, most_cpu_cores=0.4, most_memory_bytes=2.5e8, most_lag_rows=1_000.0)
    found = measure(bad, bounds)
    violated = {key for key, one in found.items() if one.status == "violated"}
    assert violated == found.keys() - {("cpu", "two"), ("memory", "two")}
    assert found["error_rate", ""].sentence == (
        "The server answered 10 % of 10,000 requests by an error of its own (at most 1 % allowed)."
    )
    assert found["burn_rate", "availability"].value == pytest.approx(100)


def test_a_few_errors_by_chance_are_no_violation() -> None:
    """One error of twenty requests is 5 %, but one can expect it where 1 % is allowed."""
    found = measure(replace(GOOD, codes={"200": 19.0, "500": 1.0}))["error_rate", ""]
    assert found.status == "ok"
    assert found.value == 0.05
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.01 < found.high


def test_a_server_that_does_not_answer_leaves_everything_unknown() -> None:
    """No result is good, each has the reason."""
    found = measure(ResourceReading("Prometheus at http://p:9090", 3_600.0, problem="it does not answer"))
    assert {one.status for one in found.values()} == {"unknown"}
    assert {one.value for one in found.values()} == {None}
    assert all("because it does not answer" in one.sentence for one in found.values())
    assert len(found) == 10


@given(st.floats(0, 0.899), st.floats(0, 1))
def test_nothing_is_good_in_a_gap(coverage: float, ready: float) -> None:
    """Whatever the figures are: with samples for less than nine tenths of the window no result is good."""
    found = measure(replace(GOOD, coverage=coverage, ready=ready))
    assert "ok" not in {one.status for one in found.values()}


def test_a_violation_in_a_gap_stays_one() -> None:
    """What has been seen has happened; availability is violated only if it is so at best."""
    gap = replace(GOOD, coverage=0.5, ready=0.5, codes={"200": 500.0, "500": 500.0})
    found = measure(gap)
    assert found["error_rate", ""].status == "violated"
    assert found["availability", ""].status == "violated"
    assert (found["availability", ""].low, found["availability", ""].high) == (0.25, 0.75)
    assert measure(replace(gap, ready=1.0))["availability", ""].status == "unknown"


def test_without_requests_errors_and_latency_are_unknown() -> None:
    """Nobody asked; the rate of requests is known, and zero."""
    found = measure(replace(GOOD, codes={"200": 0.0}, durations={0.1: 0.0, math.inf: 0.0}))
    assert (found["request_rate", ""].status, found["request_rate", ""].value) == ("ok", 0.0)
    for monitor in ("error_rate", "latency"):
        assert found[monitor, ""].status == "unknown"
        assert "no request was answered" in found[monitor, ""].sentence


def test_times_beyond_the_last_bucket() -> None:
    """They are more than its edge; whether they are more than a larger bound is not known."""
    slow = replace(GOOD, durations={0.1: 10.0, 10.0: 0.0, math.inf: 990.0})
    assert measure(slow)["latency", ""].status == "violated"
    assert "more than 10 s" in measure(slow)["latency", ""].sentence
    assert measure(slow, ResourceBounds(most_latency_seconds=20.0))["latency", ""].status == "unknown"


def test_without_bounds_values_are_shown() -> None:
    """None for no bound: known, and never violated."""
    bounds = ResourceBounds(None, None, None, None, None, None, None, None)
    bad = replace(GOOD, ready=0.1, codes={"500": 100.0}, restarts={"one": 9.0})
    found = measure(bad, bounds)
    assert found["availability", ""].status == "ok"
    assert "no bound is set" in found["error_rate", ""].sentence


COUNTS = st.lists(st.integers(0, 1_000), min_size=3, max_size=6).filter(sum)


@given(COUNTS, st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_quantiles_rise_and_lie_in_their_bucket(counts: list[int], first: float, second: float) -> None:
    """Prometheus' interpolation: at least the share of requests lies at or below the upper edge of its bucket."""
    durations = {float(2**place): float(count) for place, count in enumerate(counts)}
    low, high = sorted((first, second))
    assert find_quantile(durations, low) <= find_quantile(durations, high)
    value = find_quantile(durations, first)
    below = sum(count for edge, count in durations.items() if edge < value)
    assert below <= first * sum(counts) + 1e-6
