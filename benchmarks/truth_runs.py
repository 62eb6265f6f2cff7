"""One run of the line on one simulated table, by the suite's own functions, beside what is true."""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from truth_cells import Cell
from truth_measure import Known
from truth_tables import Drawn, Floats, Fresh, contract, draw

from headrace.core import (
    evaluate,
    families,
    fitting,
    folds,
    gate,
    layout,
    matrix,
    model,
    model_files,
    split,
    split_table,
    thresholds,
    train,
)
from headrace.core.contract import Contract
from headrace.core.errors import UserError
from headrace.core.thresholds import Costs
from headrace.experiments import keeping, tune
from headrace.experiments.nested import nested
from headrace.experiments.search import search
from headrace.experiments.study import Study
from headrace.experiments.trial import CrossValidation

COSTS = {"1:1": Costs(1, 1), "1:5": Costs(1, 5)}


@dataclass(frozen=True)
class Estimate:
    """A metric as it was reported, and as it is.

    Attributes:
        value: On the test part.
        low: Lower end of the interval.
        high: Upper end.
        truth: On the population.
    """

    value: float
    low: float
    high: float
    truth: float


@dataclass(frozen=True)
class Run:
    """What one run said, and what is true.

    Attributes:
        refused: The sentence with which it was refused; empty if it was not.
        share: Share of the rows in the test part.
        metrics: Estimates by name of the metric.
        verdict: The gate's word.
        calibration: Mean predicted minus mean actual, and the expected calibration error.
        costs: By ratio of costs (false positive to false negative) the true cost at the chosen threshold, at 0.5 and at
            the best threshold.
        search: ``score`` (the best of the search), ``nested``, ``nested_low``, ``nested_high``, ``truth``, and
            ``sign`` (1 where more is better).
        same: Whether the same rows in another order had the same test part, and in the same order the same model; None
            where it was not looked at.
    """

    refused: str = ""
    share: float = float("nan")
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    verdict: str = ""
    calibration: tuple[float, float] = (float("nan"), float("nan"))
    costs: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    search: Mapping[str, float] = field(default_factory=dict)
    same: bool | None = None


@dataclass(frozen=True)
class Task:
    """One simulated table, drawn, with the rows by which the truth is told; the peers get the same."""

    cell: Cell
    seed: int
    drawn: Drawn
    contract: Contract
    plan: split.Plan
    fresh: Fresh

    @classmethod
    def of(cls, cell: Cell, *, seed: int, place: int) -> "Task":
        """Draw the table of a run.

        Args:
            cell: What is simulated.
            seed: Seed of the benchmark.
            place: Number of the run.
        """
        rng = np.random.default_rng([seed, zlib.crc32(cell.name.encode()), place])
        drawn, agreed = draw(cell.table, cell.rows, rng), contract(cell.table)
        own = int(rng.integers(2**31))
        plan = split.plan(agreed, seed=own)
        if plan.method == "time":
            times = drawn.frame.get_column(agreed.time_column)
            plan = replace(plan, cut=split_table.find_cut(times, test_size=plan.test_size, column=agreed.time_column))
        return cls(cell, own, drawn, agreed, plan, drawn.fresh(cell.fresh, plan.cut))

    def encoded(self, frame: pl.DataFrame) -> Floats:
        """The matrix of some rows."""
        return matrix.encode(frame, self.contract)

    def make(self, parameters: Mapping[str, Any] | None = None, family: str = "") -> Any:
        """A new unfitted pipeline."""
        kind = families.family(family or self.cell.family)
        columns = layout.columns(self.contract)
        return kind.build(columns, task=self.contract.task, parameters=parameters or {}, seed=self.seed)


def run(task: Task, *, looked_at_twice: bool = False) -> Run:
    """Run the line once.

    Args:
        task: The table.
        looked_at_twice: Whether split and fit are repeated, to compare digests.
    """
    try:
        return _run(task, twice=looked_at_twice)
    except UserError as error:
        return Run(refused=str(error))


def _run(task: Task, *, twice: bool) -> Run:
    agreed = task.contract
    early, late = sides(task, task.drawn.frame)
    searched: dict[str, float] = {}
    if task.cell.search:
        fitted, searched = _searched(task, early)
    else:
        fitted = fit(task, early)
    plan = evaluate.Plan(seed=task.seed)
    points = fitted.operating_points
    fitted = evaluate.with_best_threshold(fitted, plan.costs)
    known_target = matrix.encode_target(early, agreed)
    found = evaluate.evaluate(fitted, late, train_target=known_target, parts=[], plan=plan)
    verdict = gate.decide(
        found, found["baseline"]["comparison"], against="baseline", thresholds=gate.Thresholds({})
    )
    known = Known.of(fitted.pipeline, task.encoded(task.fresh.rows), task.fresh)
    truth = known.metrics(threshold=fitted.threshold)
    if searched:
        searched["truth"] = known.metrics()[task.cell.search_metric]
    return Run(
        share=late.height / task.drawn.frame.height,
        metrics={
            name: Estimate(one["value"], one["low"], one["high"], truth[name]) for name, one in found["metrics"].items()
        },
        verdict=verdict["verdict"],
        calibration=known.calibration(),
        costs=_costs(known, points),
        search=searched,
        same=_same(task, early, late, fitted) if twice else None,
    )


def sides(task: Task, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The train part and the test part, or the refusal of the split."""
    sided = split.assign(frame, task.contract, plan=task.plan)
    counts = split_table.Sides.none()
    counts.add(sided, task.contract)
    counts.require(task.contract, task.plan)
    return split_table.parts(sided)


def fit(task: Task, early: pl.DataFrame) -> model.Model:
    """Fit as ``train.train_model`` does, without files."""
    agreed = task.contract
    encoded, target = matrix.encode(early, agreed), matrix.encode_target(early, agreed)
    pipeline = task.make()
    fitting.fit(pipeline, encoded, target)
    points: tuple[thresholds.OperatingPoint, ...] = ()
    if agreed.task == "binary":
        made = folds.make(early, target, agreed, seed=task.seed)
        found = fitting.out_of_fold(task.make, encoded, target, folds=made, classes=2)
        points = thresholds.of_predictions(target, found.predictions, positive=layout.positive(agreed))
    return model.Model(
        pipeline=pipeline,
        contract=agreed,
        family=task.cell.family,
        parameters={},
        seed=task.seed,
        train={"rows": len(target), "digest": train.digest(encoded, target)},
        operating_points=points,
    )


def _searched(task: Task, early: pl.DataFrame) -> tuple[model.Model, dict[str, float]]:
    """Search as the line does, fit the best, and cross-validate the search itself."""
    agreed, cell = task.contract, task.cell
    study = Study.of(early, agreed, seed=task.seed)
    wish = tune.Wish(families=cell.search, budget=str(cell.trials), seed=task.seed)
    plan = tune.make_plan(wish, agreed.task, columns=len(layout.columns(agreed)))
    with CrossValidation.on(study.sample, plan.objective) as cross:
        best = search(plan, cross).best
        points = keeping.operating_points(study, cross.predictions(best))
    encoded, target = matrix.encode(early, agreed), matrix.encode_target(early, agreed)
    pipeline = task.make(best.parameters, best.family)
    fitting.fit(pipeline, encoded, target)
    fitted = model.Model(
        pipeline=pipeline,
        contract=agreed,
        family=best.family,
        parameters=best.parameters,
        seed=task.seed,
        train={"rows": len(target), "digest": train.digest(encoded, target)},
        operating_points=points,
    )
    outer = nested(plan, study)
    scores = np.array([one.score for one in outer.folds])
    error = scores.std(ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else float("nan")
    reach = cell.student(len(scores)) * error
    return fitted, {
        "score": float(best.score or 0.0),
        "nested": outer.score,
        "nested_low": outer.score - reach,
        "nested_high": outer.score + reach,
        "sign": 1.0 if plan.objective.type == "maximize" else -1.0,
    }


def _costs(
    known: Known, points: tuple[thresholds.OperatingPoint, ...]
) -> dict[str, tuple[float, float, float]]:
    if not points:
        return {}
    found = {}
    for name, costs in COSTS.items():
        chosen, half, best = known.costs([thresholds.choose(points, costs).threshold, 0.5], costs)
        found[name] = (chosen, half, best)
    return found


def _same(task: Task, early: pl.DataFrame, late: pl.DataFrame, fitted: model.Model) -> bool:
    """The same rows in another order have the same test part; the same rows in the same order the same model."""
    mixed = task.drawn.frame.sample(fraction=1, shuffle=True, seed=task.seed)
    names = late.columns
    again = sides(task, mixed)[1]
    if not again.sort(names).equals(late.sort(names)):
        return False
    if task.cell.search:
        return True
    return _digest(fit(task, early)) == _digest(fitted)


def _digest(fitted: model.Model) -> str:
    """Of the fitted pipeline and of what it was fitted on."""
    state = hashlib.sha256(model_files.dumps(fitted.pipeline))
    state.update(str(fitted.train["digest"]).encode())
    return state.hexdigest()
