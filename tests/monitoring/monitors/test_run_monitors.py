"""The monitors of a window, from stored rows and labels to the report."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from headrace.cli.monitoring.pumps import PumpWeek
from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.packaging.package import pack
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.run_monitors import run_monitors
from headrace.monitoring.monitors.stored_counts import StoredCounts, split_days
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace, open_objects
from tests.made_bundle import make_parts
from tests.monitoring.monitors.pump_store import pump_bundle, store_labels, store_week, week_window

POLICY = MonitoringPolicy(window="week", monitors={name: MonitorRule() for name in MONITORS})


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    """A monitoring store in a folder."""
    return open_objects(str(tmp_path / "store"))


def _report(place: StorePlace, week: PumpWeek, policy: MonitoringPolicy = POLICY) -> MonitorReport:
    return run_monitors(pump_bundle(), place, week_window(week), policy)


def _found(report: MonitorReport, status: str) -> set[tuple[str, str]]:
    return {(one.monitor, one.subject) for one in report.results if one.status == status}


def test_a_quiet_week_has_nothing_violated(place: StorePlace) -> None:
    """Rows of the world of the training: data are alike, performance is estimated, and labels are not known yet."""
    week = PumpWeek(1)
    store_week(place, week)
    report = _report(place, week)
    assert (report.rows, report.requests, report.labelled) == (300, 300, 0)
    assert not _found(report, "violated") | _found(report, "data_fault")
    assert ("measured_performance", "roc_auc") in _found(report, "unknown")
    estimate = report.find("estimated_performance", "roc_auc")
    assert estimate is not None
    assert estimate.value is not None
    assert estimate.value > 0.7


def test_a_silent_sensor_is_broken_data(place: StorePlace) -> None:
    """A column without values is a fault of the data, not a change of the world."""
    week = PumpWeek(1, share_without_pressure=0.97)
    store_week(place, week)
    assert ("missing", "pressure") in _found(_report(place, week), "data_fault")


def test_broken_data_are_reported_by_a_monitor_that_is_off(place: StorePlace) -> None:
    """A policy cannot look away from broken data."""
    week = PumpWeek(1, share_without_pressure=0.97)
    store_week(place, week)
    report = _report(place, week, replace(POLICY, monitors={"freshness": MonitorRule()}))
    assert {one.monitor for one in report.results} == {"missing", "freshness"}


def test_warmer_weather_is_drift_that_explains_the_predictions(place: StorePlace) -> None:
    """The drifted input is named, the predictions have moved, and their move is attributed to it."""
    week = PumpWeek(1, rows=1_000, warming=12)
    store_week(place, week)
    report = _report(place, week)
    assert ("input_drift", "temperature") in _found(report, "violated")
    assert ("prediction_drift", "") in _found(report, "violated")
    part = report.find("drift_attribution", "temperature")
    assert part is not None
    assert part.value is not None
    assert part.value > 0.5


def test_a_change_of_the_world_is_seen_when_its_labels_come_and_not_by_the_estimate(place: StorePlace) -> None:
    """A new lubricant changes what vibration means: inputs and estimates stay, the measured metric falls."""
    week, later = PumpWeek(1, new_lubricant=True), PumpWeek(3)
    frame = store_week(place, week)
    store_week(place, later)
    store_labels(place, frame, now=later.start + timedelta(days=1))
    assert not _found(_report(place, week), "violated")
    report = _report(place, later)
    assert report.labelled == 300
    assert ("measured_performance", "roc_auc") in _found(report, "violated")
    assert not {one for one in _found(report, "violated") if one[0] == "estimated_performance"}


def test_labels_that_come_later_do_not_change_a_report_that_is_made_again(place: StorePlace) -> None:
    """What was known at the end of a window is in its report, whenever it is computed."""
    week, later = PumpWeek(1), PumpWeek(3)
    frame = store_week(place, week)
    before = _report(place, week)
    store_labels(place, frame, now=later.start)
    assert _report(place, week) == before


def test_labels_of_one_day_read_the_rows_of_that_day_alone(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three months of requests are looked through by their ids; whole rows are read where labels came."""
    frames = [store_week(place, PumpWeek(number)) for number in range(1, 5)]
    day = frames[0].filter(pl.col("time").dt.date() == frames[0].get_column("time").dt.date().min())
    store_labels(place, day, now=PumpWeek(4).start + timedelta(days=1))
    read: list[int] = []
    whole = WindowStore.read

    def count(self: WindowStore, window: TimeWindow, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        for frame in whole(self, window, columns):
            if columns is None:
                read.append(frame.height)
            yield frame

    _report(place, PumpWeek(4))  # counts the window
    monkeypatch.setattr(WindowStore, "read", count)
    report = _report(place, PumpWeek(4))
    assert report.labelled == day.height
    assert sum(read) == day.height


def test_labels_that_belong_to_no_row_are_a_note(place: StorePlace) -> None:
    """A label of a row that nobody has stored, or that is older than three months, is not left out in silence."""
    week = PumpWeek(1)
    frame = store_week(place, week)
    strange = frame.head(7).with_columns(inspection=pl.col("inspection") + "-other")
    store_labels(place, pl.concat([frame.head(50), strange]), now=week.start + timedelta(days=6))
    report = _report(place, week)
    assert report.labelled == 50
    assert "7 labels that came belong to no stored row of the last 92 days, and are in no report." in report.notes


def test_rows_of_another_version_are_not_counted(place: StorePlace) -> None:
    """A rollout serves two versions at once; each is monitored by its own rows."""
    week = PumpWeek(1)
    store_week(place, week, digest="f" * 64)
    report = _report(place, week)
    assert report.rows == 0
    assert "All of this window, 300 rows, was answered by other versions (ffffffffffff)" in report.notes[0]


def test_a_window_without_rows_is_unknown(place: StorePlace) -> None:
    """Nothing is called well that nobody has seen."""
    report = _report(place, PumpWeek(1))
    assert report.rows == 0
    assert not _found(report, "violated")
    assert {("joint_drift", ""), ("prediction_drift", "")} <= _found(report, "unknown")
    unseen = {name for name, kind in MONITORS.items() if kind.level != "resource" and name != "change_point"}
    assert {one.monitor for one in report.results if one.status == "unknown"} >= unseen
    assert not _found(report, "ok")


def test_answers_without_probabilities_are_a_note(place: StorePlace) -> None:
    """A V2 answer may hold the label alone: performance is then unknown, and the report says why."""
    week = PumpWeek(1)
    store_week(place, week)
    bare = open_objects(f"{place}bare")
    for frame in WindowStore(place, pump_bundle().name).read(week_window(week)):
        WindowStore(bare, pump_bundle().name).write(frame.drop("probability_no", "probability_yes"))
    report = run_monitors(pump_bundle(), bare, week_window(week), POLICY)
    assert any("answers lack probability_no, probability_yes" in note for note in report.notes)
    assert {one.status for one in report.results if one.monitor == "estimated_performance"} == {"unknown"}


@pytest.mark.parametrize(("bound", "status"), [(0.99, "violated"), (0.5, "ok")])
def test_a_bound_of_the_policy_decides(place: StorePlace, bound: float, status: str) -> None:
    """Where a person gives a bound, it holds in place of the monitor's own test."""
    week = PumpWeek(1)
    store_week(place, week)
    rules = {"estimated_performance": MonitorRule(minimum=bound, subjects=("roc_auc",))}
    report = _report(place, week, replace(POLICY, monitors=rules))
    found = report.find("estimated_performance", "roc_auc")
    assert found is not None
    assert found.status == status


def _repeat_rows(place: StorePlace, week: PumpWeek) -> None:
    """Store a third of a week's rows a second time, under other ids."""
    store_week(place, week)
    store = WindowStore(place, pump_bundle().name)
    rows = pl.concat(list(store.read(week_window(week))), how="diagonal_relaxed").head(100)
    store.write(rows.with_columns(request_id=pl.col("request_id") + "-again"))


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ({"freshness": MonitorRule()}, "data_fault"),
        ({"duplicate_rows": MonitorRule()}, "data_fault"),
        ({"duplicate_rows": MonitorRule(maximum=0.1)}, "data_fault"),
        ({"duplicate_rows": MonitorRule(maximum=0.5)}, "ok"),
    ],
)
def test_rows_that_come_twice_are_a_fault_unless_the_policy_allows_them(
    place: StorePlace, rules: dict[str, MonitorRule], status: str
) -> None:
    """A monitor that is off still finds broken data; one that the policy gives a bound is held to it."""
    week = PumpWeek(1)
    _repeat_rows(place, week)
    found = _report(place, week, replace(POLICY, monitors=rules)).find("duplicate_rows")
    assert found is not None
    assert found.status == status
    assert ("within the policy's bound of 0.5" in found.sentence) == (status == "ok")


def test_results_of_the_resource_level_are_in_the_report(place: StorePlace) -> None:
    """They come from Prometheus or the servers, and stand before the others."""
    down = MonitorResult("availability", "", "unknown", "Prometheus did not answer.")
    report = run_monitors(pump_bundle(), place, week_window(PumpWeek(1)), POLICY, resources=(down,))
    assert report.results[0] == down


def test_a_longer_window_is_the_sum_of_days_whose_rows_are_not_read_again(
    place: StorePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A week is merged from the counts of its days, and a day is counted once."""
    week = PumpWeek(1)
    store_week(place, week)
    counts = StoredCounts(place, MonitoredModel.of(pump_bundle()))
    whole = counts.count(week_window(week))
    monkeypatch.setattr(WindowStore, "read", lambda *_: pytest.fail("rows were read again"))
    days = [counts.count(day) for day in split_days(week_window(week))]
    assert sum(day.rows for day in days) == whole.rows == 300
    assert counts.count(week_window(week)).record() == whole.record()


def test_rows_that_come_late_are_counted(place: StorePlace) -> None:
    """The counts of a day are of the files that it has."""
    week = PumpWeek(1)
    store_week(place, replace(week, rows=100))
    counts = StoredCounts(place, MonitoredModel.of(pump_bundle()))
    assert counts.count(week_window(week)).rows == 100
    store = WindowStore(place, pump_bundle().name)
    (first, *_) = list(store.read(week_window(week)))
    store.write(first.with_columns(request_id=pl.col("request_id") + "-late"))
    assert counts.count(week_window(week)).rows == 100 + first.height


def test_days_of_a_window_that_begins_within_one() -> None:
    """The parts meet, and add up to the window."""
    start = PumpWeek(0).start + timedelta(hours=5)
    window = TimeWindow(start, start + timedelta(days=2))
    parts = list(split_days(window))
    assert [part.start.hour for part in parts] == [5, 0, 0]
    assert (parts[0].start, parts[-1].end) == (window.start, window.end)
    assert all(one.end == two.start for one, two in pairwise(parts))


def test_a_bundle_without_a_profile_is_one_sentence(tmp_path: Path, place: StorePlace) -> None:
    """One that was packaged before profiles, or without its training rows."""
    parts, source = make_parts(tmp_path / "parts")
    pack(tmp_path / "bundle", parts=replace(parts, train_table=None), source=source)
    bundle = open_bundle(tmp_path / "bundle")
    with pytest.raises(InputError, match=r"must hold profile.json to be monitored; .*package the model again"):
        run_monitors(bundle, place, week_window(PumpWeek(1)), POLICY)
    assert not list(LabelStore(place, bundle.name).files())
    assert not list(HistoryStore(place, bundle.name).reports())
