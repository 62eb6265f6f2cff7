"""How long the monitors of the data take for a large window, beside bare tests and Evidently.

``make bench NAME=monitoring`` writes 1,000,000 stored rows of 30 mixed columns as the collector does, and measures, in
processes of their own and in turn: Headrace, from the Parquet file to the results of all monitors; Polars and SciPy,
which read the same file and compute one test of each column; and Evidently's DataDriftPreset, if
``HEADRACE_EVIDENTLY`` names the Python of an environment that holds it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from drift_profiles import CONTRACT, MadeModel, profile, store, typed
from drift_windows import CATEGORIES, COLUMNS, rows
from scipy.stats import chi2_contingency, ks_2samp

from headrace.core.base.files import write_json
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.monitors.data.count_window import count_window
from headrace.core.monitors.data.data_results import data_results
from headrace.core.monitors.data.window_counts import WindowCounts, WindowRecord

TRAINING_ROWS = 20_000
ROWS = 1_000_000
PART_ROWS = 100_000
GOALS = {"evidently": 20.0, "bare": 1.3, "memory": 1.25, "merge": 0.01}


def write_window(path: Path, count: int) -> None:
    """Write stored rows in row groups of 100,000; beyond a million, the same ones again under other ids."""
    rng = np.random.default_rng(1)
    blocks = [typed(rows(rng, PART_ROWS)) for _ in range(min(count, ROWS) // PART_ROWS)]
    schema = store(blocks[0]).to_arrow().schema
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in range(count // PART_ROWS):
            writer.write_table(store(blocks[part % len(blocks)], part).to_arrow().cast(schema))


def read_window(path: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file, 100,000 at a time."""
    table = pl.scan_parquet(path)
    for start in range(0, table.select(pl.len()).collect().item(), PART_ROWS):
        yield table.slice(start, PART_ROWS).collect()


def run_headrace(folder: Path, window: Path) -> dict[str, float]:
    """Return seconds from the file to the results, and the seconds in which seven windows merge."""
    reference = ReferenceProfile.read(folder / "profile.json")
    start = time.perf_counter()
    counts = count_window(read_window(window), MadeModel(CONTRACT), reference)
    counted = time.perf_counter()
    data_results(reference, counts)
    seconds = time.perf_counter() - start
    documents = [counts.record().as_json() for _ in range(7)]
    merging = time.perf_counter()
    days = [WindowCounts.of_record(WindowRecord.from_json(document)) for document in documents]
    sum(days[1:], days[0])
    merge = time.perf_counter() - merging
    return {"seconds": seconds, "count": counted - start, "merge": merge}


def run_bare(folder: Path, window: Path) -> dict[str, float]:
    """Return seconds to read the file and to test each column by SciPy: Kolmogorov and Smirnov, or chi-square."""
    before = pl.read_parquet(folder / "reference.parquet")
    start = time.perf_counter()
    now = pl.read_parquet(window)
    for name in COLUMNS:
        first, second = before.get_column(name).drop_nulls(), now.get_column(f"input_{name}").drop_nulls()
        if name in CATEGORIES:
            counts = first.value_counts().join(second.alias(name).value_counts(), on=name, how="full").fill_null(0)
            chi2_contingency(counts.select("count", "count_right").to_numpy())
        else:
            ks_2samp(first.to_numpy(), second.to_numpy(), method="asymp")
    return {"seconds": time.perf_counter() - start}


def measure(job: str, folder: Path, window: Path) -> dict[str, float]:
    """Run a job in a process of its own; its peak memory in MB is added."""
    if job == "evidently":
        script = Path(__file__).with_name("peers") / "monitoring_evidently.py"
        command = [os.environ["HEADRACE_EVIDENTLY"], str(script), str(folder / "reference.parquet"), str(window)]
        return {"seconds": float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)}
    command = [sys.executable, __file__, "--job", job, "--folder", str(folder), "--window", str(window)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def compare(folder: Path, *, runs: int, large: int) -> dict[str, object]:
    """Measure all jobs in turn and return medians and ratios."""
    rng = np.random.default_rng(0)
    training = typed(rows(rng, TRAINING_ROWS))
    training.write_parquet(folder / "reference.parquet")
    write_json(folder / "profile.json", profile(rng, training).as_json())
    window = folder / "window.parquet"
    write_window(window, ROWS)
    jobs = ["headrace", "bare", *(["evidently"] if os.environ.get("HEADRACE_EVIDENTLY") else [])]
    found: dict[str, list[dict[str, float]]] = {job: [] for job in jobs}
    for run in range(runs):
        for job in jobs if run == 0 else [job for job in jobs if job != "evidently"]:
            found[job].append(measure(job, folder, window))
    seconds = {job: float(np.median([one["seconds"] for one in measured])) for job, measured in found.items()}
    ours = found["headrace"]
    merge = float(np.median([one["merge"] for one in ours]) / np.median([one["count"] for one in ours]))
    ratios = {"bare": seconds["headrace"] / seconds["bare"], "merge": merge}
    if "evidently" in seconds:
        ratios["evidently"] = seconds["evidently"] / seconds["headrace"]
    if large:
        write_window(folder / "large.parquet", large)
        memory = measure("headrace", folder, folder / "large.parquet")["megabytes"]
        ratios["memory"] = memory / float(np.median([one["megabytes"] for one in ours]))
    # Evidently's goal is a least ratio, the others are largest ones.
    met = {
        name: ratio >= GOALS[name] if name == "evidently" else ratio <= GOALS[name] for name, ratio in ratios.items()
    }
    return {"rows": ROWS, "seconds": seconds, "ratios": ratios, "goals": GOALS, "met": met}


def main() -> None:
    """Compare, or run one job of the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--large", type=int, default=20_000_000, help="rows of the window for the memory; 0 for none")
    parser.add_argument("--job", default="")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--window", type=Path, default=Path())
    options = parser.parse_args()
    if options.job:
        run = run_headrace if options.job == "headrace" else run_bare
        found = run(options.folder, options.window)
        print(json.dumps({**found, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(compare(Path(name), runs=options.runs, large=options.large)))


if __name__ == "__main__":
    main()
