"""The monitors of the resource level, from what a server or Prometheus has counted.

A value that would be called good is ``unknown`` instead where the source has no samples for a tenth of the window or
more: nobody knows what happened in the gap. A violation that has been seen stays one.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from scipy import stats

from headrace.core.base.quantities import describe_count
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorResult, Status
from headrace.core.monitors.service.service_objectives import (
    RequestTotals,
    ServiceObjective,
    compute_budget_left,
    compute_burn_rate,
    is_burning,
    select_windows,
)

LEAST_COVERAGE = 0.9
"""Share of a window that must have samples before anything in it is called good."""
QUANTILE = 0.99
CONFIDENCE = 0.99
SERVER_ERROR = 500
"""The first HTTP status that is an error of the server."""


@dataclass(frozen=True)
class ResourceReading:
    """What a source has counted in a window. What it does not know is None, or has no key.

    Attributes:
        source: The source in sentences, such as ``Prometheus at http://prometheus:9090``.
        seconds: Length of the window.
        coverage: Share of the window for which the source has samples.
        ready: Share of the covered part in which the endpoint was seen ready.
        codes: Answered requests for predictions by HTTP status, without those whose client disconnected.
        durations: The same by the upper edge of their time's bucket in seconds, infinity for the last.
        cpu: Processor cores in use on average, by pod.
        memory: Most bytes of memory in use, by pod.
        restarts: Restarts, by pod.
        lag: Rows that wait to be scored.
        totals: Requests by objective and by the length in seconds of the window that ends with this one.
        period_known: Seconds before the end for which the source has samples, at most an objective's period.
        problem: Why nothing could be read, as a clause; empty if something could.
        reasons: Why a monitor has no figures, as a clause, by its name.
    """

    source: str
    seconds: float
    coverage: float = 0.0
    ready: float | None = None
    codes: Mapping[str, float] | None = None
    durations: Mapping[float, float] | None = None
    cpu: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, float] = field(default_factory=dict)
    restarts: Mapping[str, float] = field(default_factory=dict)
    lag: float | None = None
    totals: Mapping[str, Mapping[int, RequestTotals]] = field(default_factory=dict)
    period_known: float | None = None
    problem: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResourceBounds:
    """Bounds of the resource level; None for no bound.

    Attributes:
        least_availability: Least share of the window in which the endpoint is ready.
        least_request_rate: Least requests per second.
        most_error_rate: Largest share of requests that the server answers by an error of its own.
        most_latency_seconds: Longest time below which 99 of 100 requests are answered.
        most_cpu_cores: Most processor cores in use by one pod.
        most_memory_bytes: Most memory in use by one pod.
        most_restarts: Most restarts of one pod.
        most_lag_rows: Most rows that wait to be scored.
    """

    least_availability: float | None = 0.99
    least_request_rate: float | None = None
    most_error_rate: float | None = 0.01
    most_latency_seconds: float | None = 1.0
    most_cpu_cores: float | None = None
    most_memory_bytes: float | None = None
    most_restarts: float | None = 1.0
    most_lag_rows: float | None = None


def measure_resources(
    reading: ResourceReading,
    *,
    bounds: ResourceBounds | None = None,
    objectives: Iterable[ServiceObjective] = (),
) -> tuple[MonitorResult, ...]:
    """Return the results of all monitors of the resource level, in the order of their table.

    Args:
        reading: What was counted.
        bounds: Their bounds; None for the defaults.
        objectives: Objectives whose budgets are computed.
    """
    chosen = bounds or ResourceBounds()
    listed = tuple(objectives)
    results = (
        *_measure_availability(reading, chosen.least_availability),
        *_measure_request_rate(reading, chosen.least_request_rate),
        *_measure_error_rate(reading, chosen.most_error_rate),
        *_measure_latency(reading, chosen.most_latency_seconds),
        *_measure_pods(reading, "cpu", reading.cpu, chosen.most_cpu_cores),
        *_measure_pods(reading, "memory", reading.memory, chosen.most_memory_bytes),
        *_measure_pods(reading, "restarts", reading.restarts, chosen.most_restarts),
        *_measure_lag(reading, chosen.most_lag_rows),
        *(_measure_budget(reading, objective) for objective in listed),
        *(_measure_burn_rate(reading, objective) for objective in listed),
    )
    return tuple(results)


def _unknown(reading: ResourceReading, monitor: str, subject: str = "") -> MonitorResult:
    nothing = "it has no such figures" if reading.coverage else "it has no samples in the window"
    reason = reading.problem or reading.reasons.get(monitor, nothing)
    about = f" of {subject}" if subject else ""
    meaning = MONITORS[monitor].meaning
    sentence = f"{meaning}{about}: unknown from {reading.source}, because {reason}."
    return MonitorResult(monitor, subject, "unknown", sentence)


def _judge(
    reading: ResourceReading, result: MonitorResult, *, violated: bool, promise: str = "no bound is set"
) -> MonitorResult:
    """Return a result with its status, and its sentence with the promise and the gap."""
    gap = reading.coverage < LEAST_COVERAGE
    status: Status = "violated" if violated else "unknown" if gap else "ok"
    missing = f"; {reading.source} has samples for {_percent(reading.coverage)} of the window only" if gap else ""
    return replace(result, status=status, sentence=f"{result.sentence} ({promise}){missing}.")


def _measure_availability(reading: ResourceReading, bound: float | None) -> Iterator[MonitorResult]:
    """Yield the availability with the bounds of what it may be: in a gap the endpoint was ready always, or never."""
    if reading.ready is None or not reading.coverage or reading.problem:
        yield _unknown(reading, "availability")
        return
    low = reading.ready * reading.coverage
    high = low + (1.0 - reading.coverage)
    status: Status = "ok" if bound is None or low >= bound else "violated" if high < bound else "unknown"
    if status == "ok" and reading.coverage < LEAST_COVERAGE:
        status = "unknown"
    promise = f"at least {_percent(bound)} promised" if bound is not None else "no bound is set"
    gap = f"; {reading.source} has no samples for {_percent(1.0 - reading.coverage)} of the window"
    yield MonitorResult(
        "availability",
        "",
        status,
        f"The endpoint was ready in {_percent(reading.ready)} of the time that was observed ({promise})"
        f"{gap if reading.coverage < 1.0 else ''}.",
        value=reading.ready,
        low=low,
        high=high,
        bound=bound,
    )


def _measure_request_rate(reading: ResourceReading, bound: float | None) -> Iterator[MonitorResult]:
    if reading.codes is None or reading.problem:
        yield _unknown(reading, "request_rate")
        return
    requests = sum(reading.codes.values())
    rate = requests / reading.seconds
    result = MonitorResult(
        "request_rate",
        "",
        "ok",
        f"It answered {rate:.3g} requests per second, {round(requests)} in all",
        value=rate,
        bound=bound,
        rows=round(requests),
    )
    promise = f"at least {bound:.3g} expected" if bound is not None else "no bound is set"
    yield _judge(reading, result, violated=bound is not None and rate < bound, promise=promise)


def _measure_error_rate(reading: ResourceReading, bound: float | None) -> Iterator[MonitorResult]:
    """Yield the error rate, violated if its interval of Clopper and Pearson (1934) lies above the bound."""
    if reading.codes is None or reading.problem:
        yield _unknown(reading, "error_rate")
        return
    requests = sum(reading.codes.values())
    if requests < 0.5:
        reason = "no request was answered in the window"
        yield _unknown(_with_reason(reading, "error_rate", reason), "error_rate")
        return
    errors = sum(count for code, count in reading.codes.items() if int(code) >= SERVER_ERROR)
    known = stats.binomtest(min(round(errors), round(requests)), round(requests)).proportion_ci(CONFIDENCE, "exact")
    low, high = float(known.low), float(known.high)
    result = MonitorResult(
        "error_rate",
        "",
        "ok",
        f"The server answered {_percent(errors / requests)} of {describe_count(round(requests), 'request')} by an "
        "error of its own",
        value=errors / requests,
        low=low,
        high=high,
        bound=bound,
        rows=round(requests),
    )
    promise = f"at most {_percent(bound)} allowed" if bound is not None else "no bound is set"
    yield _judge(reading, result, violated=bound is not None and low > bound, promise=promise)


def _measure_latency(reading: ResourceReading, bound: float | None) -> Iterator[MonitorResult]:
    """Yield the 99 % quantile, violated if the lower end of its interval lies above the bound."""
    durations = reading.durations
    if durations is None or reading.problem:
        yield _unknown(reading, "latency")
        return
    requests = round(sum(durations.values()))
    if not requests:
        yield _unknown(_with_reason(reading, "latency", "no request was answered in the window"), "latency")
        return
    last = max(edge for edge in durations if math.isfinite(edge))
    value = find_quantile(durations, QUANTILE)
    # The ranks between which the quantile lies are binomial (David and Nagaraja, Order Statistics, 2003, section 7.1).
    tail = (1.0 - CONFIDENCE) / 2.0
    low = find_quantile(durations, float(stats.binom.ppf(tail, requests, QUANTILE)) / requests)
    rank = float(stats.binom.ppf(1.0 - tail, requests, QUANTILE)) + 1.0
    high = find_quantile(durations, rank / requests) if rank <= requests else math.inf
    words = f"{value:.3g} s" if math.isfinite(value) else f"more than {last:g} s"
    result = MonitorResult(
        "latency",
        "",
        "ok",
        f"99 of 100 requests were answered within {words}",
        value=min(value, last),
        low=min(low, last),
        high=high if math.isfinite(high) else None,
        bound=bound,
        rows=requests,
    )
    if bound is not None and bound > last and math.isinf(value):
        reason = f"the server counts times of up to {last:g} s only, and 99 of 100 requests need more"
        yield _unknown(_with_reason(reading, "latency", reason), "latency")
        return
    promise = f"at most {bound:.3g} s allowed" if bound is not None else "no bound is set"
    yield _judge(reading, result, violated=bound is not None and low > bound, promise=promise)


def _measure_pods(
    reading: ResourceReading, monitor: str, values: Mapping[str, float], bound: float | None
) -> Iterator[MonitorResult]:
    if not values or reading.problem:
        yield _unknown(reading, monitor)
        return
    for pod, value in sorted(values.items()):
        sentence = f"{MONITORS[monitor].meaning} of {pod}: {_with_unit(monitor, value)}"
        promise = f"at most {_with_unit(monitor, bound)} allowed" if bound is not None else "no bound is set"
        result = MonitorResult(monitor, pod, "ok", sentence, value=value, bound=bound)
        yield _judge(reading, result, violated=bound is not None and value > bound, promise=promise)


def _measure_lag(reading: ResourceReading, bound: float | None) -> Iterator[MonitorResult]:
    if reading.lag is None or reading.problem:
        yield _unknown(reading, "lag")
        return
    result = MonitorResult(
        "lag",
        "",
        "ok",
        f"{describe_count(round(reading.lag), 'row', 'waits', 'wait')} to be scored",
        value=reading.lag,
        bound=bound,
    )
    promise = f"at most {bound:.0f} allowed" if bound is not None else "no bound is set"
    yield _judge(reading, result, violated=bound is not None and reading.lag > bound, promise=promise)


def _measure_budget(reading: ResourceReading, objective: ServiceObjective) -> MonitorResult:
    totals = reading.totals.get(objective.name, {}).get(objective.period_seconds)
    if totals is None or reading.problem:
        return _unknown(reading, "error_budget", objective.name)
    left = compute_budget_left(totals, objective)
    days = min(objective.period_seconds, reading.period_known or objective.period_seconds) / 86_400
    result = MonitorResult(
        "error_budget",
        objective.name,
        "ok",
        f"Of the error budget of objective {objective.name}, {_percent(left)} are left after {days:.3g} of its "
        f"{describe_count(objective.period_days, 'day')}",
        value=left,
        bound=0.0,
        rows=round(totals.requests),
    )
    return _judge(reading, result, violated=left <= 0.0, promise=f"{_percent(objective.target)} of requests promised")


def _measure_burn_rate(reading: ResourceReading, objective: ServiceObjective) -> MonitorResult:
    """Return the burn rate of the first window that is violated, else of the shortest one."""
    totals = reading.totals.get(objective.name, {})
    windows = [one for one in select_windows(objective) if one.long_seconds in totals and one.short_seconds in totals]
    if not windows or reading.problem:
        return _unknown(reading, "burn_rate", objective.name)
    burning = [
        one
        for one in windows
        if is_burning(one, objective, long=totals[one.long_seconds], short=totals[one.short_seconds])
    ]
    window = (burning or windows)[0]
    value, limit = compute_burn_rate(totals[window.long_seconds], objective), window.burn_rate(objective)
    result = MonitorResult(
        "burn_rate",
        objective.name,
        "ok",
        f"The error budget of objective {objective.name} was used up {value:.3g} times as fast as it may, over "
        f"{window.long_seconds / 3_600:g} h",
        value=value,
        bound=limit,
        rows=round(totals[window.long_seconds].requests),
    )
    return _judge(reading, result, violated=bool(burning), promise=f"at most {limit:.3g} times allowed")


def find_quantile(durations: Mapping[float, float], share: float) -> float:
    """Return a quantile of times that are counted in buckets, by linear interpolation as Prometheus does.

    Args:
        durations: Counts by upper edge in seconds; infinity for the last bucket.
        share: The quantile, from 0 to 1.

    Returns:
        The quantile in seconds; infinity in the last bucket.
    """
    wanted, seen, lower = share * sum(durations.values()), 0.0, 0.0
    for edge in sorted(durations):
        count = durations[edge]
        if count > 0 and seen + count >= wanted:
            return edge if math.isinf(edge) else lower + (edge - lower) * (wanted - seen) / count
        seen, lower = seen + count, edge
    return lower


def _with_reason(reading: ResourceReading, monitor: str, reason: str) -> ResourceReading:
    return replace(reading, reasons={**reading.reasons, monitor: reason})


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _with_unit(monitor: str, value: float) -> str:
    if monitor == "memory":
        return f"{value / 2**20:.4g} MiB"
    return f"{value:.3g} cores" if monitor == "cpu" else f"{value:.0f}"
