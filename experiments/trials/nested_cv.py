"""Nested cross-validation: an estimate of a search's performance on new rows.

The best of many scores is too optimistic, because it was selected as the best (Cawley and Talbot 2010, On Over-fitting
in Model Selection, JMLR 11). Here each outer fold is held out in turn, the whole search runs on the other rows, and its
choice is scored on the fold. The interval of the mean of these scores is that of Nadeau and Bengio
(``core/evaluation/fold_overlap``): it describes such searches on as many rows of the same population, not the one model
that a search ends with.
"""

import math
from collections.abc import Callable

from headrace.core.base.errors import DataError
from headrace.core.evaluation import fold_overlap
from headrace.core.evaluation.fold_scores import scores
from headrace.core.evaluation.search_trials import NestedEstimate, OuterFold, Trial
from headrace.core.features import matrix_layout
from headrace.core.models import families, fitting
from headrace.core.models.objectives.build_pipeline import build_pipeline
from headrace.core.models.objectives.class_weights import ClassWeights
from headrace.core.splits.folds import Fold
from headrace.core.statistics.intervals import bounds
from headrace.experiments.search.loop import SearchPlan, search
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.finish_search import finish_search
from headrace.experiments.trials.study import Study
from headrace.experiments.trials.trial_predictions import TrialPredictions


def run_nested_search(plan: SearchPlan, study: Study, *, say: Callable[[str], None] = lambda _: None) -> NestedEstimate:
    """Search once for each fold of a study, on the rows outside of it.

    Args:
        plan: The search; each fold has its whole budget.
        study: Rows and folds.
        say: Takes a progress message.

    Returns:
        The mean score of the outer folds in the objective's unit, with its 95 % interval.

    Raises:
        DataError: If a search finds nothing, or no fold defines the objective.
    """
    outer, scored = [], []
    for number, fold in enumerate(study.folds, start=1):
        say(f"nested cross-validation, fold {number} of {len(study.folds)}")
        outer_fold = _outer(plan, study, fold)
        if math.isfinite(outer_fold.score):
            outer.append(outer_fold)
            scored.append(fold)
    if not outer:
        raise DataError(f"nested cross-validation must have a fold that defines {plan.objective.metric}; got none.")
    score = sum(estimate.score for estimate in outer) / len(outer)
    inner_score = sum(estimate.inner_score for estimate in outer) / len(outer)
    gain = inner_score - score if plan.objective.type == "maximize" else score - inner_score
    low, high = fold_overlap.interval_of_mean([estimate.score for estimate in outer], scored) or (None, None)
    if low is not None and high is not None:  # the interval of Student's t may exceed the bounds of the metric
        lower_bound, upper_bound = bounds(plan.objective.metric, classes=len(matrix_layout.classes(study.contract)))
        low, high = max(low, lower_bound), min(high, upper_bound)
    return NestedEstimate(tuple(outer), score=score, inner_score=inner_score, optimism=gain, low=low, high=high)


def _outer(plan: SearchPlan, study: Study, fold: Fold) -> OuterFold:
    inner = study.part(fold.fitted)
    kept = None if plan.ensemble == "off" else TrialPredictions(plan.objective)
    with CrossValidation.on(inner.sample, plan.objective, kept=kept) as run:
        found, _ = finish_search(search(plan, run), plan, run)
    best = found.model
    return OuterFold(best.family, best.parameters, best.score or 0.0, _score(best, plan, study, fold))


def _score(best: Trial, plan: SearchPlan, study: Study, fold: Fold) -> float:
    """Return the score of the chosen parameters on the rows of a fold, fitted on the others."""
    sample, contract = study.sample, study.contract
    family = families.family(best.family)
    out_of_fold = fitting.out_of_fold(
        lambda: build_pipeline(family, contract, parameters=best.parameters, seed=study.seed),
        sample.encoded,
        sample.target,
        folds=(fold,),
        classes=len(matrix_layout.classes(contract)),
        weights=ClassWeights.of(contract),
    )
    metric = plan.objective.metric
    return scores(sample.target, out_of_fold.predictions, folds=(fold,), contract=contract, metric=metric)[0]
