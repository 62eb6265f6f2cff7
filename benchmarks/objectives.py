"""Do intervals, count objectives, class weights and the order of classes keep what they promise on real tables?

    make bench NAME=objectives ARGS="--tables FOLDER"       (CSV files: those of the package ISLP, for one)

Each family with its defaults is fitted on a part of the rows and measured on the others, anew for each seed:

- intervals: coverage and mean width where 90 % were promised, with ranges of the prediction and with one range;
- counts: Poisson deviance of the objective ``count`` beside that of the mean;
- class weights, on tables with a rare class: none, balanced, and balanced without taking them out of the probabilities;
  log loss, area under the ROC curve, average precision, expected calibration error, cost of errors at 10 : 1 with the
  threshold chosen out of fold;
- order of classes (a target cut into five parts): one model for each cut between classes (Frank and Hall 2001, A Simple
  Approach to Ordinal Classification), beside one model of all classes; log loss and ranked probability score.

Prints a line for each table, family and arm (means over seeds), and, last, one line of JSON.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tuning_data
from families import FILES
from sklearn import metrics as reference
from sklearn.model_selection import train_test_split
from tuning_data import Source, Table

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import decision_threshold, families, fitting
from headrace.core.models.fitted_model import predicted_probabilities, predicted_values
from headrace.core.models.objectives import prediction_intervals
from headrace.core.models.objectives.build_pipeline import build_pipeline, find_obstacle
from headrace.core.models.objectives.class_weights import ClassWeights
from headrace.core.splits import folds
from headrace.core.statistics import metrics

PROMISE, MOST_ROWS, CUTS = 0.9, 4000, 5
NUMBERS = ("Wage", "Bikeshare", "College", "Hitters", "Boston", "Carseats")
COUNTS = ("Bikeshare", "College")
RARE = ("Default", "Caravan")
FAMILIES = ("linear", "logistic", "random_forest", "hist_gradient_boosting")
Measures = dict[str, float]


class Problem:
    """A table, divided by a seed."""

    def __init__(self, table: Table, contract: Contract, seed: int) -> None:
        rows = np.arange(table.frame.height)
        target = model_matrix.encode_target(table.frame, contract)
        count = min(MOST_ROWS, int(0.7 * len(rows)))
        classes = None if contract.task == "regression" else target
        self.kept, self.held = train_test_split(rows, train_size=count, stratify=classes, random_state=seed)
        self.contract, self.seed, self.frame = contract, seed, table.frame[self.kept]
        self.encoded = model_matrix.encode(table.frame, contract)
        self.target = target

    def make(self, family: str) -> Any:
        """Return a new pipeline."""
        return build_pipeline(families.family(family), self.contract, parameters={}, seed=self.seed)

    def fit(self, family: str, weights: ClassWeights | None = None) -> Any:
        """Return a pipeline fitted on the training rows."""
        pipeline = self.make(family)
        fitting.fit(pipeline, self.encoded[self.kept], self.target[self.kept], weights=weights)
        return pipeline

    def out_of_fold(self, family: str, weights: ClassWeights | None = None) -> Any:
        """Return out-of-fold predictions for the training rows."""
        target = self.target[self.kept]
        divided = folds.make(self.frame, target, self.contract, seed=self.seed)
        classes = len(matrix_layout.classes(self.contract))
        made = fitting.out_of_fold(
            lambda: self.make(family), self.encoded[self.kept], target, folds=divided, classes=classes, weights=weights
        )
        return made.predictions


def intervals(problem: Problem, family: str) -> Iterator[tuple[str, Measures]]:
    """Measure coverage and width, with ranges and with one."""
    values = predicted_values(problem.fit(family), problem.encoded[problem.held])
    actual, held_out = problem.target[problem.held], problem.out_of_fold(family)
    for name, most in (("ranges", 10), ("one range", 1)):
        prediction_intervals._MOST_RANGES = most  # noqa: SLF001 - the one thing that the arms differ in
        found = prediction_intervals.calibrate(problem.target[problem.kept], held_out, coverage=PROMISE)
        lower, upper = found.bounds(values)
        inside = (actual >= lower) & (actual <= upper)
        tenths = np.array_split(np.argsort(values), 10)
        yield (
            name,
            {
                "coverage": inside.mean(),
                "lowest of ten parts": min(inside[part].mean() for part in tenths),
                "width": (upper - lower).mean(),
            },
        )


def counts(problem: Problem, family: str) -> Iterator[tuple[str, Measures]]:
    """Measure the Poisson deviance of both objectives; a mean below the smallest count's share is raised to it."""
    least = 0.5 / len(problem.kept)
    for objective in ("mean", "count"):
        problem.contract = replace(problem.contract, objective=objective)
        values = predicted_values(problem.fit(family), problem.encoded[problem.held])
        deviances = metrics.poisson_deviances(problem.target[problem.held], np.maximum(values, least))
        yield objective, {"deviance": deviances.mean(), "below 0": (values < 0).mean()}


def weights(problem: Problem, family: str) -> Iterator[tuple[str, Measures]]:
    """Measure three ways to treat a rare class."""
    positive = matrix_layout.positive(problem.contract)
    actual = problem.target[problem.held] == positive
    costs = decision_threshold.Costs(1.0, 10.0)
    balanced = ClassWeights(None)
    for name, asked in (("none", None), ("balanced", balanced), ("not taken out", balanced)):
        rows = problem.encoded[problem.held]
        chances = predicted_probabilities(problem.fit(family, asked), rows, 2)
        held_out = problem.out_of_fold(family, asked)
        if name == "not taken out":
            by_class = balanced.by_class(problem.target[problem.kept])
            chances, held_out = (one * by_class for one in (chances, held_out))
            chances, held_out = (one / one.sum(axis=1, keepdims=True) for one in (chances, held_out))
        points = decision_threshold.from_predictions(problem.target[problem.kept], held_out, positive=positive)
        threshold = decision_threshold.choose(points, costs, rows=len(problem.kept)).threshold
        scores = chances[:, positive]
        said = scores >= threshold
        yield (
            name,
            {
                "log loss": reference.log_loss(actual, scores, labels=[False, True]),
                "ROC AUC": reference.roc_auc_score(actual, scores),
                "average precision": reference.average_precision_score(actual, scores),
                "calibration error": calibration_error(actual, scores),
                "cost": float((said & ~actual).mean() + 10 * (~said & actual).mean()),
            },
        )


def calibration_error(actual: Any, scores: Any) -> float:
    """Return the mean distance of predicted and actual shares in ten parts of equal size."""
    parts = np.array_split(np.argsort(scores), 10)
    return float(sum(len(part) * abs(scores[part].mean() - actual[part].mean()) for part in parts) / len(scores))


def order(problem: Problem, family: str) -> Iterator[tuple[str, Measures]]:
    """Measure one model for each cut between classes beside one model of all classes."""
    rows, target = problem.encoded[problem.held], problem.target
    edges = np.quantile(target[problem.kept], np.linspace(0, 1, CUTS + 1)[1:-1])
    classes = np.searchsorted(np.unique(edges), target, side="right")
    k = classes.max() + 1
    kept, actual = problem.encoded[problem.kept], classes[problem.held]

    def chances(labels: Any, width: int) -> Any:
        pipeline = families.family(family).build(
            matrix_layout.columns(problem.contract), task="multiclass", parameters={}, seed=problem.seed
        )
        fitting.fit(pipeline, kept, labels)
        return predicted_probabilities(pipeline, rows, width)

    above = [chances((classes[problem.kept] > cut).astype(np.int64), 2)[:, 1] for cut in range(k - 1)]
    falling = np.minimum.accumulate(np.stack([np.ones(len(rows)), *above, np.zeros(len(rows))], axis=1), axis=1)
    for name, found in (("all classes", chances(classes[problem.kept], k)), ("cuts", -np.diff(falling, axis=1))):
        held = np.clip(found, 1e-6, None)
        held /= held.sum(axis=1, keepdims=True)
        yield (
            name,
            {
                "log loss": metrics.log_losses(actual, held).mean(),
                "ranked probability": metrics.ranked_probability_scores(actual, held).mean(),
                "kappa": reference.cohen_kappa_score(actual, held.argmax(axis=1), weights="quadratic"),
            },
        )


QUESTIONS = (
    ("intervals", intervals, NUMBERS),
    ("counts", counts, COUNTS),
    ("weights", weights, RARE),
    ("order", order, NUMBERS),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of CSV files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", help="names of questions, separated by commas")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for question, measure, names in QUESTIONS:
            if given.only and question not in given.only.split(","):
                continue
            for name in names:
                target, drop = FILES[name]
                source = Source(name.lower(), "", target, 0, file=f"{name}.csv", drop=drop)
                table = tuning_data.read(source, given.tables, Path(scratch) / question / name)
                contract = replace(table.contract, objective="count") if question == "counts" else table.contract
                usual = [one for one in FAMILIES if contract.task in families.family(one).tasks]
                usual = ["logistic", *FAMILIES[2:]] if question == "order" else usual
                for family in usual:
                    if question == "counts" and find_obstacle(family, contract):
                        continue
                    rows += measured(table, contract, family, (question, measure), given.seeds)
    print(json.dumps(rows))


def measured(table: Table, contract: Contract, family: str, question: Any, seeds: int) -> list[dict[str, Any]]:
    """Measure a table and a family for each seed, and print the means."""
    found: dict[str, list[Measures]] = defaultdict(list)
    for seed in range(seeds):
        for name, values in question[1](Problem(table, contract, seed), family):
            found[name].append({key: float(value) for key, value in values.items()})
    rows = []
    for name, runs in found.items():
        means = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
        print(
            f"{question[0]:10s} {table.name:10s} {family:24s} {name:14s} "
            + "  ".join(f"{key} {value:.4g}" for key, value in means.items()),
            flush=True,
        )
        rows.append({"question": question[0], "table": table.name, "family": family, "arm": name, **means})
    return rows


if __name__ == "__main__":
    main()
