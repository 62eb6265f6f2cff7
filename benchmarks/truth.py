"""Whether the suite's figures are true: the line on simulated tables whose truth is known, many times over.

    make bench NAME=truth             (or: python benchmarks/truth.py --runs 20 --cells "few categories")

Each run draws a table, takes it through the suite's own split, fit, threshold, evaluation and gate, and compares what
was reported with what is true of that very model on the population. Beside it, on the same tables and with the same
estimator: scikit-learn's train_test_split and AutoGluon's holdout, each with a plain percentile bootstrap. What is done
is kept cell by cell, so that an interrupted run goes on. Prints a table for people and, last, one line of JSON.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from truth_cells import CELLS, Cell
from truth_page import OURS, page, written
from truth_peers import AUTOGLUON, SCIKIT_LEARN, named
from truth_peers import run as run_peer
from truth_runs import run
from truth_summary import faults, summary
from truth_task import Run, Task

from headrace.core.base.settings import without_blas_threads

ROOT = Path(__file__).parents[1]
_CHUNK = 20  # runs of a cell that a process takes at a time
_TWICE = 3  # runs of each cell in which the same rows are looked at twice
PEERS = (SCIKIT_LEARN, AUTOGLUON)


def chunk(name: str, places: Sequence[int], seed: int, peers: Sequence[str], python: Path | None) -> dict[str, Any]:
    """Some runs of a cell.

    Args:
        name: Of the cell.
        places: Numbers of the runs.
        seed: Seed of the benchmark.
        peers: Names of the peers.
        python: Interpreter of AutoGluon's environment, if there is one.

    Returns:
        Runs by side, and the ``seconds`` of processor time that they took.
    """
    began = time.process_time()
    cell = next(one for one in CELLS if one.name == name)
    beside = named(peers, python if cell.cheap else None)
    found: dict[str, list[Run]] = {OURS: [], **{peer: [] for peer in beside}}
    for place in places:
        task = Task.of(cell, seed=seed, place=place)
        found[OURS].append(run(task, looked_at_twice=place < _TWICE))
        for peer, holdout in beside.items():
            found[peer].append(run_peer(task, holdout))
    return {**found, "seconds": time.process_time() - began}


def _one_core(cores: Sequence[int], turn: Any) -> None:
    """Give each process a core of its own, as a fit takes all that it may."""
    with turn.get_lock():
        place, turn.value = turn.value, turn.value + 1
    os.sched_setaffinity(0, {cores[place % len(cores)]})


def measured(
    cells: Sequence[Cell], chosen: argparse.Namespace, python: Path | None
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Each cell with its figures, as soon as it is done."""
    context = multiprocessing.get_context("spawn")  # Polars has threads: a process that has some cannot be forked
    cores = sorted(os.sched_getaffinity(0))
    with ProcessPoolExecutor(
        chosen.jobs, mp_context=context, initializer=_one_core, initargs=(cores, context.Value("i", 0))
    ) as pool:
        running: dict[Future[dict[str, Any]], tuple[Cell, int]] = {}
        for cell in cells:
            for start in range(0, chosen.runs, _CHUNK):
                places = range(start, min(start + _CHUNK, chosen.runs))
                future = pool.submit(chunk, cell.name, places, chosen.seed, PEERS, python)
                running[future] = (cell, start)
        parts: dict[str, dict[int, dict[str, Any]]] = {}
        try:
            for future in as_completed(running):
                cell, start = running[future]
                done = parts.setdefault(cell.name, {})
                done[start] = future.result()
                if len(done) * _CHUNK >= chosen.runs:
                    yield cell, _joined(cell, [done[key] for key in sorted(done)])
                    del parts[cell.name]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # an error or Ctrl-C does not wait for the rest


def _joined(cell: Cell, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sides = [side for side in parts[0] if side != "seconds"]
    found: dict[str, Any] = {side: summary([one for part in parts for one in part[side]]) for side in sides}
    return {**found, "faults": faults(cell, found[OURS]), "seconds": sum(part["seconds"] for part in parts)}


def _code() -> str:
    """What the figures depend on: a digest of the suite's code and of the benchmark's."""
    state = hashlib.sha256()
    for path in sorted([*ROOT.glob("core/*.py"), *ROOT.glob("experiments/*"), *ROOT.glob("benchmarks/truth_*.py")]):
        if path.is_file():
            state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()[:16]


def _environment(chosen: argparse.Namespace) -> Path | None:
    """The interpreter of AutoGluon's environment, which is made on first use; None with ``--no-autogluon``."""
    if chosen.no_autogluon:
        return None
    from serving_peers import installed

    try:
        return installed("autogluon", Path(chosen.peers)).absolute() / "bin" / "python"
    except subprocess.CalledProcessError as error:
        sys.exit(f"AutoGluon must be installed into {chosen.peers}, but pip failed ({error}); or give --no-autogluon")


def _known(path: Path, key: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Cells that an earlier run of the same code, seed and number of runs has finished."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["cell"]: line["found"] for line in lines if line["key"] == key}


def _line(cell: Cell, found: dict[str, Any]) -> str:
    ours = found[OURS]
    one = ours.get("metrics", {}).get(cell.main, {})
    if not one.get("defined"):
        return f"{cell.name:<66} nothing measured: {ours['refusal']}"
    told = f"{one['error']:>+8.3f} ±{one['se']:.3f}{one['covered']:>7.0%}{ours['promoted']:>9.0%}"
    beside = [found.get(peer, {}).get("metrics", {}).get(cell.main) for peer in PEERS]
    peers = "".join(
        f"{other['error']:>+9.3f}{other['covered']:>6.0%}" if other and other["defined"] else " " * 15
        for other in beside
    )
    return f"{cell.name:<66}{cell.main:>9}{told}{peers}{found['seconds']:>7.0f} s  {'; '.join(found['faults'])}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", default="", help="part of the names of cells, several with semicolons; all if empty")
    parser.add_argument("--runs", type=int, default=200, help="simulated tables of each cell")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything")
    parser.add_argument(
        "--markdown", default="", help="file to write the tables to, between its markers if it has some"
    )
    parser.add_argument("--results", default="build/truth.jsonl", help="file that the figures are appended to")
    parser.add_argument("--peers", default="build/peers", help="folder of the peers' environments")
    parser.add_argument("--no-autogluon", action="store_true", help="leave AutoGluon out, which would be installed")
    parser.add_argument("--list", action="store_true", help="name the cells and end")
    chosen = parser.parse_args()
    parts = [part.strip() for part in chosen.cells.split(";")]
    chosen.cells = [cell for cell in CELLS if any(part in cell.name for part in parts)]
    if not chosen.cells:
        parser.error(f"a cell's name must contain one of {parts}; none does; --list names them")
    if chosen.runs < 1 or chosen.jobs < 1:
        parser.error("--runs and --jobs must be at least 1")
    return chosen


def main() -> None:
    """Measure, compare and judge."""
    chosen = _options()
    if chosen.list:
        print("\n".join(cell.name for cell in chosen.cells))
        return
    began = time.perf_counter()
    without_blas_threads()  # nor Polars': as many processes as cores will work
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    python = _environment(chosen)
    key = {"runs": chosen.runs, "seed": chosen.seed, "code": _code(), "autogluon": python is not None}
    path = Path(chosen.results)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = _known(path, key)
    rest = [cell for cell in chosen.cells if cell.name not in found]
    print(f"{len(chosen.cells)} cells, {chosen.runs} runs each; {len(chosen.cells) - len(rest)} are known", flush=True)
    print(f"{'':<66}{'metric':>9}{'error':>8}{'':7}{'covered':>7}{'promoted':>9}{SCIKIT_LEARN:>15}{AUTOGLUON:>15}")
    with path.open("a") as kept:
        for place, (cell, figures) in enumerate(measured(rest, chosen, python), start=1):
            found[cell.name] = figures
            kept.write(json.dumps({"cell": cell.name, "key": key, "found": figures}) + "\n")
            kept.flush()
            print(f"{_line(cell, figures)}  [{place}/{len(rest)}]", flush=True)
    command = f"python benchmarks/truth.py --runs {chosen.runs} --seed {chosen.seed}"
    if chosen.markdown:
        written(Path(chosen.markdown), page(chosen.cells, found, command=command))
    short = {cell.name: found[cell.name]["faults"] for cell in chosen.cells if found[cell.name]["faults"]}
    print(f"\n{len(chosen.cells) - len(short)} of {len(chosen.cells)} cells within their bounds")
    for name, phrases in short.items():
        print(f"  {name}: {'; '.join(phrases)}")
    told = {"cells": len(chosen.cells), "runs": chosen.runs, "short": short, "seconds": time.perf_counter() - began}
    print(json.dumps({"benchmark": "truth", **told, "met": not short}))


if __name__ == "__main__":
    main()
