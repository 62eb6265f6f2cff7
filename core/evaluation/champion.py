"""Comparison of a candidate with the model in service, on the same test rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from headrace.core.base.errors import InputError, UserError, quote
from headrace.core.evaluation.alerts.anomaly_evaluation import compare_scores
from headrace.core.evaluation.evaluate import predict, read_test
from headrace.core.models import fitted_model
from headrace.core.models.fitted_model import Model
from headrace.core.robustness.compare_flips import compare_flips
from headrace.core.robustness.robustness_document import FlipComparison, Robustness
from headrace.core.splits import clusters
from headrace.core.statistics import bootstrap, significance
from headrace.core.statistics.measures import ModelComparison
from headrace.core.statistics.metric_names import main_metric
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics


def compare(
    candidate: Path,
    champion: Path,
    *,
    test_table: Path,
    test_actuals: Path,
    threshold: float | None,
    robustness: Robustness | None = None,
    seed: int,
) -> tuple[ModelComparison | None, FlipComparison | None]:
    """Compare two models on the test rows.

    Args:
        candidate: The candidate's folder.
        champion: The champion's folder (a model's or a bundle's).
        test_table: Folder of the test rows without the target.
        test_actuals: Folder of their target.
        threshold: Lowest probability at which the candidate predicts the positive class; None for the model's own.
        robustness: What was measured of the candidate's; None to leave the champion's out.
        seed: Seed of the bootstrap, and of the rows whose inputs are changed.

    Returns:
        Result of ``significance.compare_main``, candidate first, and of ``compare_flips``.

    Raises:
        InputError: If the champion has another task or other classes, or cannot predict the rows.
    """
    ours, theirs = fitted_model.load(candidate), fitted_model.load(champion)
    if threshold is not None:
        ours = ours.with_threshold(float(threshold))
    _check_comparable(ours, theirs)
    rows = read_test(test_table, test_actuals)
    first, second = predict(ours, rows), _predict_champion(theirs, rows)
    if first.task == "anomaly":
        return compare_scores(first, second, clusters=clusters.find(rows, ours.contract), seed=seed), None
    # Both are measured by what the candidate's contract asks for.
    second = replace(_align_classes(second, ours, theirs), aim=first.aim)
    metrics = [main_metric(ours.contract.task, compute_metrics(first)), "log_loss"]
    sample = bootstrap.resample([first, second], seed=seed, clusters=clusters.find(rows, ours.contract))
    compared = significance.compare_main(first, second, metrics=metrics, sample=sample)
    return compared, compare_flips(ours, theirs, rows, measured=robustness, seed=seed) if robustness else None


def _check_comparable(ours: Model, theirs: Model) -> None:
    if theirs.contract.task != ours.contract.task or set(theirs.classes) != set(ours.classes):
        raise InputError(
            f"the champion must predict the same as the candidate, {ours.contract.task} {quote(list(ours.classes))}; "
            f"it predicts {theirs.contract.task} {quote(list(theirs.classes))}; name another champion."
        )
    wanted, given = _predicted_number(ours), _predicted_number(theirs)
    if wanted != given:
        raise InputError(
            f"the champion must predict the same as the candidate, {wanted}; it predicts {given}, and no metric is "
            "fair to both; name another champion."
        )


def _predicted_number(model: Model) -> str:
    """Say what a regression predicts: both the mean and that of a count are a mean."""
    contract = model.contract
    return f"the {contract.quantile:g} quantile" if contract.objective == "quantile" else "the mean"


def _predict_champion(theirs: Model, rows: pl.DataFrame) -> EvaluatedRows:
    try:
        return predict(theirs, rows)
    except UserError as error:
        raise InputError(f"the champion must be able to predict the test rows; {error}") from error


def _align_classes(outcome: EvaluatedRows, ours: Model, theirs: Model) -> EvaluatedRows:
    """Return the champion's predictions with the classes in the candidate's order."""
    if outcome.probabilities is None or outcome.labels is None or theirs.classes == ours.classes:
        return outcome
    places = np.array([ours.classes.index(label) for label in theirs.classes])
    probabilities = np.empty_like(outcome.probabilities)
    probabilities[:, places] = outcome.probabilities
    return replace(
        outcome,
        actual=places[outcome.actual.astype(np.int64)],
        probabilities=probabilities,
        labels=places[outcome.labels],
        positive=ours.positive,
    )
