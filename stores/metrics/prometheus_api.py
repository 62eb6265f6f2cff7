"""Queries of a Prometheus server by its HTTP API.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/ (instant queries, range queries).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from headrace.core.base.errors import InputError, StoreError, quote
from headrace.stores.metrics.limited_answer import read_answer
from headrace.stores.metrics.metric_sample import MetricSample

MAX_BYTES = 32 << 20
MAX_POINTS = 11_000
"""Points of one series that Prometheus answers at most in a range query."""
_TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)


@dataclass(frozen=True)
class MetricSeries:
    """A series over time.

    Attributes:
        labels: Its labels.
        points: Times in seconds since 1970, each with the value; times without a value are left out.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class PrometheusApi:
    """A Prometheus server.

    Attributes:
        url: Its address, such as ``http://prometheus.monitoring:9090``.
        pool: Connections.
    """

    url: str
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=False))

    def __post_init__(self) -> None:
        """Raise if the address is invalid or holds a password.

        Raises:
            InputError: If it is invalid or holds a password.
        """
        parts = urlsplit(self.url)
        if "@" in parts.netloc:
            raise InputError(
                f"Prometheus' address must hold no password, which would stand in logs; give that of {parts.hostname} "
                "without it."
            )
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise InputError(
                f"Prometheus' address must be such as http://prometheus:9090; got {quote(self.url)} instead."
            )

    def query(self, text: str, *, time: float | None = None) -> list[MetricSample]:
        """Return the samples of an instant query.

        Args:
            text: The query, in PromQL.
            time: Its moment in seconds since 1970; None for now.

        Raises:
            StoreError: If Prometheus does not answer, or with more than 32 MiB.
            InputError: If it refuses the query.
        """
        results = self._results("query", text, {} if time is None else {"time": f"{time:.3f}"})
        return [
            MetricSample(str(result["metric"].get("__name__", "")), result["metric"], float(result["value"][1]))
            for result in results
        ]

    def query_range(self, text: str, *, start: float, end: float, step: float) -> list[MetricSeries]:
        """Return the series of a range query.

        Args:
            text: The query, in PromQL.
            start: Its first moment in seconds since 1970.
            end: Its last moment.
            step: Seconds between moments.

        Raises:
            StoreError: If Prometheus does not answer, or with more than 32 MiB.
            InputError: If it refuses the query.
        """
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return [
            MetricSeries(result["metric"], [(float(time), float(value)) for time, value in result["values"]])
            for result in self._results("query_range", text, span)
        ]

    def _results(self, path: str, text: str, parameters: Mapping[str, str]) -> list[Any]:
        try:
            status, data = read_answer(
                self.pool,
                "POST",
                f"{self.url.rstrip('/')}/api/v1/{path}",
                limit=MAX_BYTES,
                body=urlencode({"query": text, **parameters}),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            if data is None:
                raise StoreError(
                    f"an answer of Prometheus at {self.url} must have at most {MAX_BYTES} bytes; that to "
                    f"{quote(text, 200)} has more: narrow the selector."
                )
            document: Any = json.loads(data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise StoreError(f"Prometheus at {self.url} does not answer: start it, or correct --prometheus.") from error
        if not isinstance(document, dict) or document.get("status") != "success":
            problem = document.get("error", "") if isinstance(document, dict) else ""
            raise InputError(
                f"Prometheus at {self.url} refuses the query {quote(text, 200)} with status "
                f"{status}: {problem}; correct the selector or the outcome's query."
            )
        return list(document["data"]["result"])
