"""The last decision of a search: its best trial, or an ensemble of its trials."""

from dataclasses import replace

from headrace.experiments.ensembles.choose_ensemble import choose_model
from headrace.experiments.ensembles.fold_metric import FoldMetric
from headrace.experiments.search.loop import SearchPlan
from headrace.experiments.search.result import SearchResult
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.trial_predictions import Predictions


def finish_search(found: SearchResult, plan: SearchPlan, run: CrossValidation) -> tuple[SearchResult, Predictions]:
    """Choose what a search ends with.

    Args:
        found: Its trials.
        plan: The search.
        run: Has the out-of-fold predictions of its trials.

    Returns:
        The result with the choice, and the out-of-fold predictions, (n, k) or (n,), of what was chosen.
    """
    sample = run.sample
    chosen = choose_model(
        found.trials,
        found.best,
        predictions_of=run.predictions,
        metric=FoldMetric(sample.target, sample.folds, sample.contract, plan.objective.metric),
        choice=plan.ensemble,
    )
    return replace(found, chosen=chosen.trial, ensemble=chosen.estimate), chosen.predictions
