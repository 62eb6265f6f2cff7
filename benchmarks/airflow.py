"""A task of Airflow that runs Headrace: the provider's operator beside Airflow's own `BashOperator`, for the same run.

    make bench NAME=airflow            (or: python benchmarks/airflow.py --turns 7)

Each turn runs `airflow dags test` once with either operator, by turns, in an Airflow of its own (installed from
benchmarks/peers/airflow.lock on first use). CPU time is that of Airflow and all its processes, Headrace among them;
memory is the largest sum of the proportional set sizes of all of them at one moment. Prints a table for people and,
last, one line of JSON.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

sys.path.append(str(Path(__file__).parents[1]))  # run as a file
from tests.real.airflow_parts import airflow, environment

GOALS = {"cpu_s": 0.3, "memory_mb": 60.0}
_EVERY_SECONDS = 0.05
_BASH = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
with DAG("bench", schedule=None):
    BashOperator(task_id="add", bash_command={command!r})
"""
_HEADRACE = """
from airflow.sdk import DAG
from headrace_provider.operators.commands import HeadraceCommandOperator
with DAG("bench", schedule=None):
    HeadraceCommandOperator(task_id="add", arguments={arguments!r})
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--rows", type=int, default=20_000)
    turns, rows = (getattr(parser.parse_args(), name) for name in ("turns", "rows"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "table.csv"
        table.write_text("id,a,b\n" + "".join(f"{row},{row % 7}.5,{row % 11}\n" for row in range(rows)))
        arguments = ["catalog", "add", str(table), "--catalog", str(folder / "catalog.db")]
        command = shlex.join([sys.executable, "-m", "headrace.cli.main", *arguments])
        texts = {"BashOperator": _BASH.format(command=command), "headrace": _HEADRACE.format(arguments=arguments)}
        connections = {"headrace_default": {"conn_type": "headrace", "extra": {"program": sys.executable}}}
        with airflow(folder, {}, connections) as made:
            told = {way: _told(folder / way, text, made.variables) for way, text in texts.items()}
            for way in texts:
                _measured(told[way])  # the first run reads what later ones find in memory
            found: dict[str, list[tuple[float, float]]] = {way: [] for way in texts}
            for turn in range(turns):
                for way in list(texts)[:: 1 if turn % 2 else -1]:
                    found[way].append(_measured(told[way]))
    return _print(found)


def _told(folder: Path, text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of an Airflow that reads one file of DAGs."""
    folder.mkdir()
    (folder / "bench.py").write_text(text)
    return {**variables, "AIRFLOW__CORE__DAGS_FOLDER": str(folder)}


def _measured(variables: Mapping[str, str]) -> tuple[float, float]:
    """Run the DAG; CPU seconds, and the largest sum of set sizes in MB."""
    command = [str(environment() / "bin" / "airflow"), "dags", "test", "bench"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=dict(variables), stdout=log, stderr=log)
        peak, pid = 0.0, 0
        while not pid:
            peak = max(peak, _megabytes(process.pid))
            time.sleep(_EVERY_SECONDS)
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        if process.returncode:
            raise SystemExit(log.read().decode(errors="replace")[-4000:])
    return used.ru_utime + used.ru_stime, peak


def _megabytes(pid: int) -> float:
    """The proportional set sizes of a process and its descendants, also of those that left its process group."""
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            try:
                total += process.memory_full_info().pss / 2**20
            except psutil.Error:
                continue
    except psutil.Error:
        return 0.0
    return total


def _print(found: Mapping[str, list[tuple[float, float]]]) -> int:
    medians = {way: [statistics.median(column) for column in zip(*runs, strict=True)] for way, runs in found.items()}
    print(f"{'operator':14} {'CPU, s':>8} {'memory, MB':>11}")
    for way, (cpu, memory) in medians.items():
        print(f"{way:14} {cpu:8.2f} {memory:11.0f}")
    pairs = zip(found["headrace"], found["BashOperator"], strict=True)
    more = [[ours - theirs for ours, theirs in zip(*pair, strict=True)] for pair in pairs]
    values = {name: statistics.median(column) for name, column in zip(GOALS, zip(*more, strict=True), strict=True)}
    print(f"{'more':14} {values['cpu_s']:8.2f} {values['memory_mb']:11.0f}   (goals: at most 0.30 and 60)")
    result: dict[str, Any] = {
        "medians": medians,
        "ratio": {"cpu": medians["headrace"][0] / medians["BashOperator"][0]},
        "more_than_bash": values,
        "goals": GOALS,
        "met": all(values[name] <= goal for name, goal in GOALS.items()),
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
