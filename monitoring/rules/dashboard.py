"""A dashboard of Grafana as plain data: how a model is served and streamed, what it uses, and what its monitors say.

The JSON follows Grafana's dashboard model (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/
view-dashboard-json-model/), with schema version 39 of Grafana 10 and 11. It needs the recorded series of
``recording_rules``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.core.monitors.service.service_objectives import DEFAULT_OBJECTIVES, ServiceObjective
from headrace.monitoring.resources.selectors import TARGET
from headrace.monitoring.rules.manifest_text import write_manifest
from headrace.monitoring.rules.recording_rules import (
    BUDGET_LEFT,
    INFO,
    LATENCY,
    REQUEST_RATE,
    find_windows,
    format_span,
    name_bad_share,
)

SCHEMA_VERSION = 39
_COLUMNS = 24
_CHOSEN = 'namespace=~"$namespace",model=~"$model"'
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}

PanelKind = Literal["timeseries", "stat", "table", "state-timeline"]


@dataclass(frozen=True)
class DashboardPanel:
    """A panel.

    Attributes:
        title: Its title.
        description: What it shows, for people.
        queries: Queries in PromQL, by the legend of their series.
        unit: Unit of its values, by Grafana's names.
        width: Its width, of 24 columns.
        kind: How it is drawn.
        most: Upper end of its axis; None to let Grafana choose.
    """

    title: str
    description: str
    queries: dict[str, str]
    unit: str = "short"
    width: int = 8
    kind: PanelKind = "timeseries"
    most: float | None = None


def make_panels(objectives: Sequence[ServiceObjective]) -> dict[str, tuple[DashboardPanel, ...]]:
    """Return the panels by the title of their row.

    Args:
        objectives: The objectives that the rules are made for.
    """
    return {
        "Service": _service_panels(objectives),
        "Streams": _stream_panels(),
        "Monitors": _monitor_panels(),
        "Resources": _resource_panels(),
    }


def _service_panels(objectives: Sequence[ServiceObjective]) -> tuple[DashboardPanel, ...]:
    spans = [format_span(seconds) for seconds in find_windows(objectives)]
    shares = {
        f"{{{{objective}}}}, {span}": f"{name_bad_share(seconds)}{{{_CHOSEN}}}"
        for seconds, span in zip(find_windows(objectives), spans, strict=True)
    }
    errors = _of_servers(
        'rate(headrace_requests_total{protocol=~"grpc|v1|v2",code!~"2..|499"}[$__rate_interval])', "code"
    )
    return (
        DashboardPanel(
            "Error budget left",
            "Share of each objective's error budget that is left of its period.",
            {"{{model}}, {{objective}}": f"{BUDGET_LEFT}{{{_CHOSEN}}}"},
            unit="percentunit",
            kind="stat",
        ),
        DashboardPanel(
            "Requests", "Answered requests per second.", {"{{model}}": f"{REQUEST_RATE}{{{_CHOSEN}}}"}, "reqps"
        ),
        DashboardPanel(
            "Refusals and errors",
            "Requests per second that were refused or failed, by status.",
            {"{{code}}": errors},
            "reqps",
        ),
        DashboardPanel(
            "Latency",
            "Time below which half and 99 of 100 requests are answered.",
            {f"{{{{model}}}}, {key}": f"{name}{{{_CHOSEN}}}" for key, name in LATENCY.items()},
            "s",
        ),
        DashboardPanel("Bad requests", "Share of bad requests by objective and window.", shares, "percentunit"),
        DashboardPanel(
            "Versions",
            "Servers by the digest of the version that they serve.",
            {"{{digest}}": 'count by (digest) (headrace_model_info{namespace=~"$namespace",name=~"$model"})'},
        ),
    )


def _stream_panels() -> tuple[DashboardPanel, ...]:
    by = ", ".join(TARGET)

    def of_workers(series: str, label: str) -> str:
        return f"sum by ({label}) (({series}) and on ({by}) headrace_stream_model_info{{{_CHOSEN}}})"

    def quantile(share: float) -> str:
        return f"histogram_quantile({share:g}, {of_workers('rate(headrace_stream_latency_seconds_bucket[5m])', 'le')})"

    return (
        DashboardPanel(
            "Events",
            "Events per second that were answered or became dead letters, by worker.",
            {"{{pod}}": of_workers("rate(headrace_stream_events_total[$__rate_interval])", "pod")},
        ),
        DashboardPanel(
            "Unread events",
            "Events that lie before each worker.",
            {"{{pod}}": of_workers("headrace_stream_lag_rows", "pod")},
        ),
        DashboardPanel(
            "Dead letters",
            "Dead letters per second by reason.",
            {"{{reason}}": of_workers("rate(headrace_stream_rejects_total[$__rate_interval])", "reason")},
        ),
        DashboardPanel(
            "Age of answers",
            "Time from an event's timestamp to its committed answer, below which half and 99 of 100 lie.",
            {"p50": quantile(0.5), "p99": quantile(0.99)},
            "s",
        ),
        DashboardPanel(
            "Workers",
            "Workers, and how many of them are ready.",
            {
                "workers": of_workers("headrace_stream_ready >= bool 0", "namespace"),
                "ready": of_workers("headrace_stream_ready", "namespace"),
            },
        ),
    )


def _monitor_panels() -> tuple[DashboardPanel, ...]:
    def values(monitor: str) -> str:
        return f'headrace_monitor_value{{{_CHOSEN},monitor="{monitor}"}}'

    present = f'max by (model, monitor) (headrace_monitor_results{{{_CHOSEN},status="%s"}} > bool 0)'
    return (
        DashboardPanel(
            "What the monitors say",
            "0: nothing is violated; 1: something is; 2: the data are broken.",
            {"{{monitor}}": f"clamp_max({present % 'violated'} + 2 * {present % 'data_fault'}, 2)"},
            width=16,
            kind="state-timeline",
        ),
        DashboardPanel(
            "Violated now",
            "Results that are violated or a data fault, with their subjects.",
            {"": f'headrace_monitor_status{{{_CHOSEN},status=~"violated|data_fault"}} == 1'},
            kind="table",
        ),
        DashboardPanel(
            "Performance measured",
            "Metrics on the rows whose labels have come.",
            {"{{model}}, {{subject}}": values("measured_performance")},
        ),
        DashboardPanel(
            "Performance estimated",
            "Metrics estimated from calibrated probabilities, for rows without labels.",
            {"{{model}}, {{subject}}": values("estimated_performance")},
        ),
        DashboardPanel(
            "Labels",
            "Share of rows whose labels have come, and how different these rows are from the others.",
            {"coverage of {{model}}": values("label_coverage"), "bias of {{model}}": values("label_bias")},
            "percentunit",
            most=1.0,
        ),
        DashboardPanel(
            "Drift of inputs",
            "The ten inputs that have changed most since training, as effects from 0 to 1.",
            {"{{subject}}": f"topk(10, {values('input_drift')})"},
            most=1.0,
        ),
        DashboardPanel(
            "Drift of all inputs and of predictions",
            "Effects from 0 to 1.",
            {"inputs of {{model}}": values("joint_drift"), "predictions of {{model}}": values("prediction_drift")},
            most=1.0,
        ),
        DashboardPanel(
            "Decisions",
            "What was last decided about the model.",
            {"{{model}}: {{decision}}": f"headrace_monitor_decision{{{_CHOSEN}}} == 1"},
            kind="state-timeline",
        ),
    )


def _resource_panels() -> tuple[DashboardPanel, ...]:
    by_pod = ", ".join(TARGET)

    def of_pods(series: str) -> str:
        return f"sum by (pod, instance) ({series} * on ({by_pod}) group_right () {INFO}{{{_CHOSEN}}})"

    return (
        DashboardPanel(
            "Processor",
            "Cores in use by each server.",
            {"{{pod}} {{instance}}": of_pods("rate(process_cpu_seconds_total[$__rate_interval])")},
        ),
        DashboardPanel(
            "Memory",
            "Memory in use by each server.",
            {"{{pod}} {{instance}}": of_pods("process_resident_memory_bytes")},
            "bytes",
        ),
        DashboardPanel(
            "Age",
            "Time since each server's start.",
            {"{{pod}} {{instance}}": of_pods("(time() - process_start_time_seconds)")},
            "s",
        ),
    )


def _of_servers(series: str, label: str) -> str:
    by = ", ".join(TARGET)
    return f"sum by ({label}) (sum by ({by}, {label}) ({series}) and on ({by}) {INFO}{{{_CHOSEN}}})"


def make_dashboard(objectives: Sequence[ServiceObjective] = DEFAULT_OBJECTIVES) -> dict[str, Any]:
    """Return the dashboard in Grafana's JSON model.

    Args:
        objectives: The objectives that the rules are made for.
    """
    return {
        "uid": "headrace-models",
        "title": "Headrace: models",
        "description": "How models are served, what their monitors say, and what their servers use.",
        "tags": ["headrace"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "utc",
        "refresh": "1m",
        "annotations": {"list": [_alerts()]},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
                _variable("namespace", "label_values(headrace_model_info, namespace)", "Namespace"),
                _variable("model", 'label_values(headrace_model_info{namespace=~"$namespace"}, name)', "Model"),
            ]
        },
        "panels": _place(make_panels(objectives)),
    }


def _alerts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": f'ALERTS{{alertname=~"Headrace.*",alertstate="firing",{_CHOSEN}}}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{model}} {{objective}} {{monitor}}",
    }


def _variable(name: str, query: str, label: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "label": label,
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def _place(rows: dict[str, tuple[DashboardPanel, ...]]) -> list[dict[str, Any]]:
    """Return the panels with their places, row by row, and ids from 1."""
    placed: list[dict[str, Any]] = []
    y = 0
    for title, panels in rows.items():
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": place})
        y, x, height = y + 1, 0, 8
        for panel in panels:
            if x + panel.width > _COLUMNS:
                x, y = 0, y + height
            placed.append(_draw(panel, {"x": x, "y": y, "w": panel.width, "h": height}))
            x += panel.width
        y += height
    return [{"id": number, **panel} for number, panel in enumerate(placed, 1)]


def _draw(panel: DashboardPanel, place: dict[str, int]) -> dict[str, Any]:
    table = panel.kind == "table"
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": legend,
                **({"format": "table", "instant": True} if table else {"range": True}),
            }
            for number, (legend, query) in enumerate(panel.queries.items())
        ],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, **({"min": 0, "max": panel.most} if panel.most is not None else {})},
            "overrides": [],
        },
        "options": {},
        **({"transformations": [_HIDE]} if table else {}),
    }


_HIDE: dict[str, Any] = {
    "id": "organize",
    "options": {
        "excludeByName": dict.fromkeys(("Time", "Value", "__name__", *TARGET), True),
        "indexByName": {name: place for place, name in enumerate(("model", "monitor", "subject", "status"))},
        "renameByName": {},
    },
}


def render_dashboard(objectives: Sequence[ServiceObjective] = DEFAULT_OBJECTIVES) -> str:
    """Return the dashboard as a ConfigMap that Grafana's sidecar finds by its label, as the chart of Grafana has it."""
    text = json.dumps(make_dashboard(objectives), indent=1, sort_keys=True)
    return write_manifest(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "headrace-dashboard", "labels": {"grafana_dashboard": "1"}},
            "data": {"headrace.json": text + "\n"},
        }
    )
