"""Translates Katib's Experiments and Trials into those of this package."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from headrace.core.evaluation.search_trials import Trial, TrialStatus
from headrace.experiments.space import assignments
from headrace.experiments.space.experiment import Experiment

Document = Mapping[str, Any]

# The order matters: the Job of an early stopped trial has succeeded too.
_STATUSES: tuple[tuple[str, TrialStatus], ...] = (
    ("EarlyStopped", "early_stopped"),
    ("MetricsUnavailable", "metrics_unavailable"),
    ("Killed", "killed"),
    ("Failed", "failed"),
    ("Succeeded", "succeeded"),
)
_REASON = "Experiment"


def condition(document: Document, kind: str) -> Document | None:
    """Return the condition of a type, if its status is True."""
    conditions = (document.get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item.get("type") == kind and item.get("status") == "True"), None)


def success_reason(experiment: Document) -> str:
    """Return why an Experiment succeeded, such as ``MaxTrialsReached``; empty if it did not, or not yet."""
    succeeded = condition(experiment, "Succeeded")
    return str(succeeded.get("reason", "")).removeprefix(_REASON) or "Succeeded" if succeeded else ""


def failure_reason(experiment: Document, suggestion: Document | None) -> str:
    """Return why an Experiment failed, in Katib's words; empty if it did not.

    Args:
        experiment: The Experiment.
        suggestion: Its Suggestion, whose conditions have the reasons for rejected algorithms and settings.
    """
    failed = condition(experiment, "Failed")
    if not failed:
        return ""
    refused = condition(suggestion or {}, "Failed")
    return str((refused or {}).get("message") or failed.get("message") or failed.get("reason") or "it does not say why")


def trial_outcome(trial: Document) -> TrialStatus | None:
    """Return the outcome of a Trial; None while it runs."""
    return next((status for kind, status in _STATUSES if condition(trial, kind)), None)


def read(document: Document, number: int, experiment: Experiment, record: Mapping[str, Any] | None) -> Trial:
    """Return a Trial that has ended.

    Args:
        document: Katib's Trial.
        number: Its position in the search.
        experiment: The Experiment that it belongs to.
        record: The record that the trial stored; None if there is none.

    Returns:
        The trial. Its status and score are Katib's; its scores by fold, warnings and bundle are its own.
    """
    texts = {item["name"]: str(item["value"]) for item in document["spec"].get("parameterAssignments") or []}
    family, parameters = "", assignments.parse_values(experiment, texts)
    if not experiment.pipeline:
        chosen, parameters = assignments.choose_family(experiment, parameters)
        family = chosen.name
    own = Trial.from_json(record) if record else None
    metrics = _metrics(document)
    score = _score(metrics, experiment)
    status = trial_outcome(document) or "killed"
    if status == "succeeded" and score is None:
        status = "metrics_unavailable"
    trial = Trial(
        number=number,
        name=str(document["metadata"]["name"]),
        experiment=experiment.name,
        family=family,
        parameters=parameters,
        status=status,
        score=score,
        metrics=metrics,
        seconds=_seconds(document),
        error=_error(document, status, own),
    )
    if own is None:
        return trial
    return replace(trial, reported=own.reported, scores=own.scores, warnings=own.warnings, bundle=own.bundle)


def _metrics(document: Document) -> dict[str, dict[str, float]]:
    by_name = {}
    for metric in ((document.get("status") or {}).get("observation") or {}).get("metrics") or []:
        values = {key: _number(metric.get(key)) for key in ("latest", "min", "max")}
        if all(math.isfinite(value) for value in values.values()):
            by_name[str(metric.get("name"))] = values
    return by_name


def _number(text: Any) -> float:
    """Return a number of an observation; NaN for Katib's ``unavailable``."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _score(metrics: Mapping[str, Mapping[str, float]], experiment: Experiment) -> float | None:
    objective = experiment.objective
    values = metrics.get(objective.metric)
    return None if values is None else values[objective.strategy(objective.metric)]


def _error(document: Document, status: TrialStatus, own: Trial | None) -> str:
    if status == "succeeded":
        return ""
    if own is not None and own.error:
        return own.error
    kind = next(kind for kind, outcome in _STATUSES if outcome == status)
    reason_condition = condition(document, kind) or {}
    return str(reason_condition.get("message") or reason_condition.get("reason") or status.replace("_", " "))


def _seconds(document: Document) -> float:
    status = document.get("status") or {}
    try:
        began, completed = (datetime.fromisoformat(str(status[key])) for key in ("startTime", "completionTime"))
    except (KeyError, ValueError):
        return 0.0
    return max((completed - began).total_seconds(), 0.0)
