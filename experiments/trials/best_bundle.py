"""The bundle of a trial: its model, fitted on all training rows, with the metrics of its cross-validation."""

from pathlib import Path
from typing import Any

import numpy as np

from headrace.core.bundles.bundle import Bundle
from headrace.core.evaluation import evaluate
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.evaluation.search_trials import Trial
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import decision_threshold, families, fitting
from headrace.core.models.anomaly.alert_threshold import ScoreSample
from headrace.core.models.fitted_model import Model
from headrace.core.models.train import digest_of_fit
from headrace.core.packaging.package import BundleContent, assemble
from headrace.core.splits import clusters
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from headrace.experiments.trials.cross_validation import Predictions
from headrace.experiments.trials.study import Study

# Enough to compare two engines, and to choose test cases from.
_MOST_ROWS = 2000


def save(trial: Trial, study: Study, predictions: Predictions, folder: Path, *, metric: str) -> Bundle:
    """Write the bundle of a trial, without using any row of a test part.

    Args:
        trial: The trial.
        study: Rows and folds.
        predictions: Its out-of-fold predictions for the study's rows: probabilities (m, k) or values (m,).
        folder: Folder of the bundle.
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
            checks=None,
            best=best_parameters(trial, study, metric=metric),
        ),
        source={"source": "", "digest": study.digest, "rows": study.frame.height, "columns": study.frame.width},
    )


def best_parameters(trial: Trial, study: Study, *, metric: str) -> dict[str, Any]:
    """Return what ``train`` needs of a trial, and its bundle records of the search."""
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
    model = Model(
        pipeline=pipeline,
        contract=contract,
        family=family.name,
        parameters=trial.parameters,
        seed=study.seed,
        train={"rows": len(target), "digest": digest_of_fit(encoded, target, contract)},
        operating_points=operating_points(study, predictions),
        alert_scores=ScoreSample.of(_scores_of_fair_rows(study, predictions)) if contract.task == "anomaly" else None,
    )
    return evaluate.with_best_threshold(model, decision_threshold.Costs())


def _scores_of_fair_rows(study: Study, scores: Predictions) -> Predictions:
    """Return the scores of as many labelled rows as their share of all rows, since the sample has more of them."""
    labelled = np.flatnonzero(~np.isnan(study.sample.target))
    share = np.isfinite(model_matrix.encode_target(study.frame, study.contract)).mean()
    others = len(study.rows) - len(labelled)
    fair = min(len(labelled), round(share / max(1 - share, 1e-9) * others)) if others else len(labelled)
    dropped = np.random.default_rng(study.seed).permutation(labelled)[fair:]
    return np.delete(scores, dropped)


def operating_points(study: Study, predictions: Predictions) -> tuple[decision_threshold.OperatingPoint, ...]:
    """Return out-of-fold errors by threshold, for a binary task; empty for others.

    The sample of a large table has more of a rare class than its share, so the counts are weighted by the shares of
    all rows.

    Args:
        study: Rows and folds.
        predictions: Out-of-fold probabilities (m, k) of the study's rows.
    """
    if study.contract.task != "binary":
        return ()
    shares = None
    if len(study.rows) < study.frame.height:
        counts = np.bincount(model_matrix.encode_target(study.frame, study.contract).astype(np.int64), minlength=2)
        shares = (float(counts[0] / counts.sum()), float(counts[1] / counts.sum()))
    positive = matrix_layout.positive(study.contract)
    return decision_threshold.from_predictions(study.sample.target, predictions, positive=positive, shares=shares)


def _evaluation(fitted: Model, study: Study, predictions: Predictions) -> Evaluation:
    predicted = np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1)
    actual, predicted_values = study.sample.target[predicted], predictions[predicted]
    if study.contract.answers_number:
        outcome = EvaluatedRows(task=study.contract.task, actual=actual, values=predicted_values)
    else:
        index = {label: position for position, label in enumerate(fitted.classes)}
        labels = np.array([index[label] for label in fitted.labels(predicted_values)], dtype=np.int64)
        outcome = EvaluatedRows(
            task=study.contract.task,
            actual=actual,
            probabilities=predicted_values,
            labels=labels,
            positive=fitted.positive,
        )
    plan = EvaluationPlan(seed=study.seed)
    resampling_clusters = clusters.find(study.frame[study.rows[predicted]], study.contract)
    return evaluate.evaluate_predictions(
        outcome,
        fitted,
        train_target=study.sample.target,
        plan=plan,
        clusters=resampling_clusters,
        folds=study.folds,
        on="cross-validation",
    )
