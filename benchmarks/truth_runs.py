"""One run of the line on one simulated table, by the suite's own functions, beside what is true."""

import hashlib
from collections.abc import Sequence

import polars as pl
from truth_measure import Known
from truth_searches import searched
from truth_task import Estimate, Run, Task

from headrace.core.base.errors import UserError
from headrace.core.evaluation import evaluate, gate
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import decision_threshold, fitted_model, fitting, skops_file, train
from headrace.core.models.decision_threshold import Costs, OperatingPoint
from headrace.core.splits import folds, split, split_table

COSTS = {"1:1": Costs(1, 1), "1:5": Costs(1, 5)}


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
    fitted, told = searched(task, early) if task.cell.search else (fit(task, early), {})
    plan = EvaluationPlan(seed=task.seed)
    points = fitted.operating_points
    fitted = evaluate.with_best_threshold(fitted, plan.costs)
    known_target = model_matrix.encode_target(early, agreed)
    found = evaluate.evaluate(fitted, late, train_target=known_target, parts=[], plan=plan)
    verdict = gate.decide(found, found.baseline.comparison, against="baseline", metric_bounds=gate.MetricBounds({}))
    known = Known.of(fitted.pipeline, task.encoded(task.fresh.rows), task.fresh)
    truth = known.metrics(threshold=fitted.threshold)
    if told:
        told["truth"] = known.metrics()[task.cell.main]
    return Run(
        share=late.height / task.drawn.frame.height,
        metrics={name: Estimate(one.value, one.low, one.high, truth[name]) for name, one in found.metrics.items()},
        verdict=verdict.verdict,
        calibration=known.calibration(),
        costs=_costs(known, points),
        search=told,
        same=_same(task, early, late, fitted) if twice else None,
    )


def sides(task: Task, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The train part and the test part, or the refusal of the split."""
    sided = split.assign(frame, task.contract, plan=task.plan)
    counts = split_table.SideCounts.none()
    counts.add(sided, task.contract)
    counts.require(task.contract, task.plan)
    return sided.filter(~pl.col(split.TEST)).drop(split.TEST), sided.filter(pl.col(split.TEST)).drop(split.TEST)


def fit(task: Task, early: pl.DataFrame) -> fitted_model.Model:
    """Fit as ``train.train_model`` does, without files."""
    agreed = task.contract
    encoded, target = model_matrix.encode(early, agreed), model_matrix.encode_target(early, agreed)
    pipeline = task.make()
    fitting.fit(pipeline, encoded, target)
    points: tuple[OperatingPoint, ...] = ()
    if agreed.task == "binary":
        made = folds.make(early, target, agreed, seed=task.seed)
        found = fitting.out_of_fold(task.make, encoded, target, folds=made, classes=2)
        points = decision_threshold.from_predictions(target, found.predictions, positive=matrix_layout.positive(agreed))
    return fitted_model.Model(
        pipeline=pipeline,
        contract=agreed,
        family=task.cell.family,
        parameters={},
        seed=task.seed,
        train={"rows": len(target), "digest": train.digest(encoded, target)},
        operating_points=points,
    )


def _costs(known: Known, points: Sequence[OperatingPoint]) -> dict[str, tuple[float, float, float]]:
    if not points:
        return {}
    found = {}
    for name, costs in COSTS.items():
        chosen, half, best = known.costs([decision_threshold.choose(points, costs).threshold, 0.5], costs)
        found[name] = (chosen, half, best)
    return found


def _same(task: Task, early: pl.DataFrame, late: pl.DataFrame, fitted: fitted_model.Model) -> bool:
    """The same rows in another order have the same test part; the same rows in the same order the same model."""
    mixed = task.drawn.frame.sample(fraction=1, shuffle=True, seed=task.seed)
    names = late.columns
    again = sides(task, mixed)[1]
    if not again.sort(names).equals(late.sort(names)):
        return False
    if task.cell.search:
        return True
    return _digest(fit(task, early)) == _digest(fitted)


def _digest(fitted: fitted_model.Model) -> str:
    """Of the fitted pipeline and of what it was fitted on."""
    state = hashlib.sha256(skops_file.dumps(fitted.pipeline))
    state.update(str(fitted.train["digest"]).encode())
    return state.hexdigest()
