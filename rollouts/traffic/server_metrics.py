"""The servers' own metrics, read from each server."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from headrace.core.base.errors import InputError
from headrace.rollouts.record import counters
from headrace.rollouts.record.counter_totals import CounterReading
from headrace.rollouts.record.counters import MetricSample

_TIMEOUT = urllib3.Timeout(connect=2.0, read=10.0)


@dataclass(frozen=True)
class ServerCounters:
    """A ``CounterSource`` that reads each server's ``/metrics``.

    Attributes:
        where: Returns the servers' current addresses, such as ``http://10.0.0.7:8080``, by name.
        pool: Connections.
    """

    where: Callable[[], Mapping[str, str]]
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=False))

    kind = "servers"

    def read(self) -> Mapping[str, CounterReading]:
        """See ``CounterSource.read``.

        Raises:
            InputError: If there are servers, and none of them answers.
        """
        addresses = self.where()
        readings = {
            name: reading for name, address in addresses.items() if (reading := self._read(address)) is not None
        }
        if addresses and not readings:
            listed = ", ".join(addresses.values())
            raise InputError(
                f"the servers' metrics must be readable at /metrics of {listed}; nothing answers there: name "
                "Prometheus with --prometheus where pods cannot be reached."
            )
        return readings

    def _read(self, address: str) -> CounterReading | None:
        try:
            response = self.pool.request("GET", f"{address}/metrics")
        except urllib3.exceptions.HTTPError:
            return None  # the server may have ended since it was listed
        return reading(samples(response.data.decode("utf-8", "replace"))) if response.status == 200 else None


def samples(text: str) -> list[MetricSample]:
    """Return the samples of a text in Prometheus' format; none if the text is in another format."""
    try:
        families = list(text_string_to_metric_families(text))
    except ValueError:
        return []
    return [MetricSample(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def reading(metric_samples: Iterable[MetricSample]) -> CounterReading | None:
    """Return one server's counters; None if it is not a Headrace server."""
    metric_samples = list(metric_samples)
    digest = next(
        (sample.labels.get("digest", "") for sample in metric_samples if sample.name == "headrace_model_info"), ""
    )
    return CounterReading(digest, counters.of(metric_samples)) if digest else None
