"""The model of a table without labels: nothing compares trials there, so that a family's defaults are fitted."""

from pathlib import Path

import numpy as np

from headrace.core.base.errors import InputError, quote
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.loop import SearchPlan
from headrace.experiments.trials import best_bundle
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study

REASON = "NoLabels"
NO_ENSEMBLE = "There is no ensemble: without labels of both kinds nothing compares trials."


def lacks_labels(study: Study) -> bool:
    """Return whether a study is of an anomaly task whose rows lack labelled anomalies, or labelled other rows."""
    labels = study.sample.target
    return study.contract.task == "anomaly" and not {0.0, 1.0} <= set(np.unique(labels[~np.isnan(labels)]).tolist())


def fit_defaults(plan: SearchPlan, study: Study, *, bundle: Path, nested: bool) -> Trial:
    """Fit the defaults of the plan's first family and write their bundle.

    Args:
        plan: The search that cannot be made.
        study: Rows and folds.
        bundle: Folder of the bundle.
        nested: Whether the search was to be cross-validated.

    Raises:
        InputError: If the plan is more than a family's defaults.
        DataError: If the model cannot be fitted.
    """
    if not plan.defaults or nested or plan.ensemble not in {"off", "auto"}:
        raise InputError(
            "an Experiment, a nested search or an ensemble compares trials by labels, and the training rows hold no "
            "labels of both kinds; leave the option out, or name a column with labels as the target."
        )
    family = plan.experiments[0].family
    trial = Trial(0, f"{plan.experiments[0].name}-000", plan.experiments[0].name, family, {}, "metrics_unavailable")
    with CrossValidation.on(study.sample, plan.objective) as run:
        predictions = run.predictions(trial)
    best_bundle.save(trial, study, predictions, bundle, metric=plan.objective.metric)
    return trial


def check_families(names: tuple[str, ...]) -> None:
    """Raise if a user names several families for a table without labels.

    Raises:
        InputError: If so.
    """
    if len(set(names)) > 1:
        raise InputError(
            f"one family must be named for a table without labels, by which models could be compared; got "
            f"{quote(list(names))}."
        )
