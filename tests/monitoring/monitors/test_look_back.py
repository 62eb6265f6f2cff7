"""Windows that are measured again, all in one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from headrace.cli.monitoring.pumps import TARGET, PumpWeek
from headrace.core.monitors.data.window_rows import MODEL_DIGEST
from headrace.core.monitors.performance.measured_performance import performance_results
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_report import FORMAT, MonitorReport, MonitorResult, ReportWindow
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.labelled_rows import labelled_rows
from headrace.monitoring.labels.window_performance import labelled_window
from headrace.monitoring.monitors.look_back import measure_again
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace, open_objects
from tests.monitoring.monitors.pump_store import pump_bundle, store_labels, store_week, week_window

OTHER = "f" * 64
WEEKS = [PumpWeek(number, rows=80, new_lubricant=number == 2) for number in range(4)]


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    """Four weeks, the third of which another version answered; labels are late, partial, corrected and of nothing."""
    place = open_objects(str(tmp_path / "store"))
    frames = [store_week(place, week, digest=OTHER if week.number == 2 else "") for week in WEEKS]
    late = WEEKS[-1].start + timedelta(weeks=2)
    store_labels(place, pl.concat([frames[0], frames[2].head(50)]), now=late)
    wrong = frames[1].with_columns(pl.col(TARGET).replace_strict({"yes": "no", "no": "yes"}))
    store_labels(place, wrong, now=late + timedelta(hours=1))
    store_labels(place, frames[1].head(60), now=late + timedelta(hours=2))
    store_labels(place, frames[3].head(5).with_columns(inspection=pl.lit("of nothing")), now=late + timedelta(hours=3))
    return place


def _report(week: PumpWeek, digest: str) -> MonitorReport:
    window = ReportWindow(**week_window(week).as_json())
    seen = MonitorResult("measured_performance", "roc_auc", "unknown", "Labels of 0 rows have come.")
    kept = MonitorResult("label_coverage", "", "ok", "Labels of 0 of 80 rows have come.", value=0.0)
    return MonitorReport(FORMAT, pump_bundle().name, digest, window, 80, 80, 0, 0.04, (seen, kept))


def _models() -> dict[str, MonitoredModel]:
    model = MonitoredModel.of(pump_bundle())
    return {model.digest: model, OTHER: replace(model, digest=OTHER)}


def _measure_alone(place: StorePlace, model: MonitoredModel, window: TimeWindow) -> list[MonitorResult]:
    """Measure one window as if there were no other: its rows, and all labels, read for it."""
    rows, labels = WindowStore(place, model.name), LabelStore(place, model.name)
    stored = labelled_rows(rows, labels, window, model.contract).filter(pl.col(MODEL_DIGEST) == model.digest)
    if not stored.height:
        return []
    return [
        one
        for one in performance_results(
            model.profile.outputs,
            labelled_window(stored, model.contract, slice_columns=model.sliced_columns),
            classes=model.classes,
            reference=model.reference,
            plan=PerformancePlan(alpha=0.01),
        )
        if one.monitor in {"measured_performance", "slice_performance"}
    ]


def test_all_windows_together_are_what_each_is_alone(place: StorePlace) -> None:
    """Corrected labels, two versions and a window without labels give what a pass for each window gives."""
    models = _models()
    reports = [_report(week, OTHER if week.number == 2 else pump_bundle().digest) for week in WEEKS]
    again = measure_again(place, models, reports)
    for week, before, after in zip(WEEKS, reports, again, strict=True):
        alone = _measure_alone(place, models[before.digest], week_window(week))
        assert after == replace(before, results=(before.results[1], *alone))
    values = [one.find("measured_performance", "roc_auc") for one in again]
    assert [one is not None and one.value is not None for one in values] == [True, True, True, False]


def test_a_version_that_is_not_at_hand_keeps_its_report(place: StorePlace) -> None:
    """Nothing is known of its contract: what its report said stands."""
    reports = [_report(week, OTHER if week.number == 2 else pump_bundle().digest) for week in WEEKS]
    models = {digest: model for digest, model in _models().items() if digest != OTHER}
    again = measure_again(place, models, reports)
    assert again[2] == reports[2]
    assert again[1] != reports[1]
    assert measure_again(place, {}, reports) == tuple(reports)


def test_labels_are_read_once_and_each_row_once(place: StorePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many windows and versions are measured."""
    reads: list[str] = []
    rows: list[int] = []
    whole_labels, whole_rows = LabelStore.read, WindowStore.read

    def read_labels(self: LabelStore) -> dict[tuple[str, ...], pl.DataFrame]:
        reads.append(self.model)
        return whole_labels(self)

    def read_rows(
        self: WindowStore, window: TimeWindow, columns: Sequence[str] | None = None
    ) -> Iterator[pl.DataFrame]:
        for frame in whole_rows(self, window, columns):
            rows.append(frame.height)
            yield frame

    monkeypatch.setattr(LabelStore, "read", read_labels)
    monkeypatch.setattr(WindowStore, "read", read_rows)
    measure_again(place, _models(), [_report(week, pump_bundle().digest) for week in WEEKS])
    assert len(reads) == 1
    assert sum(rows) == sum(week.rows for week in WEEKS)
