"""Records a decision in the registry: its outcome, its reasons, and the figures that it rests on.

An entry of the registry is short, so figures are shortened by a rule: the newest window's results that are not in
order, broken data first, then violated, then unknown; at most twenty, numbers to six digits; then as many as fit.
``omitted`` counts what is left out, and ``document`` is the digest of the decision as the monitoring store has it.
"""

import json
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import MissingError, StoreError
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.registry.backends.locations import registry_location
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.events import shorten_reason

_MOST_FIGURES = 20
_LONGEST_NAME = 80
_LONGEST_FACTS = 4_000
_ORDER = ("data_fault", "violated", "unknown", "ok")


def summarise_decision(decision: MonitorDecision) -> dict[str, Any]:
    """Return what the registry records of a decision; see the module.

    Args:
        decision: The decision.
    """
    results = sorted(decision.windows[-1].results, key=lambda one: _ORDER.index(one.status))
    figures = [_shorten(one) for one in results[:_MOST_FIGURES]]
    facts: dict[str, Any] = {
        "outcome": decision.outcome,
        "window": {"start": decision.window.start, "end": decision.window.end},
        "policy": decision.policy,
        "document": decision.document_digest,
        **({"plan": decision.pull_out} if decision.pull_out else {}),
        "figures": figures,
        "violated_windows": {
            name: sum(name in window.violated for window in decision.windows)
            for name in dict.fromkeys(name for window in decision.windows for name in window.violated)
        },
    }
    while len(json.dumps(facts, ensure_ascii=False)) > _LONGEST_FACTS:
        figures.pop()
    return {**facts, "omitted": len(results) - len(figures)}


def _shorten(result: MonitorResult) -> dict[str, Any]:
    numbers = {"value": result.value, "bound": result.bound, "reference": result.reference}
    subject = result.subject
    return {
        "monitor": result.monitor,
        "subject": subject if len(subject) <= _LONGEST_NAME else f"{subject[: _LONGEST_NAME - 1]}…",
        "status": result.status,
        **{name: float(f"{number:.6g}") for name, number in numbers.items() if number is not None},
    }


def record_decision(decision: MonitorDecision) -> str:
    """Record a decision in the history of the version in service.

    Args:
        decision: The decision.

    Returns:
        A clause that says where, or why nowhere; a failure does not change the decision.
    """
    location = registry_location()
    if location.path and not location.path.exists() and not settings.registry():
        return "in no registry, because there is none here"
    reason = " ".join(decision.reasons)
    try:
        version = open_registry().add_decision(
            decision.name,
            decision.digest,
            facts=summarise_decision(decision),
            by=settings.actor(),
            reason=shorten_reason(reason),
        )
    except (MissingError, StoreError) as error:
        return f"not in the registry: {error}"
    return f"in the history of {version.model} {version.version} in {location}"
