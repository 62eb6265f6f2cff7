"""How good are the models that a search finds in a given time? Headrace, AutoGluon, FLAML and plain boosted trees.

    make bench NAME=quality ARGS="--seconds 30 --seeds 1 --output quality.jsonl"

Each system has an environment of its own, the same rows, time and cores; a quarter of each table is seen by none of
them. They search by ROC AUC, log loss (several classes) or R2. A cell is a table, a seed, a time and a system; its
figures are one line of the output file, and a cell that is there is not run again, so that a run can be stopped. Prints
the figures of all lines of that time: mean ranks, wins by Wilcoxon's test over tables and seeds, predictions per second
of one row, size of what is deployed, and, last, one line of JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from quality_figures import OURS, figures_of, print_summary, summarize
from quality_tables import TABLES, QualityTable, write_tables
from serving_peers import installed
from sklearn.model_selection import train_test_split

PEERS = Path(__file__).with_name("peers")
# System: script, environment (empty for this one), preset.
SYSTEMS: Mapping[str, tuple[str, str, str]] = {
    "headrace": ("quality_headrace", "", ""),
    "flaml": ("quality_flaml", "quality_flaml", ""),
    "autogluon medium": ("quality_autogluon", "quality_autogluon", "medium"),
    "autogluon best": ("quality_autogluon", "quality_autogluon", "best"),
    "scikit-learn": ("quality_sklearn", "quality_flaml", ""),
}
TEST_SIZE = 0.25
_PATIENCE = 3.0  # a system that takes so many times its time and two minutes more is stopped


def divide(path: Path, table: QualityTable, seed: int, folder: Path) -> tuple[Path, Path]:
    """Write the rows for the search and the test rows; classes have the same shares in both."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    classes = None if table.task == "regression" else frame[table.target]
    parts = train_test_split(frame, test_size=TEST_SIZE, stratify=classes, random_state=seed)
    paths = (folder / "train.csv", folder / "test.csv")
    for part, where in zip(parts, paths, strict=True):
        part.to_csv(where, index=False)
    return paths


def run_cell(table: QualityTable, seed: int, seconds: int, system: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Run a system on a table and return the line of the output."""
    script, environment, preset = SYSTEMS[system]
    python = str(installed(environment, chosen.peers).absolute() / "bin" / "python") if environment else sys.executable
    line = {"table": table.name, "task": table.task, "seed": seed, "budget": seconds, "system": system}
    with tempfile.TemporaryDirectory(prefix="headrace-quality-") as scratch:
        folder = Path(scratch)
        train, test = divide(chosen.tables / f"{table.name}.csv", table, seed, folder)
        cell = {"train": str(train), "test": str(test), "target": table.target, "task": table.task, "seconds": seconds}
        cell |= {"seed": seed, "cores": chosen.cores, "preset": preset, "folder": str(folder)}
        variables = {**os.environ, "OMP_NUM_THREADS": str(chosen.cores), "OMP_WAIT_POLICY": "PASSIVE"}
        began = time.monotonic()
        try:
            ended = subprocess.run(
                [python, str(PEERS / f"{script}.py"), json.dumps(cell)],
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE * seconds + 120,
                env=variables,
                cwd=folder,
            )
        except subprocess.TimeoutExpired:
            return {**line, "failed": "took too long", "wall": time.monotonic() - began}
        line["wall"] = time.monotonic() - began
        if ended.returncode or not (folder / "answer.json").exists():
            return {**line, "failed": ended.stderr.strip()[-300:] or f"exit code {ended.returncode}"}
        answer = json.loads((folder / "answer.json").read_text())
        return {**line, **figures_of(answer, train, test, table)}


def main() -> None:
    """Measure what is not there, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30, help="time of a search")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default="", help="names of tables, separated by commas; all if empty")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="separated by commas")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, default=Path("quality.jsonl"), help="file of all cells, appended to")
    parser.add_argument("--label", default="", help="what is measured, such as a change of Headrace; added to its name")
    parser.add_argument("--tables", type=Path, default=Path(tempfile.gettempdir()) / "headrace-quality-tables")
    parser.add_argument("--peers", type=Path, default=Path(tempfile.gettempdir()) / "headrace-peers")
    parser.add_argument("--summary", action="store_true", help="run nothing; print what the output file holds")
    chosen = parser.parse_args()
    tables = [table for table in TABLES if not chosen.only or table.name in chosen.only.split(",")]
    if not chosen.summary:
        write_tables(TABLES, chosen.tables, chosen.peers)
        measure(tables, chosen)
    ours = f"{OURS} {chosen.label}".strip()
    names = {ours if system == OURS else system for system in chosen.systems.split(",")}
    shown = {table.name for table in tables}
    lines = [line for line in read(chosen.output) if line["budget"] == chosen.seconds and line["table"] in shown]
    summary = summarize([line for line in lines if line["system"] in names], ours)
    print_summary(summary)
    print(json.dumps({"benchmark": "quality", "seconds": chosen.seconds, "summary": summary}))


def measure(tables: Sequence[QualityTable], chosen: argparse.Namespace) -> None:
    """Run the cells that the output file does not have, and append each."""
    done = {(line["table"], line["seed"], line["budget"], line["system"]) for line in read(chosen.output)}
    for seed in range(chosen.seeds):
        for table in tables:
            for system in chosen.systems.split(","):
                name = f"{system} {chosen.label}".strip() if system == OURS else system
                if (table.name, seed, chosen.seconds, name) in done:
                    continue
                line = {**run_cell(table, seed, chosen.seconds, system, chosen), "system": name}
                line["load"] = os.getloadavg()[0]
                with chosen.output.open("a") as stream:
                    stream.write(json.dumps(line) + "\n")
                shown = {key: value for key, value in line.items() if not isinstance(value, list)}
                print(json.dumps(shown), flush=True)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of the output file; the last of equal cells counts, and an incomplete line is none."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    found = [json.loads(line) for line in lines]
    return list({(one["table"], one["seed"], one["budget"], one["system"]): one for one in found}.values())


if __name__ == "__main__":
    main()
