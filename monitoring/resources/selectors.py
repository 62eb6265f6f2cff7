"""How the servers' series are selected in PromQL; docs/guides/monitoring.md describes the series."""

from headrace.core.base.errors import InputError
from headrace.core.monitors.service.service_objectives import ServiceObjective
from headrace.serving.telemetry import slots

TARGET = ("job", "instance", "namespace", "pod")
"""Labels by which the series of one server are joined."""

_PREDICTIONS = 'protocol=~"grpc|v1|v2"'
REQUESTS = f'headrace_requests_total{{{_PREDICTIONS},code!="499"}}'
"""Answered requests for predictions; 499 is a client that disconnected."""
_SERVER_ERRORS = f'headrace_requests_total{{{_PREDICTIONS},code=~"5.."}}'
BUCKETS = f"headrace_request_duration_seconds_bucket{{{_PREDICTIONS}}}"
_DURATIONS = f"headrace_request_duration_seconds_count{{{_PREDICTIONS}}}"


def select_requests(objective: ServiceObjective) -> str:
    """Return the series of the requests that an objective counts."""
    return REQUESTS if objective.kind == "availability" else _DURATIONS


def select_marked(objective: ServiceObjective) -> str:
    """Return the series that tell good requests from bad ones: of bad ones for availability, of good ones for latency.

    Raises:
        InputError: If the threshold is not an edge of the servers' histogram, so that nobody counts what is below it.
    """
    if objective.kind == "availability":
        return _SERVER_ERRORS
    if objective.threshold_seconds not in slots.SECONDS:
        raise InputError(
            f"the threshold of objective {objective.name} must be one of {', '.join(map(str, slots.SECONDS))} seconds, "
            f"the edges of the servers' histogram; got {objective.threshold_seconds}."
        )
    # The client library writes 1.0 and Prometheus may normalise it to 1.
    edge = f"{objective.threshold_seconds:g}".replace(".", "[.]")
    return f'headrace_request_duration_seconds_bucket{{{_PREDICTIONS},le=~"{edge}([.]0)?"}}'
