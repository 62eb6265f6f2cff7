"""The line beside a plain script that does the same steps in one process with the same libraries.

    make bench NAME=line              (or: python benchmarks/line.py --rows 100000 --columns 30 --runs 3)

Prints a table for people and, last, one line of JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

GOAL = 1.5
PLAIN = Path(__file__).with_name("plain_line.py")


def write_table(path: Path, rows: int, columns: int) -> None:
    """Write a table of numbers and categories, 2 % missing, whose binary target depends on a third of them."""
    rng = np.random.default_rng(20261123)
    texts = columns // 6
    names = [f"c{i:02d}" for i in range(texts)]
    frame = pl.DataFrame({f"n{i:02d}": rng.normal(size=rows).round(4) for i in range(columns - texts - 1)})
    codes = {name: rng.integers(0, 8, rows) for name in names}
    logit = sum(frame[f"n{i:02d}"].to_numpy() * (1.0 - i / 8) for i in range(8)) + np.sin(
        2 * frame["n00"].to_numpy()
    ) * (codes["c00"] - 3.5)
    target = np.where(rng.random(rows) < 1 / (1 + np.exp(-0.6 * logit)), "yes", "no")
    frame = frame.with_columns(
        pl.when(pl.Series(rng.random(rows) < 0.02)).then(None).otherwise(pl.col(name)).alias(name)
        for name in frame.columns
    )
    letters = np.array([f"{chr(97 + i)}-kind" for i in range(8)])
    frame = frame.with_columns(pl.Series(name, letters[code]) for name, code in codes.items())
    frame.with_columns(pl.Series("y", target)).write_csv(path)


def headrace(table: Path, folder: Path) -> dict[str, Any]:
    """Seconds of `headrace run`: all of it, and inside each step."""
    summary = folder / "summary.json"
    command = [sys.executable, "-m", "headrace.cli.main", "run", str(table), "--target", "y"]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--output", str(folder), "--summary", str(summary)], check=True, stdout=subprocess.DEVNULL
    )
    wall = time.perf_counter() - began
    told = json.loads(summary.read_text())
    events = [json.loads(row) for row in (folder / "logs" / "events.jsonl").read_text().splitlines()]
    inside = {event["step"]: event["seconds"] for event in events if event["event"] == "end"}
    return {
        "wall": wall,
        "steps": {step["name"]: step["seconds"] for step in told["steps"]},
        "inside": inside,
        "family": told["model"]["family"],
        "roc_auc": told["metrics"]["roc_auc"]["value"],
    }


def plain(table: Path, folder: Path) -> dict[str, Any]:
    """Seconds of the plain script: all of it, and each step."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, str(PLAIN), str(table), "y", str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    wall = time.perf_counter() - began
    return {"wall": wall, **json.loads(ended.stdout.splitlines()[-1])}


def show(ours: list[dict[str, Any]], peers: list[dict[str, Any]]) -> None:
    """The table for people: medians, step by step."""
    print(f"\n  {'step':<18}{'headrace':>10}{'of it inside':>14}{'plain script':>14}   seconds, medians of {len(ours)}")
    steps = ours[0]["steps"]
    for name in ["imports", *steps]:
        whole = statistics.median(run["steps"].get(name, 0.0) for run in ours)
        inside = statistics.median(run["inside"].get(name, 0.0) for run in ours)
        peer = statistics.median(
            run["seconds"].get(name, 0.0) + run["seconds"].get(f"{name}_write", 0.0) for run in peers
        )
        print(f"  {name:<18}{whole:>10.2f}{inside:>14.2f}{peer:>14.2f}")
    outside = statistics.median(sum(run["steps"].values()) - sum(run["inside"].values()) for run in ours)
    around = statistics.median(run["wall"] - sum(run["steps"].values()) for run in ours)
    print(f"\n  process start, imports and kfp's own work between the steps: {outside:.2f} s")
    print(f"  before the first step and after the last (start of the command, store, clean-up): {around:.2f} s")
    for name, runs in (("headrace", ours), ("plain script", peers)):
        print(f"  {name}: {runs[0]['family']}, roc_auc {runs[0]['roc_auc']:.4f}")


def main() -> None:
    """Run both in turn and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    ours, peers = [], []
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        table = Path(scratch) / "table.csv"
        write_table(table, chosen.rows, chosen.columns)
        print(
            f"{chosen.rows:,} rows x {chosen.columns} columns, {table.stat().st_size / 1e6:.0f} MB of CSV", flush=True
        )
        for number in range(chosen.runs):
            for name, run, results in (("headrace", headrace, ours), ("plain script", plain, peers)):
                folder = Path(scratch) / "out"
                results.append(run(table, folder))
                shutil.rmtree(folder)
                print(f"  run {number + 1}: {name:<14}{results[-1]['wall']:>7.1f} s", flush=True)
    show(ours, peers)
    ratios = [our["wall"] / peer["wall"] for our, peer in zip(ours, peers, strict=True)]
    ratio = round(statistics.median(ratios), 3)
    print(
        f"\n  headrace / plain script: {ratio} (runs {', '.join(f'{one:.2f}' for one in ratios)}; goal at most {GOAL})"
    )
    told = {"benchmark": "line", "ratios": {"wall": ratio}, "goals": {"wall": GOAL}, "met": ratio <= GOAL}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
