"""The history of a model's monitoring: one suite over a folder and over S3."""

import dataclasses
import secrets
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.monitors.decisions.decision import MonitorDecision, TrainingState, decide
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.decisions.history import HistoryStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.object_store import connect
from headrace.stores.objects.open_objects import StorePlace
from tests.core.monitors.made_reports import BEGIN, DIGEST, day, made_report
from tests.stores.conftest import minio_settings, rclone_settings  # noqa: F401 - fixtures


@pytest.fixture(params=["folder", "rclone", pytest.param("minio", marks=pytest.mark.minio)])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> HistoryStore:
    """An empty history in each place."""
    if request.param == "folder":
        return HistoryStore(StorePlace(FolderStore(tmp_path)), "tips")
    shared = request.getfixturevalue(f"{request.param}_settings")
    place = StorePlace(connect(dataclasses.replace(shared, bucket=f"test-{secrets.token_hex(6)}")), "monitor/")
    return HistoryStore(place, "tips")


def made_decision(number: int) -> MonitorDecision:
    """What is decided at the end of a day on its report alone."""
    return decide(
        "tips",
        DIGEST,
        window=day(number),
        reports=[made_report(number, {"input_drift:fare": "violated"})],
        decisions=[],
        policy=MonitoringPolicy(violated_windows=1, monitors={"input_drift": MonitorRule("warn")}),
        state=TrainingState(BEGIN),
        now=day(number).end,
    )


def test_reports_come_back_by_their_windows(history: HistoryStore) -> None:
    """In the order of the windows, whatever the order of writing; a span takes the windows that lie within it."""
    reports = [made_report(number, {"input_drift:fare": "ok"}) for number in (2, 0, 1, 10)]
    for report in reports:
        assert history.add_report(report) == report
    assert list(history.reports()) == sorted(reports, key=lambda one: one.window.start)
    assert list(history.reports(TimeWindow(day(1).start, day(2).end))) == [reports[2], reports[0]]
    assert list(HistoryStore(history.place, "other").reports()) == []


def test_a_window_is_decided_once(history: HistoryStore) -> None:
    """Whoever decides again, after a failure or elsewhere, gets the decision that stands there."""
    first = made_decision(3)
    assert history.decision(day(3)) is None
    assert history.add_decision(first) == first
    other = dataclasses.replace(first, outcome="stop", reasons=("Another opinion.",))
    assert history.add_decision(other) == first
    assert history.decision(day(3)) == first
    assert list(history.decisions()) == [first]


def test_the_latest_decision_before_a_window(history: HistoryStore) -> None:
    """The window's own and later ones do not count."""
    assert history.latest_decision(day(3)) is None
    for number in (1, 3, 2, 5):
        history.add_decision(made_decision(number))
    assert history.latest_decision(day(3)) == made_decision(2)
    assert history.latest_decision(day(1)) is None


def test_a_foreign_document_is_refused_by_its_name(history: HistoryStore) -> None:
    """A file that nobody of the suite wrote, or half of one, is one sentence."""
    store, prefix = history.place.store, history.place.prefix
    store.put_bytes(f"{prefix}tips/decisions/notes.json", b"{}")
    with pytest.raises(InputError, match=r"tips/decisions/notes\.json"):
        list(history.decisions())
    store.put_bytes(f"{prefix}tips/reports/2026-01-01T00:00:00Z--2026-01-02T00:00:00Z.json", b'{"format": 1')
    with pytest.raises(InputError, match="tips/reports/2026-01-01"):
        list(history.reports())
