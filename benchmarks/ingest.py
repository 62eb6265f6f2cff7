"""From a CSV to validated, split Parquet with row features: Headrace beside pandas, Polars and DuckDB.

Usage: python benchmarks/ingest.py [--rows 5 20] [--repeat 1] [--data FOLDER]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from ingest_data import write_table
from ingest_jobs import JOBS

GOALS = {"pandas": 3.0, "best_raw_engine": 1.2, "memory_growth": 1.25, "peak_gb": 1.5}
HEAVY = ("pandas pyarrow",)  # needs 24 GB for 20 million rows
RAW = ("polars", "duckdb", "duckdb 1 GB")


def main() -> None:
    """Measure each job on each size, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[5, 20], help="millions of rows")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each job; the fastest counts")
    usual = [name for name in JOBS if name not in HEAVY]
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=usual, help="which jobs to run")
    parser.add_argument("--data", type=Path, help="folder that keeps the tables; a temporary one unless given")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(*options.child)
        return
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as temporary:
        folder = options.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = {rows: _measure(rows, folder, options.jobs, options.repeat) for rows in options.rows}
    for rows, jobs in found.items():
        _print_table(rows, jobs)
    print(json.dumps(_judged(found)))


def _child(name: str, csv: str, out: str) -> None:
    """Do one job and print its facts; the whole process is what is measured, and the first to go if memory ends."""
    Path("/proc/self/oom_score_adj").write_text("1000")
    facts = JOBS[name](Path(csv), Path(out))
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"facts": facts, "peak_mb": peak / 1000, "cpu": sum(os.times()[:2])}))


def _measure(rows: float, folder: Path, jobs: list[str], repeat: int) -> dict[str, dict[str, Any]]:
    csv = folder / f"trips-{rows:g}.csv"
    if not csv.exists():
        print(f"writing {rows:g} million rows ...", flush=True)
        write_table(csv, rows=round(rows * 1_000_000))
    found: dict[str, dict[str, Any]] = {}
    for _ in range(repeat):
        for name in jobs:
            csv.read_bytes()[:1]
            run = _run(name, csv, folder)
            used = f"{run['seconds']:.1f} s, {run['cpu']:.1f} s of CPU, {run['peak_mb']:.0f} MB"
            print(f"{rows:g} million rows, {name}: {used}", flush=True)
            if name not in found or run["seconds"] < found[name]["seconds"]:
                found[name] = {**run, "peak_mb": max(run["peak_mb"], found.get(name, run)["peak_mb"])}
    _check_equal(found)
    return found


def _run(name: str, csv: Path, folder: Path) -> dict[str, Any]:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, __file__, "--child", name, str(csv), str(out)], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if ended.returncode:
        sys.exit(f"{name} failed:\n{ended.stderr}")
    told = json.loads(ended.stdout.splitlines()[-1])
    result = {"seconds": seconds, **told, "outputs": _summed(out)}
    shutil.rmtree(out)
    return result


def _summed(out: Path) -> dict[str, Any]:
    """Row counts, sums and missing values of the four tables that a job wrote."""
    tables = {}
    for name in ("train", "test", "actuals", "quarantine"):
        folder = out / name
        tables[name] = pl.scan_parquet(folder / "*.parquet" if folder.is_dir() else out / f"{name}.parquet")
    inputs = [tables[name].drop("tipped", strict=False) for name in ("train", "test")]
    kinds = inputs[0].collect_schema()
    both = pl.concat([part.select(kinds.names()).cast(kinds) for part in inputs])
    numbers = pl.col(pl.Int64, pl.Int32, pl.Int8, pl.Float64)
    sums = both.select(numbers.sum().cast(pl.Float64)).collect(engine="streaming").row(0, named=True)
    texts = both.select(pl.col(pl.String).str.len_bytes().sum().cast(pl.Float64)).collect(engine="streaming")
    missing = both.select(pl.all().null_count()).collect(engine="streaming").row(0, named=True)
    target = [tables[name].select(pl.col("tipped").sum()).collect().item() for name in ("train", "actuals")]
    heights = {name: table.select(pl.len()).collect().item() for name, table in tables.items()}
    return {
        "sums": {**sums, **texts.row(0, named=True), "tipped": float(sum(target))},
        "missing": {name: count for name, count in missing.items() if count},
        "valid": heights["train"] + heights["test"],
        "quarantined": heights["quarantine"],
        "paired": heights["test"] == heights["actuals"],
        "test_share": round(heights["test"] / (heights["train"] + heights["test"]), 2),
    }


def _check_equal(found: dict[str, dict[str, Any]]) -> None:
    """Refuse to compare jobs that did not do the same."""
    first, *others = found
    for name in others:
        one, two = found[first], found[name]
        outputs = [{key: value for key, value in run["outputs"].items() if key != "sums"} for run in (one, two)]
        sums = [run["outputs"]["sums"] for run in (one, two)]
        near = all(abs(sums[0][key] - sums[1].get(key, 0)) <= 1e-9 * abs(sums[0][key]) for key in sums[0])
        if one["facts"] != two["facts"] or outputs[0] != outputs[1] or not near:
            sys.exit(f"{first} and {name} differ:\n{one['facts']}\n{two['facts']}\n{one['outputs']}\n{two['outputs']}")
    print("all jobs agree: rows, broken rules, repeated rows and keys, sums, missing values", flush=True)


def _print_table(rows: float, jobs: dict[str, dict[str, Any]]) -> None:
    own = jobs.get("headrace", next(iter(jobs.values())))["seconds"]
    print(f"\n{rows:g} million rows{'seconds':>12}{'CPU s':>10}{'peak MB':>10}   beside headrace")
    for name, run in sorted(jobs.items(), key=lambda item: item[1]["seconds"]):
        print(
            f"{name:<20}{run['seconds']:>10.1f}{run['cpu']:>10.1f}{run['peak_mb']:>10.0f}{run['seconds'] / own:>15.2f}"
        )


def _judged(found: dict[float, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    ratios: dict[str, float] = {}
    met = True
    for rows, jobs in found.items():
        own = jobs["headrace"]
        raw = [jobs[name]["seconds"] for name in RAW if name in jobs]
        if "pandas" in jobs:
            ratios[f"pandas_{rows:g}m"] = round(jobs["pandas"]["seconds"] / own["seconds"], 2)
            met &= ratios[f"pandas_{rows:g}m"] >= GOALS["pandas"]
        if raw:
            ratios[f"best_raw_engine_{rows:g}m"] = round(own["seconds"] / min(raw), 2)
            met &= ratios[f"best_raw_engine_{rows:g}m"] <= GOALS["best_raw_engine"]
        ratios[f"peak_gb_{rows:g}m"] = round(own["peak_mb"] / 1000, 2)
        met &= own["peak_mb"] / 1000 < GOALS["peak_gb"]
    small, large = min(found), max(found)
    ratios["memory_growth"] = round(found[large]["headrace"]["peak_mb"] / found[small]["headrace"]["peak_mb"], 2)
    met &= ratios["memory_growth"] <= GOALS["memory_growth"]
    return {"benchmark": "ingest", "ratios": ratios, "goals": GOALS, "met": met}


if __name__ == "__main__":
    main()
