"""A monitored anomaly model: its inputs and its scores are compared with those of its training, and nothing else."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.bundles.bundle import Bundle
from headrace.core.inference.batch_scoring import score_block, validate_rows
from headrace.core.inference.scorer import Scorer
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.monitors.run_monitors import run_monitors
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import open_objects
from tests.fraud import payments
from tests.made_bundle import make_bundle

START = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
POLICY = MonitoringPolicy(monitors={name: MonitorRule() for name in MONITORS})
DAY = TimeWindow(START, START + dt.timedelta(days=1))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of robust covariance over payments without labels."""
    folder = tmp_path_factory.mktemp("monitored")
    payments(2000).drop("label", "paid_at").write_csv(folder / "payments.csv")
    return make_bundle(folder, target="", task="anomaly", family="robust_covariance", table=folder / "payments.csv")


def monitored(bundle: Bundle, folder: Path, *, fraud: float) -> MonitorReport:
    """The report of a day of payments, as they were scored and stored."""
    frame, scorer = payments(600, seed=11, fraud=fraud).drop("label", "paid_at"), Scorer.open(bundle)
    scores = score_block(validate_rows(frame, scorer.contract), scorer).table.get_column("score")
    rows = frame.height
    stored = pl.DataFrame(
        {
            "request_id": [f"request-{row}" for row in range(rows)],
            "row": pl.Series(np.zeros(rows), dtype=pl.Int32),
            "time": [START + dt.timedelta(minutes=2 * row) for row in range(rows)],
            "model_digest": [bundle.digest] * rows,
            **{f"input_{name}": frame.get_column(name) for name in frame.columns},
            "value": scores,
        }
    )
    place = open_objects(str(folder))
    WindowStore(place, bundle.name).write(stored)
    return run_monitors(bundle, place, DAY, POLICY)


def status(report: MonitorReport, monitor: str) -> set[str]:
    """The statuses of a monitor."""
    return {one.status for one in report.results if one.monitor == monitor}


def test_scores_like_those_of_the_test_part_are_no_drift(bundle: Bundle, tmp_path: Path) -> None:
    """And no performance is claimed, measured or estimated."""
    report = monitored(bundle, tmp_path, fraud=0.012)
    assert report.rows == 600
    assert status(report, "prediction_drift") == {"ok"}
    assert not [one for one in report.results if one.monitor.endswith("performance")]
    assert report.labelled == 0


def test_a_wave_of_fraud_is_a_drift_of_scores(bundle: Bundle, tmp_path: Path) -> None:
    """Three payments in ten are odd."""
    assert status(monitored(bundle, tmp_path, fraud=0.3), "prediction_drift") == {"violated"}
