"""Coverage of intervals, and how often equal models are told apart, on outcomes whose truth is known.

    make bench NAME=intervals         (or: python benchmarks/intervals.py --runs 200 --only classes)

Predictions are simulated, no model is fitted: scores from normal distributions whose classes lie some distance apart,
errors of several distributions, rows that share a group. The truth is the metric on 400,000 rows. Beside the suite's
intervals stand those of the plain percentile bootstrap. Prints tables for people and, last, one line of JSON.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics import bootstrap, significance
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics, metric_function

Draw = np.random.Generator
Drawn = tuple[EvaluatedRows, RowClusters | None]
MANY = 400_000
PLAIN_RESAMPLES = 400


@dataclass(frozen=True)
class Cell:
    """One kind of outcome.

    Attributes:
        name: What it is.
        rows: How many rows.
        make: Draws an outcome of so many rows.
    """

    name: str
    rows: int
    make: Callable[[Draw, int], Drawn]


def scored(actual: np.ndarray[Any, Any], scores: np.ndarray[Any, Any], share: float, distance: float) -> EvaluatedRows:
    """Probabilities that are somewhat too sure, labelled at a threshold that the rarer class can reach."""
    odds = np.log(share / (1 - share)) + 1.3 * distance * (scores - distance / 2)
    ours = 1 / (1 + np.exp(-odds))
    labels = (ours >= min(0.5, max(share, 0.1))).astype(int)
    return EvaluatedRows("binary", actual, np.stack([1 - ours, ours], axis=1), labels)


def two_classes(share: float, distance: float) -> Callable[[Draw, int], Drawn]:
    """A stratified test part with so large a share of positives."""

    def make(draw: Draw, rows: int) -> Drawn:
        actual = (np.arange(rows) < max(1, round(share * rows))).astype(int)
        return scored(actual, draw.normal(size=rows) + distance * actual, share, distance), None

    return make


def many_classes(count: int, distance: float, rows: int) -> Callable[[Draw, int], Drawn]:
    """Classes whose sizes fall like 1, 1/2, 1/3, in the shares that a test part of ``rows`` has."""
    sizes = np.maximum(1, np.round(rows / np.arange(1, count + 1) / (1 / np.arange(1, count + 1)).sum())).astype(int)

    def make(draw: Draw, wanted: int) -> Drawn:
        actual = np.repeat(np.arange(count), sizes * max(1, wanted // rows))
        logits = draw.normal(size=(len(actual), count))
        logits[np.arange(len(actual)), actual] += distance
        logits = 1.2 * distance * logits + np.log(sizes / sizes.sum())
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        ours = odds / odds.sum(axis=1, keepdims=True)
        return EvaluatedRows("multiclass", actual, ours, ours.argmax(axis=1)), None

    return make


def numbers(kind: str) -> Callable[[Draw, int], Drawn]:
    """A model of numbers with errors of that distribution."""

    def make(draw: Draw, rows: int) -> Drawn:
        known = draw.normal(size=rows)
        if kind == "zero-inflated":
            amount = draw.lognormal(1, 0.8, size=rows) * np.exp(0.5 * known)
            return EvaluatedRows(
                "regression",
                np.where(draw.random(rows) < 0.7, 0.0, amount),
                values=0.3 * np.exp(1.4 + 0.5 * known),
            ), None
        errors = {
            "normal": lambda: draw.normal(size=rows),
            "Student, 3 degrees": lambda: draw.standard_t(3, size=rows),
            "lognormal": lambda: draw.lognormal(0, 1, size=rows) - np.exp(0.5),
        }[kind]()
        return EvaluatedRows("regression", 2 * known + errors, values=1.9 * known), None

    return make


def grouped(size: int, same: float, distance: float) -> Callable[[Draw, int], Drawn]:
    """Groups of ``size`` rows, of whose scores a part ``same`` of the variance is the group's."""

    def make(draw: Draw, rows: int) -> Drawn:
        codes = np.arange(rows) // size
        actual = draw.integers(0, 2, rows)
        shared, own = draw.normal(size=codes[-1] + 1)[codes], draw.normal(size=rows)
        scores = distance * actual + (2 * actual - 1) * np.sqrt(same) * shared + np.sqrt(1 - same) * own
        return scored(actual, scores, 0.5, distance), RowClusters("group", codes, int(codes[-1]) + 1)

    return make


def of_classes() -> Iterator[Cell]:
    """Two classes, from equally many to one in 500."""
    for rows in (12, 20, 40, 100, 400, 2000, 10_000):
        for ratio in (1, 10, 50, 500):
            for distance in (0.0, 1.0, 3.0) if rows >= ratio else ():
                yield Cell(f"1:{ratio}, {distance:g} apart", rows, two_classes(1 / (1 + ratio), distance))


def of_many() -> Iterator[Cell]:
    """Three, ten and thirty classes."""
    for count, rows in ((3, 40), (3, 400), (10, 100), (10, 400), (10, 4000), (30, 400), (30, 4000)):
        yield Cell(f"{count} classes, 2 apart", rows, many_classes(count, 2.0, rows))


def of_numbers() -> Iterator[Cell]:
    """Errors with lighter and heavier tails."""
    for kind in ("normal", "Student, 3 degrees", "lognormal", "zero-inflated"):
        yield from (Cell(f"{kind} errors", rows, numbers(kind)) for rows in (12, 40, 100, 400, 2000, 10_000))


def of_groups() -> Iterator[Cell]:
    """Few and many groups, more and less alike."""
    for count, size in ((8, 10), (12, 10), (25, 10), (25, 100), (100, 3)):
        for same in (0.0, 0.5, 0.9):
            yield Cell(f"{count} groups, {same:g} shared", count * size, grouped(size, same, 1.0))


SORTS = {"classes": of_classes, "many": of_many, "numbers": of_numbers, "groups": of_groups}


def percentile(outcome: EvaluatedRows, draw: Draw) -> dict[str, tuple[float, float]]:
    """The plain percentile bootstrap (Efron 1979) of rows."""
    rows = len(outcome)
    weights = np.stack([np.bincount(draw.integers(0, rows, rows), minlength=rows) for _ in range(PLAIN_RESAMPLES)])
    found = {
        name: values[np.isfinite(values)] for name, values in metric_function(outcome)(weights.astype(float)).items()
    }
    ends = {name: np.quantile(values, [0.025, 0.975]) for name, values in found.items() if len(values) > 1}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def coverage(cell: Cell, *, runs: int, seed: int) -> dict[str, dict[str, float]]:
    """Which share of the runs hold the truth, by metric, for the suite and for the percentile bootstrap."""
    truth = compute_metrics(cell.make(np.random.default_rng([seed, MANY]), MANY)[0])
    held: dict[str, dict[str, list[bool]]] = {name: {"suite": [], "percentile": []} for name in truth}
    for run in range(runs):
        draw = np.random.default_rng([seed, run])
        outcome, clusters = cell.make(draw, cell.rows)
        found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=run, clusters=clusters))
        plain = percentile(outcome, draw) if cell.rows <= bootstrap.MOST_ROWS // 4 else {}
        for name, value in truth.items():
            if name in found:
                held[name]["suite"].append(found[name].low <= value <= found[name].high)
            if name in plain:
                held[name]["percentile"].append(plain[name][0] <= value <= plain[name][1])
    return {name: {way: float(np.mean(told)) for way, told in ways.items() if told} for name, ways in held.items()}


def told_apart(rows: int, share: float, *, runs: int, seed: int) -> dict[str, float]:
    """How often a model of random scores is better than the baseline, and one of two equal models than the other."""
    counts = {"random, better than the baseline": 0, "of two equal, better": 0, "of two equal, worse": 0}
    for run in range(runs):
        draw = np.random.default_rng([seed, run])
        actual = (np.arange(rows) < round(share * rows)).astype(int)
        shared = 0.7 * draw.normal(size=rows) + actual
        scores = [draw.normal(size=rows), *(shared + 0.7 * draw.normal(size=rows) for _ in range(2))]
        noise, first, second = (scored(actual, values, share, 1.0) for values in scores)
        flat = EvaluatedRows("binary", actual, np.tile([1 - share, share], (rows, 1)), np.zeros(rows, dtype=int))
        for place, pair in enumerate(((noise, flat), (first, second))):
            drawn = bootstrap.resample(pair, seed=run, resamples=1000)
            found = significance.compare(*pair, metric="roc_auc", sample=drawn)
            counts["of two equal, better" if place else "random, better than the baseline"] += found.better
            counts["of two equal, worse"] += found.worse and place == 1
    return {name: count / runs for name, count in counts.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[*SORTS, "gate"], default="")
    asked = parser.parse_args()
    results: dict[str, Any] = {"runs": asked.runs, "seed": asked.seed, "coverage": {}, "told apart": {}}
    print("Of 100 intervals so many hold the truth (percentile bootstrap in parentheses):")
    for cell in (one for sort, made in SORTS.items() if asked.only in {"", sort} for one in made()):
        found = coverage(cell, runs=asked.runs, seed=asked.seed)
        name = f"{cell.rows} rows, {cell.name}"
        results["coverage"][name] = found
        told = (
            f"{metric} {100 * ways['suite']:.0f}"
            + (f" ({100 * ways['percentile']:.0f})" if "percentile" in ways else "")
            for metric, ways in found.items()
            if "suite" in ways
        )
        print(f"  {name:<40} {', '.join(told)}", flush=True)
    for rows in (20, 40, 100, 400) if asked.only in {"", "gate"} else ():
        for share in (0.5, 0.25):
            found = told_apart(rows, share, runs=asked.runs, seed=asked.seed)
            results["told apart"][f"{rows} rows, {share:g} positive"] = found
            words = ", ".join(f"{name} {100 * value:.1f}" for name, value in found.items())
            print(f"  {rows} rows, {share:g} positive: of 100 {words}", flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
