"""The rules as a file for Prometheus and ``promtool``, and as a ``PrometheusRule`` for Prometheus' operator."""

from collections.abc import Sequence
from typing import Any

from headrace.core.monitors.service.service_objectives import DEFAULT_OBJECTIVES, ServiceObjective
from headrace.monitoring.rules.alert_rule import AlertRule
from headrace.monitoring.rules.alert_rules import RUNBOOK, make_alert_rules
from headrace.monitoring.rules.manifest_text import write_manifest
from headrace.monitoring.rules.recording_rules import (
    INTERVAL_SECONDS,
    SLOW_INTERVAL_SECONDS,
    RecordingRule,
    make_recording_rules,
)


def make_groups(objectives: Sequence[ServiceObjective] = DEFAULT_OBJECTIVES) -> dict[str, Any]:
    """Return the groups of rules, in the form that Prometheus and its operator share.

    Args:
        objectives: Objectives of all models that Prometheus scrapes.
    """
    records, alerts = make_recording_rules(objectives), make_alert_rules(objectives)
    # Rules of a group are evaluated one after the other, so that alerts see the values of the same moment.
    return {
        "groups": [
            {
                "name": name,
                "interval": f"{seconds}s",
                "rules": [
                    *(_recording(rule) for rule in records if rule.slow is slow),
                    *(_alert(rule) for rule in alerts if rule.slow is slow),
                ],
            }
            for name, seconds, slow in (
                ("headrace", INTERVAL_SECONDS, False),
                ("headrace-budgets", SLOW_INTERVAL_SECONDS, True),
            )
        ]
    }


def render_rules(objectives: Sequence[ServiceObjective] = DEFAULT_OBJECTIVES) -> str:
    """Return the rules as a file for Prometheus, whose ``rule_files`` names it."""
    return write_manifest(make_groups(objectives))


def render_prometheus_rule(objectives: Sequence[ServiceObjective] = DEFAULT_OBJECTIVES) -> str:
    """Return the rules as an object of Prometheus' operator."""
    return write_manifest(
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "headrace"},
            "spec": make_groups(objectives),
        }
    )


def _recording(rule: RecordingRule) -> dict[str, Any]:
    return {"record": rule.record, "expr": rule.expression, **({"labels": rule.labels} if rule.labels else {})}


def _alert(rule: AlertRule) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expr": rule.expression,
        "labels": {"severity": rule.severity, **rule.labels},
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook": f"{RUNBOOK}#{rule.name.lower()}",
        },
    }
