"""Recording rules: counts of the servers by model, and how objectives stand.

Only rates over five minutes are computed from the servers' counters. What longer windows need is summed from these
recorded rates, so that servers which have ended still count, and that a window of thirty days stays cheap.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headrace.core.monitors.service.service_objectives import ServiceObjective, select_windows
from headrace.monitoring.resources.selectors import BUCKETS, REQUESTS, TARGET, select_marked, select_requests

INTERVAL_SECONDS = 30
"""How often the rules are evaluated; sums of recorded rates depend on it."""
SLOW_INTERVAL_SECONDS = 300

INFO = "instance:headrace_model_info:last5m"
REQUEST_RATE = "model:headrace_requests:rate5m"
OBJECTIVE_RATE = "model:headrace_objective_requests:rate5m"
BAD_RATE = "model:headrace_objective_bad_requests:rate5m"
BUDGET_LEFT = "model:headrace_objective_budget:left"
LATENCY = {
    "p50": "model:headrace_request_duration_seconds:p50_5m",
    "p99": "model:headrace_request_duration_seconds:p99_5m",
}


@dataclass(frozen=True)
class RecordingRule:
    """A series that Prometheus computes.

    Attributes:
        record: Its name: level, metric and operations, as Prometheus' documentation recommends.
        expression: What it is, in PromQL.
        labels: Labels that it gets.
        slow: Whether it is evaluated seldom, because it looks back over a whole period.
    """

    record: str
    expression: str
    labels: dict[str, str] = field(default_factory=dict)
    slow: bool = False


def with_model(series: str) -> str:
    """Return a series whose label ``name`` is called ``model``, as in the monitors' gauges."""
    return f'label_replace({series}, "model", "$1", "name", "(.*)")'


def sum_by_model(series: str) -> str:
    """Return the sum of the servers' series by namespace and model.

    Args:
        series: A vector with the labels of a target.
    """
    by = ", ".join(TARGET)
    # A server that changed its name within five minutes has two infos; on the right, both may match.
    return f"sum by (namespace, model) (sum by ({by}) ({series}) * on ({by}) group_right () {INFO})"


def name_bad_share(seconds: int) -> str:
    """Return the name of the share of bad requests over a window."""
    return f"model:headrace_objective_bad_requests:share_{format_span(seconds)}"


def format_span(seconds: int) -> str:
    """Return a length of time as Prometheus writes it: ``5m``, ``6h``, ``3d``."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def make_recording_rules(objectives: Sequence[ServiceObjective]) -> tuple[RecordingRule, ...]:
    """Return the rules in the order in which they need one another.

    Args:
        objectives: The objectives.
    """
    info = f"max by ({', '.join(TARGET)}, model) ({with_model('last_over_time(headrace_model_info[5m])')})"
    return (
        RecordingRule(INFO, info),
        RecordingRule(REQUEST_RATE, sum_by_model(f"rate({REQUESTS}[5m])")),
        *(RecordingRule(name, _quantile(float(key[1:]) / 100)) for key, name in LATENCY.items()),
        *(rule for objective in objectives for rule in _count_requests(objective)),
        *(_share_bad(seconds) for seconds in find_windows(objectives)),
        *(_leave_budget(objective) for objective in objectives),
    )


def find_windows(objectives: Sequence[ServiceObjective]) -> tuple[int, ...]:
    """Return the lengths in seconds of all windows that alerts of the objectives need, in order."""
    windows = (window for objective in objectives for window in select_windows(objective))
    return tuple(sorted({length for window in windows for length in (window.long_seconds, window.short_seconds)}))


def _quantile(share: float) -> str:
    by = ", ".join(TARGET)
    buckets = (
        f"sum by (namespace, model, le) (sum by ({by}, le) (rate({BUCKETS}[5m])) "
        f"* on ({by}) group_left (model) topk by ({by}) (1, {INFO}))"
    )
    return f"histogram_quantile({share:g}, {buckets})"


def _count_requests(objective: ServiceObjective) -> tuple[RecordingRule, RecordingRule]:
    labels = {"objective": objective.name}
    requests = sum_by_model(f"rate({select_requests(objective)}[5m])")
    marked = sum_by_model(f"rate({select_marked(objective)}[5m])")
    bad = marked if objective.kind == "availability" else f"clamp_min({requests} - {marked}, 0)"
    return RecordingRule(OBJECTIVE_RATE, requests, labels), RecordingRule(BAD_RATE, bad, labels)


def _share_bad(seconds: int) -> RecordingRule:
    span = format_span(seconds)
    share = (
        f"{BAD_RATE} / {OBJECTIVE_RATE}"
        if span == "5m"
        else f"sum_over_time({BAD_RATE}[{span}]) / sum_over_time({OBJECTIVE_RATE}[{span}])"
    )
    return RecordingRule(name_bad_share(seconds), share)


def _leave_budget(objective: ServiceObjective) -> RecordingRule:
    span, chosen = format_span(objective.period_seconds), f'{{objective="{objective.name}"}}'
    bad = f"sum_over_time({BAD_RATE}{chosen}[{span}]) / sum_over_time({OBJECTIVE_RATE}{chosen}[{span}])"
    return RecordingRule(BUDGET_LEFT, f"1 - ({bad}) / {objective.budget:.6g}", {"objective": objective.name}, slow=True)
