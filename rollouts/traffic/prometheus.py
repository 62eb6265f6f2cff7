"""The servers' metrics from a Prometheus server."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.core.base.errors import InputError
from headrace.rollouts.record import counters
from headrace.rollouts.record.counter_totals import CounterReading
from headrace.stores.metrics.metric_sample import MetricSample
from headrace.stores.metrics.prometheus_api import PrometheusApi

_SERIES = (
    "headrace_requests_total",
    "headrace_request_duration_seconds_bucket",
    "headrace_rows_total",
    "headrace_predictions_total",
    "headrace_prediction_probability_bucket",
    "headrace_prediction_value_bucket",
)
_SERVER = ("job", "instance", "namespace", "pod")


@dataclass(frozen=True)
class PrometheusCounters:
    """A ``CounterSource`` that queries a Prometheus server by its HTTP API.

    Servers are identified by the digests that they serve: their other labels depend on Prometheus' configuration.

    Attributes:
        api: The Prometheus server.
        names: Names under which the endpoint's servers serve the model.
        digests: Digests of the two versions.
        selector: Further label matchers, such as ``namespace="models"``; empty for none.
        outcome: Queries of the cost of predictions.
    """

    api: PrometheusApi
    names: tuple[str, ...]
    digests: tuple[str, ...]
    selector: str = ""
    outcome: "OutcomeQueries | None" = None

    kind = "prometheus"

    def read(self) -> Mapping[str, CounterReading]:
        """See ``CounterSource.read``.

        Raises:
            StoreError: If Prometheus does not answer.
            InputError: If it refuses the query, or collects none of the servers.
        """
        info = self.api.query(f"headrace_model_info{{{self._matchers()}}}")
        if not info:
            raise InputError(
                f"Prometheus at {self.api.url} must collect the servers' metrics; it has no headrace_model_info with "
                f"{self._matchers()}: look at its targets, or correct --selector."
            )
        digests = {_server(sample): sample.labels["digest"] for sample in info}
        series = f'{{__name__=~"{"|".join(_SERIES)}"}}'
        samples: dict[str, list[MetricSample]] = defaultdict(list)
        for sample in self.api.query(
            f"{series} and on ({', '.join(_SERVER)}) headrace_model_info{{{self._matchers()}}}"
        ):
            samples[_server(sample)].append(sample)
        readings = {name: CounterReading(digest, counters.of(samples[name])) for name, digest in digests.items()}
        return {**readings, **self._outcomes()}

    def _matchers(self) -> str:
        matchers = [f'name=~"{"|".join(self.names)}"', f'digest=~"{"|".join(self.digests)}"']
        return ", ".join([*matchers, self.selector] if self.selector else matchers)

    def _outcomes(self) -> Mapping[str, CounterReading]:
        """Return the cost of predictions in the form of one server's counters for each version."""
        if self.outcome is None:
            return {}
        known = {
            sample.labels.get("digest", ""): sample.value for sample in self.api.query(self.outcome.labelled_query)
        }
        wrong = {sample.labels.get("digest", ""): sample.value for sample in self.api.query(self.outcome.error_query)}
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
