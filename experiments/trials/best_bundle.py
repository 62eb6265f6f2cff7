"""The bundle of a trial: its model, fitted on all training rows, and what its cross-validation says of it."""

from pathlib import Path
from typing import Any

import numpy as np

from headrace.core.bundles.bundle import Bundle
from headrace.core.evaluation import evaluate
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import decision_threshold, families, fitting
from headrace.core.models.fitted_model import Model
from headrace.core.models.train import digest
from headrace.core.packaging.package import BundleContent, assemble
from headrace.core.splits import clusters
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from headrace.experiments.search.result import Trial
from headrace.experiments.trials.cross_validation import Predictions
from headrace.experiments.trials.study import Study

# Enough to compare two engines on, and to choose test cases from.
_MOST_ROWS = 2000


def keep(trial: Trial, study: Study, predictions: Predictions, folder: Path, *, metric: str) -> Bundle:
    """Make the bundle of a trial; no row of a test part has to do with it.

    Args:
        trial: The trial.
        study: Rows and folds.
        predictions: Its out-of-fold predictions for the study's rows: probabilities (m, k) or values (m,).
        folder: Where it is to lie.
        metric: Name of the objective's metric.

    Returns:
        The bundle. Its metrics are those of the out-of-fold predictions.

    Raises:
        DataError: If the model cannot be fitted on all rows.
    """
    fitted = _fit_model(trial, study, predictions)
    return assemble(
        folder,
        BundleContent(
            model=fitted,
            test=study.frame.head(_MOST_ROWS),
            evaluation=_evaluation(fitted, study, predictions),
            verdict=None,
            checks={},
            best=best_parameters(trial, study, metric=metric),
        ),
        source={"source": "", "digest": study.digest, "rows": study.frame.height, "columns": study.frame.width},
    )


def best_parameters(trial: Trial, study: Study, *, metric: str) -> dict[str, Any]:
    """What ``train`` needs of a trial, and what its bundle says of the search."""
    return {
        "family": trial.family,
        "parameters": trial.parameters,
        "score": trial.score,
        "metric": metric,
        "folds": len(study.folds),
        "rows": len(study.rows),
    }


def _fit_model(trial: Trial, study: Study, predictions: Predictions) -> Model:
    contract, family = study.contract, families.family(trial.family)
    encoded, target = model_matrix.encode(study.frame, contract), model_matrix.encode_target(study.frame, contract)
    pipeline = family.build(
        matrix_layout.columns(contract), task=contract.task, parameters=trial.parameters, seed=study.seed
    )
    fitting.fit(pipeline, encoded, target)
    made = Model(
        pipeline=pipeline,
        contract=contract,
        family=family.name,
        parameters=trial.parameters,
        seed=study.seed,
        train={"rows": len(target), "digest": digest(encoded, target)},
        operating_points=operating_points(study, predictions),
    )
    return evaluate.with_best_threshold(made, decision_threshold.Costs())


def operating_points(study: Study, predictions: Predictions) -> tuple[decision_threshold.OperatingPoint, ...]:
    """Out-of-fold errors by threshold; none unless there are two classes.

    The sample of a large table holds more of a rare class than its share: the thresholds are those of all rows.
    """
    if study.contract.task != "binary":
        return ()
    shares = None
    if len(study.rows) < study.frame.height:
        counts = np.bincount(model_matrix.encode_target(study.frame, study.contract).astype(np.int64), minlength=2)
        shares = (float(counts[0] / counts.sum()), float(counts[1] / counts.sum()))
    positive = matrix_layout.positive(study.contract)
    return decision_threshold.of_predictions(study.sample.target, predictions, positive=positive, shares=shares)


def _evaluation(fitted: Model, study: Study, predictions: Predictions) -> dict[str, Any]:
    held = np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1)
    actual, found = study.sample.target[held], predictions[held]
    if study.contract.task == "regression":
        outcome = EvaluatedRows(task="regression", actual=actual, values=found)
    else:
        index = {label: place for place, label in enumerate(fitted.classes)}
        labels = np.array([index[label] for label in fitted.labels(found)], dtype=np.int64)
        outcome = EvaluatedRows(
            task=study.contract.task, actual=actual, probabilities=found, labels=labels, positive=fitted.positive
        )
    plan = evaluate.EvaluationPlan(seed=study.seed)
    drawn = clusters.find(study.frame[study.rows[held]], study.contract)
    return evaluate.assess(
        outcome,
        fitted,
        train_target=study.sample.target,
        plan=plan,
        clusters=drawn,
        folds=study.folds,
        on="cross-validation",
    )
