"""What an endpoint's servers counted between two looks at their own ``/metrics``, where there is no Prometheus."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import urllib3

from headrace.core.base.errors import StoreError
from headrace.core.monitors.service.resource_level import ResourceReading
from headrace.rollouts.record import counters
from headrace.rollouts.record.counters import RequestCounts
from headrace.stores.metrics.exposition import make_pool, read_samples

_CPU = "process_cpu_seconds_total"
_MEMORY = "process_resident_memory_bytes"
_START = "process_start_time_seconds"
_KEPT = (_CPU, _MEMORY, _START)
_PERIODS = "only Prometheus keeps counts of such a period"


@dataclass(frozen=True)
class ServerScrape:
    """The metrics of an endpoint's servers at one moment.

    Attributes:
        time: The moment, in seconds since 1970.
        counts: Each server's counters, by its name.
        processes: Each server's metrics of its processes, by its name.
        silent: Servers that do not answer, each with a sentence.
    """

    time: float
    counts: Mapping[str, RequestCounts] = field(default_factory=dict)
    processes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)


def scrape_servers(
    addresses: Mapping[str, str], *, time: float, pool: urllib3.PoolManager | None = None
) -> ServerScrape:
    """Read the metrics of an endpoint's servers.

    Args:
        addresses: Their addresses, such as ``http://10.0.0.7:8080``, by name.
        time: Now, in seconds since 1970.
        pool: Connections; None for new ones with short time-outs.
    """
    counts, processes, silent = {}, {}, {}
    connections = pool or make_pool()
    for name, address in addresses.items():
        try:
            samples = read_samples(address, connections)
        except StoreError as error:
            silent[name] = str(error)
            continue
        if not any(sample.name == "headrace_model_info" for sample in samples):
            silent[name] = f"{address} serves no model of Headrace."
            continue
        counts[name] = counters.of(samples)
        processes[name] = {sample.name: sample.value for sample in samples if sample.name in _KEPT}
    return ServerScrape(time, counts, processes, silent)


def compare_scrapes(before: ServerScrape, after: ServerScrape) -> ResourceReading:
    """Return what the servers did between two scrapes.

    A server that began between them began its counters at zero; what one that ended had counted since ``before`` is
    not known. Ready is the share of answers: between the two moments nobody looked.

    Args:
        before: The earlier scrape.
        after: The later one.
    """
    source = "the servers' own metrics"
    seconds = after.time - before.time
    if seconds <= 0:
        return ResourceReading(source, 0.0, problem="the second scrape is not later than the first")
    if not after.counts:
        first = next(iter(after.silent.values()), "no server is named")
        return ResourceReading(source, seconds, problem=first.rstrip("."))
    increments = [after.counts[name].since(before.counts.get(name, RequestCounts())) for name in after.counts]
    total = sum(increments, RequestCounts())
    answers = len(before.counts) + len(after.counts)
    names = before.counts.keys() | before.silent.keys() | after.counts.keys() | after.silent.keys()
    lost = (before.counts.keys() - after.counts.keys()) | after.silent.keys()
    return ResourceReading(
        source,
        seconds,
        coverage=1.0 - len(lost) / len(names),
        ready=answers / (answers + len(before.silent) + len(after.silent)),
        codes=total.codes,
        durations={float(edge): count for edge, count in total.seconds.items()} or {math.inf: 0.0},
        cpu=_compute_cpu(before, after),
        memory={name: kept[_MEMORY] for name, kept in after.processes.items() if _MEMORY in kept},
        restarts={
            name: float(kept.get(_START) != before.processes[name].get(_START))
            for name, kept in after.processes.items()
            if name in before.processes
        },
        reasons={
            "lag": "a server does not know how many rows wait",
            "error_budget": _PERIODS,
            "burn_rate": _PERIODS,
            "restarts": "no server was there both times",
        },
    )


def _compute_cpu(before: ServerScrape, after: ServerScrape) -> dict[str, float]:
    """Return the cores in use by server, for those that did not start in between."""
    seconds = after.time - before.time
    return {
        name: (kept[_CPU] - former[_CPU]) / seconds
        for name, kept in after.processes.items()
        if (former := before.processes.get(name)) and _CPU in kept and _CPU in former and kept[_CPU] >= former[_CPU]
    }
