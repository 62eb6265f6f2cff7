"""A window from its rows to the decision and the page."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from headrace.cli.monitoring.pumps import PumpWeek
from headrace.core.base.errors import InputError
from headrace.core.drift.input_counts import ColumnCounts
from headrace.core.features.bins import ColumnBins
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.monitoring.decisions.decide_window import TrainingFacts
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.monitors.column_comparison import compare_column
from headrace.monitoring.monitors.monitor_window import FurtherResults, MonitoredWindow, monitor_window
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.page_content import collect_page_content
from headrace.monitoring.notices.notice_sender import parse_addresses
from headrace.reports.monitoring.page import render
from headrace.stores.objects.open_objects import StorePlace, open_objects
from tests.monitoring.monitors.pump_store import WEEK, pump_bundle, store_labels, store_week, week_window

POLICY = MonitoringPolicy(
    window="week",
    violated_windows=1,
    considered_windows=2,
    monitors={
        "missing": MonitorRule(),
        "input_drift": MonitorRule(),
        "measured_performance": MonitorRule(),
        "estimated_performance": MonitorRule(),
    },
)


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    """A monitoring store in a folder."""
    return open_objects(str(tmp_path / "store"))


def _monitor(place: StorePlace, week: PumpWeek, resources: tuple[MonitorResult, ...] = ()) -> MonitoredWindow:
    return monitor_window(
        pump_bundle(),
        place,
        week_window(week),
        policy=POLICY,
        facts=TrainingFacts(trained=PumpWeek(0).start),
        now=week.start + WEEK,
        further=FurtherResults(lambda: resources),
    )


def test_a_silent_sensor_stops_and_a_drift_warns(place: StorePlace) -> None:
    """Broken data and a change of the world have different outcomes."""
    for week, outcome in (
        (PumpWeek(1, share_without_pressure=0.97), "stop"),
        (PumpWeek(2, warming=12, rows=600), "warn"),
    ):
        store_week(place, week)
        assert _monitor(place, week).decision.outcome == outcome


def test_a_window_that_is_monitored_again_changes_nothing(place: StorePlace) -> None:
    """Whoever repeats it, after rows came late too, gets the report and the decision that stand."""
    week = PumpWeek(1)
    store_week(place, replace(week, rows=200))
    first = _monitor(place, week)
    store_week(place, replace(week, rows=300, warming=20))
    again = _monitor(place, week, resources=(MonitorResult("lag", "", "violated", "Rows wait."),))
    assert (again.report, again.decision) == (first.report, first.decision)


def test_another_policy_is_told_from_when_it_decides(place: StorePlace) -> None:
    """A decided window stays decided; the same policy again, or the first one, needs no word."""
    week = PumpWeek(1)
    store_week(place, week)
    assert (_monitor(place, week).standing, _monitor(place, week).standing) == ("", "")
    again = monitor_window(
        pump_bundle(),
        place,
        week_window(week),
        policy=replace(POLICY, cool_down_days=3),
        facts=TrainingFacts(trained=PumpWeek(0).start),
        now=week.start + WEEK,
    )
    assert again.decision.policy == POLICY.digest
    assert f"by another policy ({POLICY.digest[:12]}), and that decision stands" in again.standing
    assert again.standing.endswith("decides from the next window on, which ends at 2025-01-27T00:00:00Z.")


def test_a_window_that_another_version_had_is_refused(place: StorePlace) -> None:
    """A window has one report; nobody gets that of another version for his own."""
    week = PumpWeek(1)
    store_week(place, week)
    report = _monitor(place, week).report
    other = open_objects(f"{place}other")
    HistoryStore(other, pump_bundle().name).add_report(replace(report, digest="f" * 64))
    with pytest.raises(InputError, match="was reported for version ffffffffffff of customers"):
        _monitor(other, week)


def test_a_damaged_report_says_what_to_do(place: StorePlace) -> None:
    """The sentence names the document, and the remedy."""
    week = PumpWeek(1)
    store_week(place, week)
    _monitor(place, week)
    (stored,) = place.store.list(f"{place.prefix}{pump_bundle().name}/reports/")
    damaged = open_objects(f"{place}damaged")
    damaged.store.put_bytes(stored.key, b'{"format": 1')
    with pytest.raises(InputError, match=r"must be JSON as it was written; it is damaged .* or delete it"):
        _monitor(damaged, week)


def test_a_window_that_has_not_ended_is_refused(place: StorePlace) -> None:
    """There is no decision about the future."""
    week = PumpWeek(1)
    store_week(place, week)
    with pytest.raises(InputError, match="a window must have ended"):
        monitor_window(
            pump_bundle(),
            place,
            week_window(week),
            policy=POLICY,
            facts=TrainingFacts(trained=PumpWeek(0).start),
            now=week.start + timedelta(days=1),
        )


def test_a_notice_that_cannot_be_sent_does_not_stop_the_monitor(place: StorePlace) -> None:
    """Nobody listens at the address: the decision stands, and the failure is reported."""
    week = PumpWeek(1, share_without_pressure=0.97)
    store_week(place, week)
    found = monitor_window(
        pump_bundle(),
        place,
        week_window(week),
        policy=POLICY,
        facts=TrainingFacts(trained=PumpWeek(0).start),
        now=week.start + WEEK,
        addresses=parse_addresses(["json://127.0.0.1:9/hook"]),
    )
    assert found.decision.outcome == "stop"
    assert found.notices.failures
    assert HistoryStore(place, pump_bundle().name).decision(week_window(week)) == found.decision


def test_the_page_measures_each_window_by_the_labels_that_have_come_since(place: StorePlace) -> None:
    """The estimate of a week stands beside what it turned out to be; the worst columns are compared."""
    first, second = PumpWeek(1), PumpWeek(2, warming=12, rows=600)
    frame = store_week(place, first)
    store_week(place, second)
    for week in (first, second):
        _monitor(place, week)
    model = MonitoredModel.of(pump_bundle())
    assert not collect_page_content(place, [model]).reports[0].find("measured_performance", "roc_auc")
    store_labels(place, frame, now=second.start + timedelta(weeks=3))
    content = collect_page_content(place, [model], endpoint="http://127.0.0.1:8080")
    measured = content.reports[0].find("measured_performance", "roc_auc")
    assert measured is not None
    assert measured.value is not None
    assert content.reports[0].find("estimated_performance", "roc_auc") is not None
    assert [event.title for event in content.events][-1].startswith("warn")
    assert "temperature" in [column.name for column in content.columns]
    page = render(content)
    assert "Something has changed." in page
    assert "measured, with labels" in page


def test_a_column_of_numbers_is_compared_in_few_groups() -> None:
    """Groups are about equally filled in training; what training never saw and missing values are apart."""
    edges = tuple(float(edge) for edge in range(65))
    reference = ColumnCounts(ColumnBins("age", edges=edges), np.array([0] + [10] * 64 + [0]), 5)
    window = ColumnCounts(ColumnBins("age", edges=edges), np.array([7] + [1] * 64 + [9]), 20)
    compared = compare_column(reference, window, "age has moved.")
    assert len(compared.groups) <= 9
    assert sum(compared.reference) == pytest.approx(1)
    assert sum(compared.window) == pytest.approx(1)
    shares = dict(zip(compared.groups, compared.window, strict=True))
    assert shares["up to 0"] == pytest.approx(7 / 100)
    assert shares["above 64"] == pytest.approx(9 / 100)
    assert shares["(missing)"] == pytest.approx(20 / 100)
    inner = compared.reference[1:-2]
    assert max(inner) < 1.5 * min(inner)


def test_a_column_of_categories_is_compared_by_each_of_them() -> None:
    """Those that the contract does not list are one group; empty groups are left out."""
    bins = ColumnBins("town", categories=("a", "b", "c"))
    compared = compare_column(
        ColumnCounts(bins, np.array([5, 5, 0, 0]), 0), ColumnCounts(bins, np.array([1, 0, 0, 9]), 0), ""
    )
    assert compared.rows == [("a", 0.5, 0.1), ("b", 0.5, 0.0), ("(not listed)", 0.0, 0.9)]


def test_a_column_of_many_categories_has_eight_groups() -> None:
    """The rest is one group, and nothing is lost."""
    bins = ColumnBins("town", categories=tuple("abcdefghijkl"))
    counts = ColumnCounts(bins, np.arange(1, 14), 0)
    compared = compare_column(counts, counts, "")
    assert compared.groups[-1] == "(others)"
    assert len(compared.groups) == 8
    assert sum(compared.reference) == pytest.approx(1)


def test_a_constant_column_is_compared() -> None:
    """One bin for its value, one on each side."""
    bins = ColumnBins("flag", edges=(0.9, 1.1))
    compared = compare_column(
        ColumnCounts(bins, np.array([0, 10, 0]), 0), ColumnCounts(bins, np.array([2, 8, 0]), 0), ""
    )
    assert [share for _, _, share in compared.rows] == [0.2, 0.8]
