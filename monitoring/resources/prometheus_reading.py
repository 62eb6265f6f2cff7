"""What a Prometheus server knows of an endpoint in a window.

Servers are known by the name of the model that they serve (``headrace_model_info``), because all their other labels
depend on Prometheus' configuration. Counters that begin again with their server are Prometheus' ``increase``'s matter.
Counts before a server's first scrape are lost, as always with Prometheus.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headrace.core.base.errors import StoreError
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.monitors.service.resource_level import ResourceReading
from headrace.core.monitors.service.service_objectives import RequestTotals, ServiceObjective, select_windows
from headrace.monitoring.resources.selectors import BUCKETS, REQUESTS, TARGET, select_marked, select_requests
from headrace.stores.metrics.metric_sample import MetricSample
from headrace.stores.metrics.prometheus_api import PrometheusApi

_STEP_SECONDS = 120.0
_MOST_STEPS = 500
_DAY = 86_400.0


@dataclass(frozen=True)
class EndpointQuery:
    """Which endpoint Prometheus is asked about.

    Attributes:
        name: Name under which its servers serve the model.
        selector: Further label matchers, such as ``namespace="models"``; empty for none.
        lag: A query whose result is the number of rows that wait to be scored; empty for none.
    """

    name: str
    selector: str = ""
    lag: str = ""

    @property
    def info(self) -> str:
        """The series by which its servers are known."""
        more = f",{self.selector}" if self.selector else ""
        return f"headrace_model_info{{name={json.dumps(self.name, ensure_ascii=False)}{more}}}"


def read_prometheus(
    api: PrometheusApi, endpoint: EndpointQuery, window: TimeWindow, *, objectives: Iterable[ServiceObjective] = ()
) -> ResourceReading:
    """Read what Prometheus knows of an endpoint.

    Args:
        api: The Prometheus server.
        endpoint: The endpoint.
        window: The window.
        objectives: Objectives for whose windows requests are counted.

    Returns:
        The reading; one with a problem if Prometheus does not answer, or knows nothing of the endpoint.

    Raises:
        InputError: If Prometheus refuses a query, as for a wrong selector.
    """
    source = f"Prometheus at {api.url}"
    seconds = (window.end - window.start).total_seconds()
    try:
        return _Queries(api, endpoint, window.end.timestamp(), seconds).read(source, tuple(objectives))
    except StoreError as error:
        return ResourceReading(source, seconds, problem=str(error).rstrip("."))


@dataclass(frozen=True)
class _Queries:
    """The queries of one reading; ``end`` is the window's, in seconds since 1970."""

    api: PrometheusApi
    endpoint: EndpointQuery
    end: float
    seconds: float

    def read(self, source: str, objectives: Sequence[ServiceObjective]) -> ResourceReading:
        coverage, ready = self._observe()
        if not ready and not self._ask(f"count(last_over_time({self.endpoint.info}[{_span(_DAY)}]))"):
            problem = f"it has no {self.endpoint.info}: look at its targets, or correct the name or the selector"
            return ResourceReading(source, self.seconds, problem=problem)
        return ResourceReading(
            source,
            self.seconds,
            coverage=coverage,
            ready=ready,
            codes=self._by_label("code", self._increase(REQUESTS)) or None,
            durations=_split_buckets(self._by_label("le", self._increase(BUCKETS))),
            cpu=self._by_pod(
                self._of_container("rate(container_cpu_usage_seconds_total", "process_cpu_seconds_total", "rate")
            ),
            memory=self._by_pod(
                self._of_container(
                    "max_over_time(container_memory_working_set_bytes",
                    "process_resident_memory_bytes",
                    "max_over_time",
                )
            ),
            restarts=self._by_pod((self._join(f"changes(process_start_time_seconds[{self._range}])"),)),
            lag=self._lag(),
            totals={one.name: self._totals(one) for one in objectives},
            period_known=self._find_known(max((one.period_seconds for one in objectives), default=0)),
            reasons={"lag": "no query of the rows that wait is given"} if not self.endpoint.lag else {},
        )

    @property
    def _range(self) -> str:
        return _span(self.seconds)

    def _observe(self) -> tuple[float, float]:
        """Return the share of the window in which Prometheus had samples, and the share of that with a ready endpoint.

        A moment is observed if Prometheus had scraped anything shortly before, and ready if a server of the model had
        answered it then.
        """
        step = min(max(_STEP_SECONDS, self.seconds / _MOST_STEPS), self.seconds)
        moments = round(self.seconds / step)
        first = self.end - (moments - 1) * step
        ready = self._moments(f"count(last_over_time({self.endpoint.info}[{_span(step)}]))", first, step)
        observed = ready | self._moments(f"count(time() - timestamp(up) <= {step})", first, step)
        return len(observed) / moments, len(ready) / max(len(observed), 1)

    def _moments(self, text: str, first: float, step: float) -> set[float]:
        series = self.api.query_range(text, start=first, end=self.end, step=step)
        return {round(time, 3) for one in series for time, _ in one.points}

    def _join(self, text: str, seconds: float | None = None) -> str:
        """Return a query for those series only that belong to the endpoint's servers, with those that have ended."""
        span = _span(seconds or self.seconds)
        return f"{text} and on ({', '.join(TARGET)}) last_over_time({self.endpoint.info}[{span}])"

    def _increase(self, series: str, seconds: float | None = None) -> str:
        span = _span(seconds or self.seconds)
        return self._join(f"increase({series}[{span}])", seconds)

    def _ask(self, text: str) -> list[MetricSample]:
        return [one for one in self.api.query(text, time=self.end) if math.isfinite(one.value)]

    def _by_label(self, label: str, text: str) -> dict[str, float]:
        return {one.labels.get(label, ""): one.value for one in self._ask(f"sum by ({label}) ({text})")}

    def _of_container(self, container: str, process: str, function: str) -> tuple[str, str]:
        """Return the query of the kubelet's figure of a pod, and of the server's own where there is no kubelet."""
        pods = f"max by (namespace, pod) (last_over_time({self.endpoint.info}[{self._range}]))"
        kubelet = f'sum by (namespace, pod) ({container}{{container!="",pod!=""}}[{self._range}]))'
        return (
            f"{kubelet} and on (namespace, pod) {pods}",
            self._join(f"{function}({process}[{self._range}])"),
        )

    def _by_pod(self, queries: Iterable[str]) -> Mapping[str, float]:
        """Return the values of the first query that has any, by pod; by address where there are no pods."""
        for text in queries:
            found = {one.labels.get("pod") or one.labels.get("instance", ""): one.value for one in self._ask(text)}
            if found:
                return found
        return {}

    def _lag(self) -> float | None:
        samples = self._ask(self.endpoint.lag) if self.endpoint.lag else []
        return sum(one.value for one in samples) if samples else None

    def _totals(self, objective: ServiceObjective) -> Mapping[int, RequestTotals]:
        lengths = {length for one in select_windows(objective) for length in (one.long_seconds, one.short_seconds)}
        return {
            length: totals
            for length in sorted(lengths | {objective.period_seconds})
            if (totals := self._count(objective, length)) is not None
        }

    def _count(self, objective: ServiceObjective, length: int) -> RequestTotals | None:
        requests = self._sum(select_requests(objective), length)
        marked = self._sum(select_marked(objective), length)
        if requests is None or marked is None:
            return None
        return RequestTotals(requests, marked if objective.kind == "availability" else max(requests - marked, 0.0))

    def _sum(self, series: str, length: int) -> float | None:
        samples = self._ask(f"sum({self._increase(series, length)})")
        return samples[0].value if samples else None

    def _find_known(self, period: int) -> float | None:
        """Return how long ago the first sample of the last period is, to about a hundredth of it."""
        if not period:
            return None
        span = f"[{_span(period)}:{_span(max(period / 100, _STEP_SECONDS))}]"
        samples = self._ask(f"min(min_over_time(timestamp({self.endpoint.info}){span}))")
        return self.end - samples[0].value if samples else None


def _span(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _split_buckets(cumulative: Mapping[str, float]) -> dict[float, float] | None:
    """Return counts by upper edge from cumulative ones, which extrapolation may have let fall by rounding."""
    counts, before = {}, 0.0
    for edge, total in sorted((float(label), total) for label, total in cumulative.items()):
        counts[edge] = max(total - before, 0.0)
        before = max(total, before)
    return counts or None
