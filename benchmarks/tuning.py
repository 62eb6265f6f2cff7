"""Headrace's tuning engine beside plain Optuna and scikit-learn's RandomizedSearchCV and HalvingRandomSearchCV.

    make bench NAME=tuning            (or: python benchmarks/tuning.py --quick --only heart)

Three real tables: heart (two classes) and taxis (a number) from the folder that HEADRACE_TEST_DATA names, digits (ten
classes) from scikit-learn; without that folder breast_cancer and diabetes stand in for the first two. All searches
have the same rows, folds, pipelines, space, trials and cores. Prints tables for people and, last, one line of JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from tuning_data import FOLDS, SOURCES, Problem, Table, folder_of_tables, read
from tuning_judged import ALPHA, EVERYWHERE, FEWEST_SEEDS, Compared, judged
from tuning_searches import ALGORITHMS, HALVING, RANDOMIZED, Searched, peers_of, searches
from tuning_speed import bookkeeping, one_at_a_time, two_at_a_time

from headrace.core.models import fitting

GOALS = {"overhead": 1.05, "worse": 0, "better": 1}
WAYS = {"one at a time": one_at_a_time, "two at a time": two_at_a_time}
_AGREE = 1e-9

Runs = dict[str, list[tuple[Searched, float]]]
"""What each search found with each seed, and its score on the rows held out."""


def searched(table: Table, chosen: argparse.Namespace) -> Runs:
    """Run every search with every seed, by turns."""
    found: Runs = {}
    for seed in range(chosen.seeds):
        problem = Problem.of(table, seed=seed)
        runs = searches(problem, trials=chosen.trials, only=chosen.algorithms)
        if seed == 0:
            for run in runs.values():
                run(problem, min(3, chosen.trials))  # imports, threads and scikit-learn's processes
        names = list(runs)
        with ThreadPoolExecutor(fitting.cores()) as pool:
            for name in names[seed % len(names) :] + names[: seed % len(names)]:
                one = runs[name](problem, chosen.trials)
                _check(problem, name, one, pool)
                found.setdefault(name, []).append((one, problem.held_out(one.parameters)))
        print(f"  {table.name}: seed {seed + 1} of {chosen.seeds}", flush=True)
    return {name: found[name] for name in runs}


def _check(problem: Problem, name: str, one: Searched, pool: ThreadPoolExecutor) -> None:
    """Refuse to compare a search whose objective is another."""
    again = problem.score(one.parameters, pool)
    if abs(again - one.score) > _AGREE * abs(again):
        sys.exit(f"{name} on {problem.table} says {one.score} of {one.parameters}; the objective is {again}")


def overhead(table: Table, chosen: argparse.Namespace) -> dict[str, float]:
    """Median ratios of paired runs of the same trials, and the bookkeeping of the engines alone."""
    problem = Problem.of(table, seed=0)
    found: dict[str, float] = {}
    print(
        f"\n  {table.name}, the same trials{'Headrace':>27}{'Optuna':>10}{'ratio':>8}{'of CPU':>8}   seconds of a trial"
    )
    for name, way in WAYS.items():
        way(problem, trials=min(3, chosen.trials), turn=0)
        pairs = [way(problem, trials=chosen.trials, turn=turn) for turn in range(chosen.pairs)]
        ours = statistics.median(pair.ours.seconds for pair in pairs) / chosen.trials
        plain = statistics.median(pair.plain.seconds for pair in pairs) / chosen.trials
        found[name] = statistics.median(pair.ratio for pair in pairs)
        cpu = statistics.median(pair.cpu_ratio for pair in pairs)
        each = ", ".join(f"{pair.ratio:.3f}" for pair in pairs)
        print(f"  {name:<38}{ours:>10.4f}{plain:>10.4f}{found[name]:>8.3f}{cpu:>8.3f}   ({each})", flush=True)
    alone = bookkeeping(problem.experiment, trials=chosen.trials)
    more = 100 * (alone["Headrace, journal"] - alone["Optuna"]) / (plain * 1e6)
    print(f"  an objective that returns at once, one at a time: {_listed(alone)} us a trial; {more:+.2f} % of one here")
    return found


def _listed(alone: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in alone.items())


def show(table: Table, runs: Runs, trials: int) -> None:
    """The table of one data set: means over seeds."""
    problem = Problem.of(table, seed=0)
    rows, columns = problem.sample.encoded.shape
    print(f"\n  {table.name}: {table.contract.task}, {table.source.family} by {problem.experiment.objective.metric}")
    print(f"  {rows} rows x {columns} columns in {FOLDS} folds; {len(problem.held_target)} rows held out")
    print(f"  {'means over seeds':<32}{'validation':>12}{'held out':>12}{'seconds':>10}{'trials/s':>10}{'rows':>8}")
    for name, found in runs.items():
        score, held, seconds, spent = (
            statistics.fmean(values)
            for values in zip(*((one.score, held, one.seconds, one.spent) for one, held in found), strict=True)
        )
        print(f"  {name:<32}{score:>12.5f}{held:>12.5f}{seconds:>10.2f}{trials / seconds:>10.1f}{spent:>8.2f}")


def compared(tables: list[Table], found: Mapping[str, Runs], chosen: argparse.Namespace) -> list[Compared]:
    """Each algorithm beside each of its peers, on the folds and on the rows held out."""
    pairs = [(f"Headrace {one}", peer) for one in chosen.algorithms for peer in peers_of(one)]
    higher = {table.name: Problem.of(table, seed=0).higher_is_better for table in tables}
    scores = {
        "validation": {
            name: {key: [one.score for one, _ in runs[key]] for key in runs} for name, runs in found.items()
        },
        "held out": {name: {key: [held for _, held in runs[key]] for key in runs} for name, runs in found.items()},
    }
    return [one for on in scores for one in judged(scores[on], pairs, on=on, higher=higher)]


def show_compared(comparisons: list[Compared]) -> None:
    """Each algorithm beside each peer on all tables, and where a single table differs by more than chance."""
    print(
        "\n  Differences over all tables and seeds (better is positive; the typical difference of a table is 1), p by"
    )
    print(
        "  Wilcoxon's signed-rank test and after Holm's correction; single tables where p is below 0.05 as it stands."
    )
    for on in dict.fromkeys(one.on for one in comparisons):
        print(f"\n  {on:<32}{'beside':<26}{'gain':>7}{'p':>9}{'Holm':>9}  verdict")
        here = [one for one in comparisons if one.on == on]
        for one in (one for one in here if one.where == EVERYWHERE):
            single = [other for other in here if other.pair == one.pair and other is not one and other.p < ALPHA]
            told = "; ".join(f"{other.where} {other.gain:+.2f}, p {other.p:.3f}: {other.verdict}" for other in single)
            figures = f"{one.gain:>+7.2f}{one.p:>9.4f}{one.corrected:>9.4f}"
            print(f"  {one.ours:<32}{one.peer:<26}{figures}  {one.verdict:<8}{told}")


def speed(found: Mapping[str, Runs]) -> dict[str, float]:
    """Trials per second of Headrace's shipped algorithm beside each search of scikit-learn, by table."""
    ours = "Headrace multivariate-tpe"
    return {
        f"{table}, {peer}": round(
            sum(one.seconds for one, _ in runs[peer]) / sum(one.seconds for one, _ in runs[ours]), 2
        )
        for table, runs in found.items()
        for peer in (RANDOMIZED, HALVING)
        if ours in runs
    }


def told(
    ratios: Mapping[str, Mapping[str, float]], found: Mapping[str, Runs], comparisons: list[Compared] | None
) -> dict[str, Any]:
    """The last line: ratios, goals, and whether they were met; what was not judged does not count."""
    flat = {f"{table}, {way}": round(ratio, 3) for table, ways in ratios.items() for way, ratio in ways.items()}
    met = all(ratio <= GOALS["overhead"] for ratio in flat.values())
    result: dict[str, Any] = {"benchmark": "tuning", "ratios": {"overhead": flat, "trials_per_second": speed(found)}}
    if comparisons is not None:
        named = {
            verdict: [
                f"{one.ours} beside {one.peer}, {one.where}, {one.on}" for one in comparisons if one.verdict == verdict
            ]
            for verdict in ("worse", "better")
        }
        result["quality"] = named
        met = met and len(named["worse"]) <= GOALS["worse"] and len(named["better"]) >= GOALS["better"]
    return {**result, "goals": GOALS, "met": met}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(one.name for one in SOURCES), help="names of tables, with commas")
    parser.add_argument("--algorithms", default=",".join(ALGORITHMS), help="names of algorithms, with commas")
    parser.add_argument("--seeds", type=int, default=10, help="divisions of each table")
    parser.add_argument("--trials", type=int, default=20, help="trials of each search")
    parser.add_argument("--pairs", type=int, default=5, help="paired runs that measure the overhead")
    parser.add_argument("--quick", action="store_true", help="2 seeds, 5 trials, 2 pairs; quality is not judged")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seeds, chosen.trials, chosen.pairs = 2, 5, 2
    chosen.algorithms = tuple(chosen.algorithms.split(","))
    unknown = sorted({*chosen.only.split(",")} - {one.name for one in SOURCES} | {*chosen.algorithms} - {*ALGORITHMS})
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}")
    return chosen


def main() -> None:
    """Measure, compare and judge."""
    chosen = _options()
    folder = folder_of_tables()
    if folder is None:
        print("no folder of real tables (HEADRACE_TEST_DATA): scikit-learn's stand in", flush=True)
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        tables = [read(one, folder, Path(scratch)) for one in SOURCES if one.name in chosen.only.split(",")]
    ratios = {table.name: overhead(table, chosen) for table in tables}
    print(flush=True)
    found = {table.name: searched(table, chosen) for table in tables}
    for table in tables:
        show(table, found[table.name], chosen.trials)
    comparisons = None
    if chosen.seeds >= FEWEST_SEEDS:
        comparisons = compared(tables, found, chosen)
        show_compared(comparisons)
    else:
        print(f"\n  quality is not judged: that needs at least {FEWEST_SEEDS} seeds")
    print(json.dumps(told(ratios, found, comparisons)))


if __name__ == "__main__":
    main()
