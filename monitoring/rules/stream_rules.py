"""Alerts of streams, from what their workers count: each is a target of its own, which says what its model is."""

from headrace.monitoring.resources.selectors import TARGET
from headrace.monitoring.rules.alert_rule import AlertRule

_BY = ", ".join(TARGET)
# The model of each worker; one that has a candidate too counts for the first of the two names.
_INFO = f"topk by ({_BY}) (1, max by ({_BY}, model) (last_over_time(headrace_stream_model_info[5m])))"


def sum_streams(series: str) -> str:
    """Return the sum of workers' series by namespace and model.

    Args:
        series: A vector with the labels of a target.
    """
    return f"sum by (namespace, model) (sum by ({_BY}) ({series}) * on ({_BY}) group_left (model) {_INFO})"


def make_stream_alerts() -> tuple[AlertRule, ...]:
    """Return the alerts of streams."""
    before = "count by (namespace, model) (max_over_time(headrace_stream_model_info[6h]))"
    now = "count by (namespace, model) (max_over_time(headrace_stream_model_info[3m]))"
    behind = f"max_over_time(headrace_stream_ready[10m]) == 0 and on ({_BY}) headrace_stream_ready offset 10m"
    rejects = sum_streams("increase(headrace_stream_rejects_total[15m])")
    lost = sum_streams("increase(headrace_stream_lost_offsets_total[15m])")
    return (
        AlertRule(
            "HeadraceStreamDown",
            "critical",
            f"{before} unless {now}",
            "No worker of the stream of {{ $labels.model }} has answered for 3 minutes.",
            "Look at its pods and at Prometheus' targets; its events wait, until the topic deletes them.",
            fires="3 minutes after the last scrape of a worker of the model",
            resolves="with the next scrape, or 6 hours after the last one",
        ),
        AlertRule(
            "HeadraceStreamBehind",
            "warning",
            f"max by (namespace, model) ({_INFO} and on ({_BY}) ({behind}))",
            "A worker of the stream of {{ $labels.model }} has not been ready for 10 minutes.",
            "Its page /readyz says why: it is behind, the broker is gone, or the answers lack partitions.",
            fires="when a worker was not ready in any scrape of 10 minutes",
            resolves="with the next scrape of a worker that is ready",
        ),
        AlertRule(
            "HeadraceStreamRejects",
            "warning",
            f"{rejects} / {sum_streams('increase(headrace_stream_events_total[15m])')} > 0.05 and {rejects} >= 20",
            "{{ $value | humanizePercentage }} of the events for {{ $labels.model }} become dead letters.",
            "Look at the header headrace-sentence of the dead letters, and at what the topic's producers have changed.",
            fires="when more than 5 % of the events of 15 minutes, and at least 20, became dead letters",
            resolves="15 minutes after the last of them",
        ),
        AlertRule(
            "HeadraceStreamEventsLost",
            "critical",
            f"{lost} > 0",
            "Events for {{ $labels.model }} were deleted by their topic before they were read.",
            "Give the topic a longer retention, or the stream more workers; its log says which offsets are lost.",
            fires="when an offset was deleted unread",
            resolves="15 minutes after the last one",
        ),
    )
