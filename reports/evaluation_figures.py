"""From the evaluation's JSON to its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from headrace.reports import figures
from headrace.reports.wording import metric_name

Facts = Mapping[str, Any]
UNIT = frozenset({"accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "brier"})
SAME_UNIT = frozenset({"mae", "rmse"})


def measured(evaluation: Facts) -> list[figures.Measured]:
    """Metrics with intervals beside the baseline's, in the order of the evaluation."""
    baseline = (evaluation.get("baseline") or {}).get("metrics") or {}
    return [
        figures.Measured(
            metric=name,
            name=metric_name(name),
            value=found["value"],
            low=found.get("low"),
            high=found.get("high"),
            baseline=baseline.get(name),
        )
        for name, found in (evaluation.get("metrics") or {}).items()
        if found.get("value") is not None
    ]


def forests(evaluation: Facts) -> list[Markup]:
    """One figure for each scale: metrics from 0 to 1, metrics in the target's unit, and others each alone."""
    groups: dict[str, list[figures.Measured]] = {}
    for row in measured(evaluation):
        group = "unit" if row.metric in UNIT and row.most <= 1 else "same" if row.metric in SAME_UNIT else row.metric
        groups.setdefault(group, []).append(row)
    return [figures.forest(rows, name=f"forest-{group}", unit=group == "unit") for group, rows in groups.items()]


def curves(evaluation: Facts) -> list[tuple[Markup, str]]:
    """Figures of a classification or regression with a caption each; those without data are left out."""
    raise NotImplementedError


def search(trials: Facts) -> Markup | None:
    """Progress of the search; None if no trial has a score."""
    tried = [
        figures.Tried(number=int(trial["number"]), score=trial.get("score"), family=str(trial.get("family", "")))
        for trial in trials.get("trials", [])
    ]
    if not any(trial.score is not None for trial in tried):
        return None
    objective = trials.get("objective", {})
    return figures.progress(tried, score=metric_name(str(objective.get("metric", "score"))), minimize=_minimize(objective))


def _minimize(objective: Facts) -> bool:
    return str(objective.get("type", "maximize")) == "minimize"
