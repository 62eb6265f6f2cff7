"""What Katib says of an Experiment and its Trials, as this package says it."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from headrace.experiments.search.result import Trial, TrialStatus
from headrace.experiments.space import assignments
from headrace.experiments.space.experiment import Experiment

Document = Mapping[str, Any]

# In this order: a trial that was stopped early has succeeded too, as far as its Job goes.
_STATUSES: tuple[tuple[str, TrialStatus], ...] = (
    ("EarlyStopped", "early_stopped"),
    ("MetricsUnavailable", "metrics_unavailable"),
    ("Killed", "killed"),
    ("Failed", "failed"),
    ("Succeeded", "succeeded"),
)
_REASON = "Experiment"


def condition(document: Document, kind: str) -> Document | None:
    """The condition of that type, if it holds."""
    conditions = (document.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind and one.get("status") == "True"), None)


def success_reason(experiment: Document) -> str:
    """Why an Experiment ended well, such as ``MaxTrialsReached``; empty if it did not, or not yet."""
    found = condition(experiment, "Succeeded")
    return str(found.get("reason", "")).removeprefix(_REASON) or "Succeeded" if found else ""


def failure_reason(experiment: Document, suggestion: Document | None) -> str:
    """Why an Experiment failed, in Katib's words; empty if it did not.

    Args:
        experiment: The Experiment.
        suggestion: Its Suggestion, where a refused algorithm or setting is told.
    """
    found = condition(experiment, "Failed")
    if not found:
        return ""
    refused = condition(suggestion or {}, "Failed")
    return str((refused or {}).get("message") or found.get("message") or found.get("reason") or "it does not say why")


def trial_outcome(trial: Document) -> TrialStatus | None:
    """What became of a Trial; None while it runs."""
    return next((status for kind, status in _STATUSES if condition(trial, kind)), None)


def read(document: Document, number: int, experiment: Experiment, record: Mapping[str, Any] | None) -> Trial:
    """A Trial that has ended.

    Args:
        document: Katib's Trial.
        number: Its place in the search.
        experiment: What it belongs to.
        record: What the trial itself has kept; None if there is nothing.

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
    found = {}
    for metric in ((document.get("status") or {}).get("observation") or {}).get("metrics") or []:
        values = {key: _number(metric.get(key)) for key in ("latest", "min", "max")}
        if all(math.isfinite(value) for value in values.values()):
            found[str(metric.get("name"))] = values
    return found


def _number(text: Any) -> float:
    """A number of an observation; NaN for what Katib calls ``unavailable``."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _score(metrics: Mapping[str, Mapping[str, float]], experiment: Experiment) -> float | None:
    objective = experiment.objective
    found = metrics.get(objective.metric)
    return None if found is None else found[objective.strategy(objective.metric)]


def _error(document: Document, status: TrialStatus, own: Trial | None) -> str:
    if status == "succeeded":
        return ""
    if own is not None and own.error:
        return own.error
    kind = next(kind for kind, known in _STATUSES if known == status)
    found = condition(document, kind) or {}
    return str(found.get("message") or found.get("reason") or status.replace("_", " "))


def _seconds(document: Document) -> float:
    status = document.get("status") or {}
    try:
        began, done = (datetime.fromisoformat(str(status[key])) for key in ("startTime", "completionTime"))
    except (KeyError, ValueError):
        return 0.0
    return max((done - began).total_seconds(), 0.0)
