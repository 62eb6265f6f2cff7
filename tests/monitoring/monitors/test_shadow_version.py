"""Shadows: versions that answer nobody, scored on the stored rows beside the version in service."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import headrace.api as hr
from headrace.cli.monitoring.pumps import PumpWeek
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule, RetrainingPolicy
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.core.packaging.baseline_bundle import make_baseline_bundle
from headrace.monitoring.monitors import shadow_version
from headrace.monitoring.monitors.run_monitors import run_monitors
from headrace.monitoring.windows.window_store import WindowStore
from headrace.reports.monitoring.shadow_table import describe_shadows, tabulate_shadows
from headrace.stores.objects.open_objects import StorePlace, open_objects
from tests.monitoring.monitors.pump_store import WEEK, pump_bundle, store_labels, store_week, week_window
from tests.monitoring.pull_outs.made_versions import copy_life
from tests.registry.made import variant

POLICY = MonitoringPolicy(
    window="week",
    violated_windows=1,
    considered_windows=1,
    monitors={
        "missing": MonitorRule(),
        "measured_performance": MonitorRule("roll_back"),
        "estimated_performance": MonitorRule(),
    },
    retraining=RetrainingPolicy(at_least_every_days=0, at_most_every_days=0),
    pull_out="shadow",
)

EVERYTHING = MonitoringPolicy(window="week", monitors={name: MonitorRule() for name in MONITORS})


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    """A monitoring store in a folder."""
    return open_objects(str(tmp_path / "store"))


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Another version, with the same model."""
    return open_bundle(variant(pump_bundle().folder, tmp_path_factory.mktemp("twin") / "bundle", mark="twin").folder)


def _report(place: StorePlace, week: PumpWeek, *shadows: Bundle) -> MonitorReport:
    return run_monitors(pump_bundle(), place, week_window(week), POLICY, shadows=shadows)


def test_a_twin_is_as_good_as_the_version_in_service(place: StorePlace, twin: Bundle) -> None:
    """The same model on the same rows and labels gives the same figures, measured and estimated."""
    earlier, week = PumpWeek(1), PumpWeek(2)
    frame = store_week(place, earlier)
    store_week(place, week)
    store_labels(place, frame, now=week.start + timedelta(days=1))
    report = _report(place, week, twin)
    (shadow,) = report.shadows
    assert (shadow.digest, shadow.rows, shadow.labelled, shadow.notes) == (twin.digest, 300, 300, ())
    rows = tabulate_shadows(report)
    assert {row.how for row in rows} == {"measured", "estimated"}
    for row in rows:
        served = report.find(row.result.monitor, row.result.subject)
        assert served is not None
        assert row.result.value == pytest.approx(served.value, abs=1e-9), row
    assert next(describe_shadows(report)).startswith(f"Shadow {twin.digest[:12]}, 300 rows, 300 new labels: ROC AUC ")


def test_a_shadow_that_knows_nothing_is_seen_to_be_worse(place: StorePlace, tmp_path: Path) -> None:
    """A baseline ranks no row above another: its area is a half, and the decision does not look at it."""
    baseline = make_baseline_bundle(pump_bundle(), tmp_path / "baseline")
    earlier, week = PumpWeek(1), PumpWeek(2)
    store_labels(place, store_week(place, earlier), now=week.start + timedelta(days=1))
    store_week(place, week)
    report = _report(place, week, baseline)
    measured = {one.subject: one for one in report.shadows[0].results if one.monitor == "measured_performance"}
    assert measured["roc_auc"].value == pytest.approx(0.5)
    served = report.find("measured_performance", "roc_auc")
    assert served is not None
    assert (served.value or 0) > 0.7


def test_a_baseline_in_service_is_monitored_with_the_model_as_its_shadow(place: StorePlace, tmp_path: Path) -> None:
    """Constant answers are no drift and no fault; what the model would do on these rows is seen beside them."""
    baseline = make_baseline_bundle(pump_bundle(), tmp_path / "baseline")
    answer = baseline.json("cases.json")["cases"][0]["expected"]
    constants = [pl.lit(answer["label"]).alias("label")]
    constants += [pl.lit(share).alias(f"probability_{name}") for name, share in answer["probabilities"].items()]
    for number in (1, 2):
        week, scratch = PumpWeek(number), open_objects(str(tmp_path / f"scratch-{number}"))
        frame = store_week(scratch, week, digest=baseline.digest)
        for rows in WindowStore(scratch, "customers").read(week_window(week)):
            WindowStore(place, "customers").write(rows.with_columns(constants))
        if number == 1:
            store_labels(place, frame, now=PumpWeek(2).start + timedelta(days=1))
    report = run_monitors(baseline, place, week_window(PumpWeek(2)), EVERYTHING, shadows=[pump_bundle()])
    assert (report.rows, report.labelled) == (300, 300)
    assert not [one for one in report.results if one.status in {"violated", "data_fault"}]
    measured = {one.subject: one.value for one in report.results if one.monitor == "measured_performance"}
    assert measured["roc_auc"] == pytest.approx(0.5)
    shadow = {one.subject: one.value for one in report.shadows[0].results if one.monitor == "measured_performance"}
    assert (shadow["roc_auc"] or 0) > 0.7


def test_of_many_rows_a_sample_is_scored_and_the_report_says_so(
    place: StorePlace, twin: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows a window has, so many are in memory; each is as likely to be drawn as any other."""
    monkeypatch.setattr(shadow_version, "MOST_SCORED", 50)
    store_week(place, PumpWeek(1))
    (shadow,) = _report(place, PumpWeek(1), twin).shadows
    assert (shadow.rows, shadow.notes) == (50, ("The shadow scored 50 of 300 rows, drawn with a fixed seed.",))


def test_inputs_that_are_not_stored_are_named(place: StorePlace, twin: Bundle) -> None:
    """As personal columns are: nothing is scored in their place, and the report says so."""
    week = PumpWeek(1)
    store_week(place, week)
    (window,) = [WindowStore(place, "customers").read(week_window(week))]
    rows = pl.concat(window, how="diagonal").drop("input_pressure")
    other = open_objects(str(Path(str(place)).parent / "other"))
    WindowStore(other, "customers").write(rows)
    (shadow,) = _report(other, week, twin).shadows
    assert (shadow.rows, shadow.results) == (0, ())
    assert "cannot be scored" in shadow.notes[0]
    assert "pressure" in shadow.notes[0]


def test_a_model_that_went_wrong_is_pulled_out_and_watched_as_a_shadow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels show that the world has changed; the former version takes over, and the page shows both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADRACE_REGISTRY", str(tmp_path / "registry.db"))
    life = copy_life(tmp_path, 2)
    place, name = open_objects(life.store, create=True), life.name
    changed, week, after = PumpWeek(1, new_lubricant=True), PumpWeek(2, new_lubricant=True), PumpWeek(3)
    frame = store_week(place, changed)
    wrong = store_week(place, week)
    store_labels(place, frame, now=week.start + timedelta(days=1))
    seen = hr.monitor(
        f"{name}@production", life.store, now=week.start + WEEK, policy=POLICY, trained=PumpWeek(0).start, addresses=()
    )
    assert (seen.decision.outcome, seen.decision.pull_out) == ("roll_back", "shadow")
    assert any("measured_performance" in reason for reason in seen.decision.reasons)
    done = hr.pull_out(f"{name}@production", life.store, policy=POLICY)
    assert (done.status, life.in_production()) == ("pulled_out", life.versions[0].version)
    store_week(place, after, digest=life.versions[0].digest)
    store_labels(place, wrong, now=after.start + timedelta(days=1))
    later = hr.monitor(
        f"{name}@production", life.store, now=after.start + WEEK, policy=POLICY, trained=PumpWeek(0).start, addresses=()
    )
    assert later.report.digest == life.versions[0].digest
    (shadow,) = later.report.shadows
    assert (shadow.digest, shadow.rows) == (life.versions[1].digest, 300)
    hr.write_monitor_page(tmp_path / "monitor.html", f"{name}@production", life.store)
    page = (tmp_path / "monitor.html").read_text()
    assert "Versions that answer nobody" in page
    assert life.versions[1].digest[:12] in page.partition('id="shadows"')[2]
