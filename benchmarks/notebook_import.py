"""What ``import headrace.api`` costs in a fresh kernel, beside other libraries of its field.

    make bench NAME=notebook_import         (or: python benchmarks/notebook_import.py --runs 9)

Each import is timed inside a fresh process that has started a shell of IPython, as a kernel has: wall and CPU time of
the statement alone. Imports take turns, and the first round, which fills the caches of the disk, does not count. Prints
a table for people and, last, one line of JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict

_LIMIT_SECONDS = 0.3
_SHELL = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
_TIMED = """import time
wall, used = time.perf_counter(), time.process_time()
{statement}
print(time.perf_counter() - wall, time.process_time() - used)
"""
OURS = "import headrace.api"
EXTENSION = "%load_ext headrace.jupyter"
STATEMENTS = {
    OURS: "import headrace.api",
    EXTENSION: "import headrace.api\nshell.run_line_magic('load_ext', 'headrace.jupyter')",
    "hr.run, its first use": "import headrace.api as hr\nhr.run",
    "import kfp": "import kfp",
    "import mlflow (skinny)": "import mlflow",
    "import sklearn.ensemble": "import sklearn.ensemble",
    "import polars": "import polars",
}


def time_import(statement: str) -> tuple[float, float]:
    """Return wall and CPU time of a statement in a fresh process, in seconds."""
    code = _SHELL + _TIMED.format(statement=statement)
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    wall, used = map(float, ended.stdout.split()[-2:])
    return wall, used


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    walls: dict[str, list[float]] = defaultdict(list)
    uses: dict[str, list[float]] = defaultdict(list)
    for turn in range(runs + 1):
        for name, statement in STATEMENTS.items():
            wall, used = time_import(statement)
            if turn:
                walls[name].append(wall)
                uses[name].append(used)
    ours = statistics.median(uses[OURS])
    print(f"{'':<28}{'wall, median':>14}{'slowest':>10}{'CPU, median':>14}{'CPU beside ours':>18}")
    for name, seconds in walls.items():
        used = statistics.median(uses[name])
        print(
            f"{name:<28}{statistics.median(seconds):>12.3f} s{max(seconds):>8.3f} s{used:>12.3f} s{used / ours:>18.1f}"
        )
    slowest = max(statistics.median(walls[name]) for name in (OURS, EXTENSION))
    facts = {
        "runs": runs,
        "seconds": {name: round(statistics.median(one), 4) for name, one in walls.items()},
        "ratios": {name: round(statistics.median(one) / ours, 2) for name, one in uses.items()},
        "goal": {"seconds": _LIMIT_SECONDS, "met": slowest <= _LIMIT_SECONDS},
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
