"""The suite's own search on one simulated table, and what it says of itself."""

import numpy as np
import polars as pl
from scipy.stats import t as student
from truth_task import Task

from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import fitted_model, fitting, train
from headrace.experiments.search.loop import search
from headrace.experiments.trials import best_bundle
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.nested_cv import run_nested_search
from headrace.experiments.trials.study import Study
from headrace.experiments.tuners import tune

_QUANTILE = 0.975


def searched(task: Task, early: pl.DataFrame) -> tuple[fitted_model.Model, dict[str, float]]:
    """Search as the line does, fit the best on all training rows, and cross-validate the search itself.

    The suite gives no interval of nested cross-validation; here it is Student's, of the mean of the outer folds, which
    share rows: it need not hold.

    Args:
        task: The table.
        early: Its training rows.

    Returns:
        The fitted model, and ``score`` (the best of the search), ``nested``, ``nested_low``, ``nested_high`` and
        ``sign`` (1 where more is better).
    """
    agreed, cell = task.contract, task.cell
    study = Study.of(early, agreed, seed=task.seed)
    wish = tune.SearchOptions(families=cell.search, budget=str(cell.trials), seed=task.seed)
    plan = tune.make_plan(wish, agreed.task, columns=len(matrix_layout.columns(agreed)))
    with CrossValidation.on(study.sample, plan.objective) as cross:
        best = search(plan, cross).best
        points = best_bundle.operating_points(study, cross.predictions(best))
    encoded, target = model_matrix.encode(early, agreed), model_matrix.encode_target(early, agreed)
    pipeline = task.make(best.parameters, best.family)
    fitting.fit(pipeline, encoded, target)
    fitted = fitted_model.Model(
        pipeline=pipeline,
        contract=agreed,
        family=best.family,
        parameters=best.parameters,
        seed=task.seed,
        train={"rows": len(target), "digest": train.digest(encoded, target)},
        operating_points=points,
    )
    outer = run_nested_search(plan, study)
    reach = _reach([one.score for one in outer.folds])
    return fitted, {
        "score": float(best.score or 0.0),
        "nested": outer.score,
        "nested_low": outer.score - reach,
        "nested_high": outer.score + reach,
        "sign": 1.0 if plan.objective.type == "maximize" else -1.0,
    }


def _reach(scores: list[float]) -> float:
    """Half the width of Student's 95 % interval of a mean; NaN of one score."""
    count = len(scores)
    if count < 2:
        return float("nan")
    return float(student.ppf(_QUANTILE, count - 1) * np.std(scores, ddof=1) / np.sqrt(count))
