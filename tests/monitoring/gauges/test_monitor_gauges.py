"""Gauges of monitors: what Prometheus' own parser reads back, bounded and escaped."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families

from headrace.core.base.errors import InputError
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.monitoring.gauges.monitor_gauges import (
    MOST_RESULTS,
    STATUSES,
    MonitorRun,
    render_gauges,
    select_results,
    write_gauges,
)
from tests.monitoring.made_reports import make_report, make_result

NOW = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)


def read(*runs: MonitorRun) -> dict[tuple[str, ...], float]:
    """Samples by name and the values of their labels, which the library sorts by name."""
    text, media_type = render_gauges(runs)
    assert media_type.startswith("text/plain")
    return {
        (sample.name.removeprefix("headrace_monitor_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_a_run_as_prometheus_reads_it() -> None:
    """A value and the status of each result, how many there are of each, and when it ran."""
    report = make_report(make_result(), make_result("availability", "", "unknown", None), day=1)
    found = read(MonitorRun(report, NOW, "warn", 3_600.0))
    assert found["value", "tumours", "input_drift", "age"] == 0.4
    assert ("value", "tumours", "availability", "") not in found, "what is not known has no value"
    assert found["status", "tumours", "input_drift", "violated", "age"] == 1
    assert found["status", "tumours", "input_drift", "ok", "age"] == 0
    assert found["status", "tumours", "availability", "unknown", ""] == 1
    assert found["results", "data", "tumours", "input_drift", "violated"] == 1
    assert found["results", "resource", "tumours", "availability", "data_fault"] == 0
    assert found["last_run_timestamp_seconds", "tumours"] == NOW.timestamp()
    assert found["window_end_timestamp_seconds", "tumours"] == datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    assert found["interval_seconds", "tumours"] == 3_600
    assert (found["rows", "tumours", "scored"], found["rows", "tumours", "labelled"]) == (1_000, 400)
    assert (found["decision", "warn", "tumours"], found["decision", "retrain", "tumours"]) == (1, 0)


@given(st.text(max_size=300), st.text(min_size=1, max_size=20))
def test_any_name_is_escaped(subject: str, name: str) -> None:
    """Quotes, line breaks, backslashes: the parser gives back what was there, at most 200 characters of it."""
    report = make_report(make_result(subject=subject), name=name)
    found = read(MonitorRun(report, NOW))
    shown = subject if len(subject) <= 200 else subject[:199] + "…"
    assert found["value", name, "input_drift", shown] == 0.4


RESULTS = st.builds(
    lambda monitor, subject, status: MonitorResult(monitor, subject, status, "x", value=1.0),
    st.sampled_from(sorted(MONITORS)),
    st.integers(0, 30).map(str),
    st.sampled_from(STATUSES),
)


@given(st.lists(RESULTS, max_size=60), st.integers(1, 40))
def test_the_most_urgent_results_are_kept(results: list[MonitorResult], most: int) -> None:
    """At most so many, in their order, none twice; nothing that is well pushes out what is violated."""
    chosen = select_results(results, most)
    subjects = {(one.monitor, one.subject) for one in results}
    assert len(chosen) == min(most, len(subjects)) == len({(one.monitor, one.subject) for one in chosen})
    positions = [next(place for place, one in enumerate(results) if one is each) for each in chosen]
    assert positions == sorted(positions)
    if any(one.status == "ok" for one in chosen):
        first = {key: next(one for one in results if (one.monitor, one.subject) == key) for key in subjects}
        bad = {key for key, one in first.items() if one.status in {"violated", "data_fault"}}
        assert bad <= {(one.monitor, one.subject) for one in chosen}


def test_what_has_no_gauge_of_its_own_is_counted() -> None:
    """A thousand columns: five hundred series of values, and counts of all."""
    results = [make_result(subject=f"c{number}", status="ok") for number in range(999)] + [make_result(subject="last")]
    found = read(MonitorRun(make_report(*results), NOW))
    assert sum(key[0] == "value" for key in found) == MOST_RESULTS
    assert found["omitted_results", "tumours"] == 500
    assert found["results", "data", "tumours", "input_drift", "ok"] == 999
    assert found["value", "tumours", "input_drift", "last"] == 0.4


def test_open_metrics_is_rendered_for_clients_that_ask_for_it() -> None:
    """As Prometheus does."""
    text, media_type = render_gauges(
        [MonitorRun(make_report(make_result()), NOW)], accept="application/openmetrics-text;version=1.0.0"
    )
    assert media_type.startswith("application/openmetrics-text")
    assert "headrace_monitor_value" in {family.name for family in parse_open_metrics(text.decode())}


def test_a_batch_job_leaves_a_file(tmp_path: Path) -> None:
    """For the textfile collector, which reads files that end with .prom only."""
    path = tmp_path / "headrace.prom"
    write_gauges(path, [MonitorRun(make_report(make_result()), NOW)])
    assert 'headrace_monitor_value{model="tumours",monitor="input_drift",subject="age"} 0.4' in path.read_text()
    assert [one.name for one in tmp_path.iterdir()] == ["headrace.prom"]
    with pytest.raises(InputError, match=r"must end with \.prom"):
        write_gauges(tmp_path / "headrace.txt", [])
