"""Nested cross-validation: what a search is worth on rows that it has not seen.

The best of many scores flatters, for it was chosen by them (Cawley and Talbot 2010, On Over-fitting in Model Selection,
JMLR 11). Here each outer fold is held out in turn, the whole search runs on the other rows, and what it chose is scored
on the fold. The interval of the mean of these scores is that of Nadeau and Bengio
(``core/evaluation/fold_overlap``): it speaks of such searches on as many rows from where these came from, not of the
one model that a search ends with.
"""

import math
from collections.abc import Callable

from headrace.core.base.errors import DataError
from headrace.core.evaluation import fold_overlap
from headrace.core.evaluation.fold_scores import scores
from headrace.core.features import matrix_layout
from headrace.core.models import families, fitting
from headrace.core.splits.folds import Fold
from headrace.core.statistics.intervals import bounds
from headrace.experiments.search.loop import SearchPlan, search
from headrace.experiments.search.result import NestedEstimate, OuterFold, Trial
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study


def run_nested_search(plan: SearchPlan, study: Study, *, say: Callable[[str], None] = lambda _: None) -> NestedEstimate:
    """Search once for each fold of a study, on the rows outside of it.

    Args:
        plan: What is searched; each search has its whole budget.
        study: Rows and folds.
        say: Takes a line about how far it is.

    Raises:
        DataError: If a search finds nothing, or no fold defines the objective.
    """
    outer, scored = [], []
    for place, fold in enumerate(study.folds, start=1):
        say(f"nested cross-validation, fold {place} of {len(study.folds)}")
        found = _outer(plan, study, fold)
        if math.isfinite(found.score):
            outer.append(found)
            scored.append(fold)
    if not outer:
        raise DataError(f"nested cross-validation must have a fold that defines {plan.objective.metric}; got none.")
    score = sum(one.score for one in outer) / len(outer)
    searched = sum(one.searched for one in outer) / len(outer)
    gain = searched - score if plan.objective.type == "maximize" else score - searched
    low, high = fold_overlap.interval_of_mean([one.score for one in outer], scored) or (None, None)
    if low is not None and high is not None:
        least, most = bounds(plan.objective.metric, classes=len(matrix_layout.classes(study.contract)))
        low, high = max(low, least), min(high, most)
    return NestedEstimate(tuple(outer), score=score, searched=searched, optimism=gain, low=low, high=high)


def _outer(plan: SearchPlan, study: Study, fold: Fold) -> OuterFold:
    inner = study.part(fold.fitted)
    with CrossValidation.on(inner.sample, plan.objective) as run:
        best = search(plan, run).best
    return OuterFold(best.family, best.parameters, best.score or 0.0, _score(best, plan, study, fold))


def _score(best: Trial, plan: SearchPlan, study: Study, fold: Fold) -> float:
    """What the chosen parameters are worth on the rows of a fold, fitted on the others."""
    sample, contract = study.sample, study.contract
    family = families.family(best.family)
    found = fitting.out_of_fold(
        lambda: family.build(
            matrix_layout.columns(contract), task=contract.task, parameters=best.parameters, seed=study.seed
        ),
        sample.encoded,
        sample.target,
        folds=(fold,),
        classes=len(matrix_layout.classes(contract)),
    )
    metric = plan.objective.metric
    return scores(sample.target, found.predictions, folds=(fold,), contract=contract, metric=metric)[0]
