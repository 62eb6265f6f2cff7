"""How long the page of a model in use takes to collect and to draw.

``make bench NAME=monitor_page`` makes a model of the made world of pumps, stores a million scored rows in sixty windows
of a day with a report of each and a label of each row, and measures in a process of its own what
``headrace monitor --page`` does after the report: collect the content, then draw it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headrace import api as hr
from headrace.cli.monitoring.pumps import TARGET, PumpWeek, draw_training_table, draw_week
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.inference.batch_scoring import score_block, validate_rows
from headrace.core.inference.scorer import Scorer
from headrace.core.monitors.performance.measured_performance import performance_results
from headrace.core.monitors.reports.monitor_report import FORMAT, MonitorReport, MonitorResult, ReportWindow
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.monitors import look_back
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.page_content import collect_page_content
from headrace.monitoring.windows.window_store import WindowStore
from headrace.reports.monitoring.page import render
from headrace.stores.objects.open_objects import StorePlace, open_objects

DAY = timedelta(days=1)


def train_model(folder: Path) -> Bundle:
    """Train a model of the pumps and return its bundle."""
    table = folder / "pumps.csv"
    draw_training_table().drop("time", "inspection").write_csv(table)
    home = folder / "pumps"
    hr.run(str(table), TARGET, name="pumps", families="logistic", budget=1, publish=False, output=home)
    return open_bundle(home / "bundle")


def fill_store(place: StorePlace, bundle: Bundle, *, windows: int, rows: int) -> None:
    """Store scored rows, their labels, which come on the day after, and a report for each window."""
    scorer = Scorer.open(bundle)
    begin = PumpWeek(0).start
    for number in range(windows):
        start = begin + number * DAY
        frame = draw_week(PumpWeek(number, rows=rows // windows))
        answers = score_block(validate_rows(frame.drop("time", TARGET, "inspection"), scorer.contract), scorer).table
        seconds = np.sort(np.random.default_rng(number).integers(0, 86_400, frame.height))
        names = pl.DataFrame(
            {
                "request_id": frame.get_column("inspection"),
                "row": pl.Series([0] * frame.height, dtype=pl.Int32),
            }
        )
        times = pl.Series("time", [start + timedelta(seconds=int(one)) for one in seconds]).dt.cast_time_unit("us")
        WindowStore(place, bundle.name).write(
            names.with_columns(
                times,
                pl.lit(bundle.digest).alias("model_digest"),
                *(frame.get_column(name).alias(f"input_{name}") for name in scorer.contract.names if name != TARGET),
                *(answers.get_column(name) for name in ("label", "probability_no", "probability_yes")),
            )
        )
        observed = pl.lit(None, pl.Datetime("us", "UTC")).alias("observed")
        labels = names.with_columns(frame.get_column(TARGET).alias("actual"), observed)
        LabelStore(place, bundle.name).write(labels, now=start + 1.5 * DAY)
        window = ReportWindow(**TimeWindow(start, start + DAY).as_json())
        quiet = MonitorResult("missing", "pressure", "ok", "pressure is there.", value=0.01, reference=0.01)
        report = MonitorReport(
            FORMAT, bundle.name, bundle.digest, window, frame.height, frame.height, 0, 0.01, (quiet,)
        )
        HistoryStore(place, bundle.name).add_report(report)


def measure_page(folder: Path) -> dict[str, float]:
    """Return the seconds of each part, the page's kilobytes, and the peak memory of the process.

    Seconds are those of the processors, which other work on the machine lengthens less than the clock's.
    """
    model = MonitoredModel.of(open_bundle(folder / "pumps" / "bundle"))
    place = open_objects(str(folder / "store"))
    measured_seconds = 0.0

    def measure(*given: Any, **named: Any) -> Any:
        nonlocal measured_seconds
        start = time.process_time()
        results = performance_results(*given, **named)
        measured_seconds += time.process_time() - start
        return results

    look_back.performance_results = measure
    begin, clock = time.process_time(), time.perf_counter()
    content = collect_page_content(place, [model])
    collected, elapsed = time.process_time(), time.perf_counter() - clock
    page = render(content)
    drawn = time.process_time()
    measured = [report.find("measured_performance", "roc_auc") for report in content.reports]
    if not all(one is not None and one.value is not None for one in measured):
        raise AssertionError("each window must be measured by its labels")
    return {
        "collect_seconds": collected - begin,
        "read_and_join_seconds": collected - begin - measured_seconds,
        "bootstrap_seconds": measured_seconds,
        "collect_clock_seconds": elapsed,
        "draw_seconds": drawn - collected,
        "kilobytes": len(page) / 1024,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Make the store, and measure in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=60)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="keep the store here, and use it if it is there")
    parser.add_argument("--job", action="store_true", help="measure the store of --folder in this process")
    options = parser.parse_args()
    if options.job:
        print(json.dumps(measure_page(options.folder)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if not (folder / "store").exists():
            folder.mkdir(parents=True, exist_ok=True)
            place = open_objects(str(folder / "store"), create=True)
            fill_store(place, train_model(folder), windows=options.windows, rows=options.rows)
        command = [sys.executable, __file__, "--job", "--folder", str(folder)]
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _ in range(options.runs)
        ]
    medians = {name: float(np.median([run[name] for run in runs])) for name in runs[0]}
    print(json.dumps({"windows": options.windows, "rows": options.rows, **medians}))


if __name__ == "__main__":
    main()
