"""A bundle of the made world of pumps, and its rows and labels in a monitoring store."""

import atexit
import functools
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from headrace.cli.monitoring.pumps import TARGET, PumpWeek, draw_training_table, draw_week
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.contracts import contract_yaml
from headrace.core.inference.batch_scoring import score_block, validate_rows
from headrace.core.inference.scorer import Scorer
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_intake import take_labels
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace
from tests.made_bundle import make_bundle

WEEK = timedelta(weeks=1)


@functools.cache
def pump_bundle() -> Bundle:
    """A bundle that each process makes once."""
    folder = Path(tempfile.mkdtemp(prefix="pumps-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    table = folder / "pumps.csv"
    draw_training_table().drop("time", "inspection").write_csv(table)
    make_bundle(folder, target=TARGET, table=table, slices=("series",))
    return open_bundle(folder / "bundle")


def week_window(week: PumpWeek) -> TimeWindow:
    """The window of a week."""
    return TimeWindow(week.start, week.start + WEEK)


def store_week(place: StorePlace, week: PumpWeek, *, digest: str = "") -> pl.DataFrame:
    """Score the inspections of a week, store them, and return them with what became of the pumps."""
    bundle, frame = pump_bundle(), draw_week(week)
    scorer = Scorer.open(bundle)
    answers = score_block(validate_rows(frame.drop("time", TARGET, "inspection"), scorer.contract), scorer).table
    stored = pl.DataFrame(
        {
            "request_id": frame.get_column("inspection"),
            "row": pl.Series([0] * frame.height, dtype=pl.Int32),
            "time": frame.get_column("time").dt.cast_time_unit("us"),
            "model_digest": [digest or bundle.digest] * frame.height,
        }
    ).with_columns(
        *(frame.get_column(name).alias(f"input_{name}") for name in scorer.contract.names if name != TARGET),
        *(answers.get_column(name) for name in ("label", "probability_no", "probability_yes")),
    )
    WindowStore(place, bundle.name).write(stored)
    return frame


def store_labels(place: StorePlace, frame: pl.DataFrame, *, now: datetime) -> None:
    """Store what became of inspected pumps."""
    bundle = pump_bundle()
    take_labels(
        frame.select(pl.col("inspection").alias("request_id"), TARGET),
        contract_yaml.load(bundle.folder / "contract.yaml"),
        rows=WindowStore(place, bundle.name),
        labels=LabelStore(place, bundle.name),
        now=now,
    )
