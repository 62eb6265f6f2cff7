"""The servers' own metrics, read from each server."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import urllib3

from headrace.core.base.errors import InputError, StoreError
from headrace.rollouts.record import counters
from headrace.rollouts.record.counter_totals import CounterReading
from headrace.stores.metrics.exposition import make_pool, read_samples
from headrace.stores.metrics.metric_sample import MetricSample


@dataclass(frozen=True)
class ServerCounters:
    """A ``CounterSource`` that reads each server's ``/metrics``.

    Attributes:
        where: Returns the servers' current addresses, such as ``http://10.0.0.7:8080``, by name.
        pool: Connections.
    """

    where: Callable[[], Mapping[str, str]]
    pool: urllib3.PoolManager = field(default_factory=make_pool)

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
            return reading(read_samples(address, self.pool))
        except StoreError:
            return None  # the server may have ended since it was listed


def reading(metric_samples: Iterable[MetricSample]) -> CounterReading | None:
    """Return one server's counters; None if it is not a Headrace server."""
    metric_samples = list(metric_samples)
    digest = next(
        (sample.labels.get("digest", "") for sample in metric_samples if sample.name == "headrace_model_info"), ""
    )
    return CounterReading(digest, counters.of(metric_samples)) if digest else None
