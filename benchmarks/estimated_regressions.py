"""How often an estimated error of a regression holds what is measured later, and how often it is unknown."""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from estimated_peer import peer_interval, run_peer, write_windows
from regression_windows import MODELS, REAL_TABLES, Case, draw_made, draw_real

from headrace.core.drift.input_bins import choose_bins
from headrace.core.drift.input_counts import InputCounts
from headrace.core.drift.output_profile import describe_outputs
from headrace.core.monitors.performance.estimated_performance import estimated_results
from headrace.core.monitors.performance.performance_reference import PerformanceReference
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.statistics.bootstrap import intervals, resample
from headrace.core.statistics.weighted_metrics import compute_metrics

METRICS = ("mae", "rmse")
_UNSEEN = "concept shift"
_RESAMPLES = 200


@dataclass(frozen=True)
class Estimate:
    """What became of one window's estimates.

    Attributes:
        seed: Seed of the model and its test part.
        alarm: Whether it is called worse than the test part.
        holds: Whether the interval of a metric holds what is measured, by metric; none of one that is unknown.
        errors: Error of the estimate as a share of what is measured, by metric.
        peer: Whether NannyML's interval holds it, by metric; empty if it was not asked.
    """

    seed: int
    alarm: bool
    holds: dict[str, bool]
    errors: dict[str, float]
    peer: dict[str, bool]


def measure_regressions(options: argparse.Namespace) -> None:
    """Print a table of all models, tables and scenarios."""
    print(
        "| table | model | scenario | MAE: unknown | holds | bias, % | DLE holds | RMSE: unknown | holds | bias, % | "
        "DLE holds |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    shifted, steady, seconds = list[Estimate](), list[Estimate](), 0.0
    for table, draw in _tables(options.data, options.test_rows):
        if options.tables and table not in options.tables:
            continue
        for model in MODELS:
            begun = time.perf_counter()
            found = _measure(partial(draw, model), options)
            seconds += time.perf_counter() - begun
            for scenario, estimates in found.items():
                print(f"| {table} | {model} | {scenario} | {_describe(estimates)} |", flush=True)
                if scenario != _UNSEEN:
                    (steady if scenario == "no shift" else shifted).extend(estimates)
    print(f"| all | all | no shift | {_describe(steady)} |")
    for name, known in (("known", True), ("unknown", False)):
        print(f"| all | all | shifts, {name} | {_describe([one for one in shifted if bool(one.holds) == known])} |")
    for name, found in (("no shift", steady), ("shifts", shifted)):
        print(f"<!-- called worse than the test part: {sum(one.alarm for one in found)} of {len(found)}, {name} -->")
    print(f"<!-- {seconds:.0f} s with fits and NannyML -->")


def _tables(folder: Path | None, rows: int) -> Iterator[tuple[str, Callable[[str, int], Case]]]:
    for name, correlation in (("independent", 0.0), ("correlated", 0.6)):
        yield name, partial(draw_made, rows=rows, correlation=correlation)
    if folder:
        for name, read in REAL_TABLES.items():
            yield name, partial(draw_real, read(folder), rows=rows)


def _measure(draw: Callable[[int], Case], options: argparse.Namespace) -> dict[str, list[Estimate]]:
    found: dict[str, list[Estimate]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        cases = [draw(seed) for seed in range(options.seeds)]
        if options.nannyml:
            for seed, case in enumerate(cases[: options.nannyml_seeds]):
                write_windows(Path(folder) / f"{seed:04}.npz", {"test": case.test, **case.windows})
            run_peer(options.nannyml, Path(folder))
        for seed, case in enumerate(cases):
            answers = Path(folder) / f"{seed:04}.json"
            theirs = json.loads(answers.read_text()) if answers.exists() else {}
            for scenario, estimate in _estimate(seed, case, theirs):
                found[scenario].append(estimate)
    return found


def _estimate(seed: int, case: Case, theirs: dict[str, dict[str, dict[str, float]]]) -> Iterator[tuple[str, Estimate]]:
    bins = choose_bins(case.training, case.columns)
    trained = InputCounts.of(case.training, bins)
    profile = describe_outputs(case.test.outcome, (), (case.test.inputs, trained))
    outcome = case.test.outcome
    reference = PerformanceReference(intervals(outcome, resample([outcome], seed=0, resamples=_RESAMPLES)))
    for scenario, window in case.windows.items():
        measured = compute_metrics(window.outcome)
        inputs = InputCounts.of(window.inputs, bins)
        results = estimated_results(
            profile, PredictedRows.of(window.outcome), reference=reference, inputs=inputs, trained=trained
        )
        known = {one.subject: one for one in results if one.status != "unknown"}
        peers = {name: peer_interval(theirs, scenario, name) for name in METRICS}
        yield (
            scenario,
            Estimate(
                seed,
                any(one.status == "violated" for one in results),
                {name: one.low <= measured[name] <= one.high for name, one in known.items()},  # type: ignore[operator]
                {name: one.value / measured[name] - 1 for name, one in known.items()},  # type: ignore[operator]
                {name: one[1] <= measured[name] <= one[2] for name, one in peers.items() if one},
            ),
        )


def _describe(estimates: Sequence[Estimate]) -> str:
    """Return, for each metric, how often it is unknown, holds, its bias, and how often NannyML's interval holds."""
    cells = []
    for name in METRICS:
        known = [one for one in estimates if name in one.holds]
        cells.append(f"{1 - len(known) / len(estimates):.2f}" if estimates else "-")
        cells.append(_share([(one.seed, one.holds[name]) for one in known]))
        cells.append(f"{100 * np.mean([one.errors[name] for one in known]):+.1f}" if known else "-")
        cells.append(_share([(one.seed, one.peer[name]) for one in estimates if one.peer]))
    return " | ".join(cells)


def _share(cases: Sequence[tuple[int, bool]]) -> str:
    """Return a share with its standard error over seeds: windows of one seed share a model and a test part."""
    if not cases:
        return "-"
    seeds, hits = np.array([seed for seed, _ in cases]), np.array([hit for _, hit in cases], dtype=np.float64)
    share = float(hits.mean())
    sums = np.bincount(seeds, hits - share)
    return f"{share:.3f} ± {np.sqrt(np.square(sums).sum()) / len(hits):.3f}"
