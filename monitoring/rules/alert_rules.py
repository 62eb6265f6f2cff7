"""The table of alerts.

No alert has a ``for``: Prometheus forgets how long a condition has held at the first evaluation without samples, so
that one failed scrape would begin it again (seen with Prometheus 2.42). Time is part of the expressions instead, which
look back over a window: an alert fires about its promised minute, with or without a gap.
"""

from collections.abc import Iterable, Sequence

from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.service.service_objectives import (
    AlertSeverity,
    BurnRateWindow,
    ServiceObjective,
    select_windows,
)
from headrace.monitoring.resources.selectors import REQUESTS, TARGET
from headrace.monitoring.rules.alert_rule import AlertRule
from headrace.monitoring.rules.recording_rules import (
    BAD_RATE,
    BUDGET_LEFT,
    INFO,
    INTERVAL_SECONDS,
    format_span,
    name_bad_share,
    sum_by_model,
    with_model,
)
from headrace.monitoring.rules.stream_rules import make_stream_alerts

RUNBOOK = "docs/guides/monitoring-prometheus.md"
DRIFT = ("input_drift", "joint_drift", "prediction_drift", "drift_attribution")
LABELS = ("label_coverage", "label_bias")
COVERED_BY_SERVERS = ("availability", "error_rate", "latency", "error_budget", "burn_rate")
"""Monitors of the resource level whose alerts are made from the servers' own counters."""

_REFUSALS = "absent|category|columns|finite|missing|range|type|unknown_columns"


def make_alert_rules(objectives: Sequence[ServiceObjective]) -> tuple[AlertRule, ...]:
    """Return all alerts.

    Args:
        objectives: The objectives.
    """
    return (
        _model_down(),
        *(_budget_burns(objective, window) for objective in objectives for window in select_windows(objective)),
        *(_budget_spent(objective) for objective in objectives),
        *_server_alerts(),
        *make_stream_alerts(),
        *_monitor_alerts(),
        _monitor_absent(),
        _monitor_late(),
        _monitor_blind(),
    )


def _model_down() -> AlertRule:
    before = f"count by (namespace, model) ({with_model('max_over_time(headrace_model_info[6h])')})"
    now = f"count by (namespace, model) ({with_model('max_over_time(headrace_model_info[3m])')})"
    return AlertRule(
        "HeadraceModelDown",
        "critical",
        f"{before} unless {now}",
        "No server of {{ $labels.model }} has answered for 3 minutes.",
        "Look at its pods and at Prometheus' targets; silence it for a model that was taken out of service.",
        fires="3 minutes after the last scrape of a server of the model",
        resolves="with the next scrape, or 6 hours after the last one",
    )


def _budget_burns(objective: ServiceObjective, window: BurnRateWindow) -> AlertRule:
    long, short = format_span(window.long_seconds), format_span(window.short_seconds)
    chosen = f'{{objective="{objective.name}"}}'
    limit = f"{window.burn_rate(objective) * objective.budget:.6g}"
    enough = _enough_bad(objective, window.long_seconds)
    return AlertRule(
        "HeadraceErrorBudgetBurn",
        window.severity,
        f"{name_bad_share(window.long_seconds)}{chosen} > {limit} "
        f"and {name_bad_share(window.short_seconds)}{chosen} > {limit} and {enough}",
        f"{{{{ $labels.model }}}} uses up the error budget of objective {objective.name} "
        f"{window.burn_rate(objective):.3g} times as fast as it may, or faster: "
        f"{{{{ $value | humanizePercentage }}}} of its requests were bad in the last {long}.",
        "Look at its errors, its latency, and at what was changed last.",
        fires=f"when more than {100 * float(limit):g} % of requests were bad over {long} and over {short}, and at "
        f"least {objective.least_bad} of them",
        resolves=f"within {short}{' and 5m' if short != '5m' else ''} of the last bad request",
        labels={"objective": objective.name, "window": long},
    )


def _enough_bad(objective: ServiceObjective, seconds: int) -> str:
    """Return a condition on the number of bad requests: one of three in an hour is no news."""
    rate = f'{BAD_RATE}{{objective="{objective.name}"}}'
    return f"sum_over_time({rate}[{format_span(seconds)}]) * {INTERVAL_SECONDS} >= {objective.least_bad}"


def _budget_spent(objective: ServiceObjective) -> AlertRule:
    return AlertRule(
        "HeadraceErrorBudgetSpent",
        "warning",
        f'{BUDGET_LEFT}{{objective="{objective.name}"}} <= 0 and {_enough_bad(objective, objective.period_seconds)}',
        f"{{{{ $labels.model }}}} has no error budget of objective {objective.name} left.",
        "Make it more reliable before it is changed again, or set an objective that it can keep.",
        fires="when the budget of the objective's period is used up",
        resolves="when enough bad requests are older than the period",
        labels={"objective": objective.name},
        slow=True,
    )


def _server_alerts() -> tuple[AlertRule, ...]:
    refused = sum_by_model(f'increase(headrace_rejected_requests_total{{reason=~"{_REFUSALS}"}}[15m])')
    lost = sum_by_model("increase(headrace_log_entries_dropped_total[15m])")
    failed = sum_by_model('increase(headrace_model_reloads_total{result="refused"}[15m])')
    changes = f"changes(process_start_time_seconds[1h]) * on ({', '.join(TARGET)}) group_right () {INFO}"
    return (
        AlertRule(
            "HeadraceRefusedRequests",
            "warning",
            f"{refused} / {sum_by_model(f'increase({REQUESTS}[15m])')} > 0.05 and {refused} >= 20",
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.model }} break its data contract.",
            "Look at headrace_rejected_requests_total by reason, and at what its clients have changed.",
            fires="when more than 5 % of requests of 15 minutes, and at least 20, are refused for their data",
            resolves="15 minutes after the last refusal",
        ),
        AlertRule(
            "HeadraceLogEntriesLost",
            "warning",
            f"{lost} > 0",
            "{{ $labels.model }} drops entries of its log, so that monitors do not see all requests.",
            "Look at the receiver of its log.",
            fires="when an entry was dropped",
            resolves="15 minutes after the last one",
        ),
        AlertRule(
            "HeadraceReloadFailed",
            "warning",
            f"{failed} > 0",
            "{{ $labels.model }} refused a new version and serves the former one.",
            "Its log names the reason.",
            fires="when a version was refused",
            resolves="15 minutes later",
        ),
        AlertRule(
            "HeadraceRestarts",
            "warning",
            f"max by (namespace, model) ({changes}) > 2",
            "A server of {{ $labels.model }} was started again {{ $value }} times within an hour.",
            "Look at its log, and at its memory beside its limit.",
            fires="at the third restart within an hour",
            resolves="an hour after the third last restart",
        ),
    )


def _results(status: str, monitors: Iterable[str]) -> str:
    """Return a condition on the gauges of monitors that one failed scrape does not interrupt."""
    chosen = f'{{monitor=~"{"|".join(monitors)}",status="{status}"}}'
    return f"max by (namespace, model, monitor) (max_over_time(headrace_monitor_results{chosen}[10m])) > 0"


def _list(monitors: Sequence[str]) -> str:
    return "any monitor" if len(monitors) == len(MONITORS) else ", ".join(monitors)


def _monitors(level: str) -> list[str]:
    return [kind.name for kind in MONITORS.values() if kind.level == level]


def _monitor_alerts() -> tuple[AlertRule, ...]:
    quality = [name for name in _monitors("data") if name not in DRIFT]
    performance = [name for name in _monitors("performance") if name not in LABELS]
    resources = [name for name in _monitors("resource") if name not in COVERED_BY_SERVERS]
    groups: tuple[tuple[str, AlertSeverity, str, Sequence[str], str, str], ...] = (
        (
            "HeadraceDataFault", "critical", "data_fault", tuple(MONITORS),
            "The data of {{ $labels.model }} are broken, says monitor {{ $labels.monitor }}.",
            "No model is fitted on such data. Repair their source; the monitor's page shows columns and rules.",
        ),
        (
            "HeadracePerformance", "critical", "violated", performance,
            "{{ $labels.model }} is worse than promised, says monitor {{ $labels.monitor }}.",
            "The monitor's page compares it with the test part; retrain it, or roll it back.",
        ),
        (
            "HeadraceDrift", "warning", "violated", DRIFT,
            "The data of {{ $labels.model }} have changed since training, says monitor {{ $labels.monitor }}.",
            "The monitor's page shows the columns, and how much of the predictions' change each explains.",
        ),
        (
            "HeadraceDataQuality", "warning", "violated", quality,
            "The data of {{ $labels.model }} are not as they should be, says monitor {{ $labels.monitor }}.",
            "The monitor's page shows the columns and rules.",
        ),
        (
            "HeadraceLabels", "warning", "violated", LABELS,
            "The labels of {{ $labels.model }} say little of all its rows, says monitor {{ $labels.monitor }}.",
            "Look at where labels come from: measured performance is that of the labelled rows.",
        ),
        (
            "HeadraceResources", "warning", "violated", resources,
            "A resource of {{ $labels.model }} is beyond its bound, says monitor {{ $labels.monitor }}.",
            "Look at its requests and limits, and at the number of its replicas.",
        ),
    )  # fmt: skip
    return tuple(
        AlertRule(
            name,
            severity,
            _results(status, monitors),
            summary,
            description,
            fires=f"with the first scrape of a result of {_list(monitors)} that is {status}",
            resolves="10 minutes after a scrape without one",
        )
        for name, severity, status, monitors, summary, description in groups
    )


def _monitor_absent() -> AlertRule:
    now = f"count by (namespace, model) ({with_model('max_over_time(headrace_model_info[10m])')})"
    earlier = f"count by (namespace, model) ({with_model('max_over_time(headrace_model_info[10m] offset 1h)')})"
    monitored = "max by (model) (max_over_time(headrace_monitor_last_run_timestamp_seconds[1h]))"
    return AlertRule(
        "HeadraceMonitorAbsent",
        "warning",
        f"{now} and {earlier} unless on (model) {monitored}",
        "{{ $labels.model }} is served, and no monitor of it was seen for an hour.",
        "Start headrace monitor for it, or look at the monitor's pod and at Prometheus' targets.",
        fires="an hour after the last scrape of the monitor, or after the model was first served without one",
        resolves="with the next scrape of the monitor",
    )


def _monitor_late() -> AlertRule:
    last = "max by (namespace, model) (max_over_time(headrace_monitor_last_run_timestamp_seconds[1h]))"
    interval = "max by (namespace, model) (max_over_time(headrace_monitor_interval_seconds[1h]))"
    return AlertRule(
        "HeadraceMonitorLate",
        "warning",
        f"time() - {last} > 3 * {interval}",
        "The monitors of {{ $labels.model }} have not run for {{ $value | humanizeDuration }}.",
        "The monitor's log says why its last runs failed: nobody knows how the model is.",
        fires="when three runs in a row are missing",
        resolves="with the next run",
    )


def _monitor_blind() -> AlertRule:
    chosen = '{monitor="availability",status="unknown"}'
    always = f"min by (namespace, model) (min_over_time(headrace_monitor_results{chosen}[6h]))"
    earlier = f"max by (namespace, model) (max_over_time(headrace_monitor_results{chosen}[10m] offset 6h))"
    return AlertRule(
        "HeadraceMonitorBlind",
        "warning",
        f"{always} > 0 and {earlier} > 0",
        "The monitor of {{ $labels.model }} has not been able to read its servers' metrics for 6 hours.",
        "Look at the address of Prometheus that it was given.",
        fires="when the availability was unknown in all reports of 6 hours",
        resolves="with the first report that knows it",
    )
