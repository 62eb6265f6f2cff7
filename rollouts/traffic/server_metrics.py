"""The servers' own metrics, read from each of them."""

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
    """A ``Source`` that asks each server's ``/metrics``.

    Attributes:
        where: Gives their addresses such as ``http://10.0.0.7:8080``, by name, each time anew.
        pool: Connections.
    """

    where: Callable[[], Mapping[str, str]]
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=False))

    kind = "servers"

    def read(self) -> Mapping[str, CounterReading]:
        """See ``Source.read``.

        Raises:
            InputError: If there are servers, and none of them answers.
        """
        places = self.where()
        found = {name: reading for name, place in places.items() if (reading := self._read(place)) is not None}
        if places and not found:
            told = ", ".join(places.values())
            raise InputError(
                f"the servers' metrics must be readable at /metrics of {told}; nothing answers there: name Prometheus "
                "with --prometheus where pods cannot be reached."
            )
        return found

    def _read(self, place: str) -> CounterReading | None:
        try:
            reply = self.pool.request("GET", f"{place}/metrics")
        except urllib3.exceptions.HTTPError:
            return None  # it may have ended since it was listed
        return reading(samples(reply.data.decode("utf-8", "replace"))) if reply.status == 200 else None


def samples(text: str) -> list[MetricSample]:
    """Return the numbers of a text in Prometheus' format; none if it is none."""
    try:
        families = list(text_string_to_metric_families(text))
    except ValueError:
        return []
    return [MetricSample(one.name, one.labels, one.value) for family in families for one in family.samples]


def reading(found: Iterable[MetricSample]) -> CounterReading | None:
    """What one server shows; None if it is none of Headrace's."""
    found = list(found)
    digest = next((one.labels.get("digest", "") for one in found if one.name == "headrace_model_info"), "")
    return CounterReading(digest, counters.of(found)) if digest else None
