"""The servers' metrics from a Prometheus server."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from headrace.core.base.errors import InputError, quote
from headrace.rollouts.record import counters
from headrace.rollouts.record.counter_totals import CounterReading
from headrace.rollouts.record.counters import MetricSample

_SERIES = (
    "headrace_requests_total",
    "headrace_request_duration_seconds_bucket",
    "headrace_rows_total",
    "headrace_predictions_total",
    "headrace_prediction_probability_bucket",
    "headrace_prediction_value_bucket",
)
_SERVER = ("job", "instance", "namespace", "pod")
_TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)


@dataclass(frozen=True)
class PrometheusCounters:
    """A ``CounterSource`` that queries a Prometheus server by its HTTP API.

    Servers are identified by the digests that they serve: their other labels depend on Prometheus' configuration.

    Attributes:
        url: Its address, such as ``http://prometheus.monitoring:9090``.
        names: Names under which the endpoint's servers serve the model.
        digests: Digests of the two versions.
        selector: Further label matchers, such as ``namespace="models"``; empty for none.
        outcome: Queries of the cost of predictions.
        pool: Connections.
    """

    url: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    selector: str = ""
    outcome: "OutcomeQueries | None" = None
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=False))

    kind = "prometheus"

    def __post_init__(self) -> None:
        """Raise if the address is invalid or holds a password.

        Raises:
            InputError: If it is invalid or holds a password.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise InputError(
                f"Prometheus' address must be such as http://prometheus:9090; got {quote(self.url)} instead."
            )
        if "@" in parts.netloc:
            raise InputError(
                f"Prometheus' address must hold no password, which would stand in logs; give that of {parts.hostname} "
                "without it."
            )

    def read(self) -> Mapping[str, CounterReading]:
        """See ``CounterSource.read``.

        Raises:
            InputError: If Prometheus does not answer, refuses the query, or collects none of the servers.
        """
        info = self.query(f"headrace_model_info{{{self._matchers()}}}")
        if not info:
            raise InputError(
                f"Prometheus at {self.url} must collect the servers' metrics; it has no headrace_model_info with "
                f"{self._matchers()}: look at its targets, or correct --selector."
            )
        digests = {_server(sample): sample.labels["digest"] for sample in info}
        series = f'{{__name__=~"{"|".join(_SERIES)}"}}'
        samples: dict[str, list[MetricSample]] = defaultdict(list)
        for sample in self.query(f"{series} and on ({', '.join(_SERVER)}) headrace_model_info{{{self._matchers()}}}"):
            samples[_server(sample)].append(sample)
        readings = {name: CounterReading(digest, counters.of(samples[name])) for name, digest in digests.items()}
        return {**readings, **self._outcomes()}

    def query(self, text: str) -> list[MetricSample]:
        """Return the samples of an instant query.

        Raises:
            InputError: If Prometheus does not answer, or refuses the query.
        """
        try:
            response = self.pool.request(
                "POST",
                f"{self.url.rstrip('/')}/api/v1/query",
                body=urlencode({"query": text}),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            document: Any = json.loads(response.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise InputError(f"Prometheus at {self.url} does not answer: start it, or correct --prometheus.") from error
        if not isinstance(document, dict) or document.get("status") != "success":
            problem = document.get("error", "") if isinstance(document, dict) else ""
            raise InputError(
                f"Prometheus at {self.url} refuses the query {quote(text, 200)} with status "
                f"{response.status}: {problem}; correct the selector or the outcome's query."
            )
        return [
            MetricSample(str(result["metric"].get("__name__", "")), result["metric"], float(result["value"][1]))
            for result in document["data"]["result"]
        ]

    def _matchers(self) -> str:
        matchers = [f'name=~"{"|".join(self.names)}"', f'digest=~"{"|".join(self.digests)}"']
        return ", ".join([*matchers, self.selector] if self.selector else matchers)

    def _outcomes(self) -> Mapping[str, CounterReading]:
        """Return the cost of predictions in the form of one server's counters for each version."""
        if self.outcome is None:
            return {}
        known = {sample.labels.get("digest", ""): sample.value for sample in self.query(self.outcome.labelled_query)}
        wrong = {sample.labels.get("digest", ""): sample.value for sample in self.query(self.outcome.error_query)}
        return {
            f"outcome of {digest}": CounterReading(
                digest, counters.RequestCounts(outcomes=_share(wrong.get(digest, 0.0), count))
            )
            for digest, count in known.items()
            if digest in self.digests
        }


@dataclass(frozen=True)
class OutcomeQueries:
    """Two PromQL queries whose results have the label ``digest``.

    Attributes:
        labelled_query: Number of predictions with known labels.
        error_query: Number of those that were wrong.
    """

    labelled_query: str
    error_query: str


def _share(of: float, count: float) -> Mapping[str, float]:
    return {"count": count, "total": of, "squares": of}


def _server(sample: MetricSample) -> str:
    return "/".join(sample.labels.get(label, "") for label in _SERVER)
