"""Metrics and readiness of a worker of a stream."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from headrace.streams.broker import PartitionLag
from headrace.streams.stream_counts import LATENCY_BOUNDS, StreamCounts
from headrace.streams.stream_model import StreamModel

_COUNTERS = {
    "events": ("events", "Events whose answer or dead letter is committed."),
    "answers": ("answers", "Events that were scored."),
    "tombstones": ("tombstones", "Events without a value that were passed on."),
    "omitted_values": ("omitted", "Dead letters without their event's bytes, which are too many for the topic."),
    "warnings": ("warnings", "Values that break a rule of the contract that only warns."),
    "batches": ("batches", "Transactions that were committed."),
    "aborted_transactions": ("aborted", "Transactions that were aborted; their events came again."),
    "model_swaps": ("swaps", "New versions that took over."),
    "future_events": ("future", "Events whose time lay in the future."),
    "lost_offsets": ("lost_offsets", "Offsets that were deleted before they were read."),
}


@dataclass
class StreamStatus:
    """What a worker shows; its thread writes, others read.

    Attributes:
        counts: What it has counted.
        ready_rows: Most unread events of a partition at which the worker is ready.
        models: The models that answer.
        assigned: Partitions; None before the group has decided.
        held: Partitions that wait for a partition of the topic of answers.
        waits_for: The sentence of what keeps events from being read, such as a schema registry; empty for nothing.
        is_reachable: Returns whether the broker answers; asked at each look, since the worker may be waiting for it.
        lags: What is unread, by partition.
        failed_looks: Looks for a new version that failed.
    """

    counts: StreamCounts = field(default_factory=StreamCounts)
    ready_rows: int = 10_000
    models: tuple[StreamModel, ...] = ()
    assigned: frozenset[int] | None = None
    held: frozenset[int] = frozenset()
    waits_for: str = ""
    is_reachable: Callable[[], bool] = lambda: True
    lags: dict[int, PartitionLag] = field(default_factory=dict)
    failed_looks: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find_obstacle(self) -> str:
        """Return in a few words why the worker is not ready; empty if it is."""
        if self.assigned is None:
            return "the group has given this worker no partitions yet"
        if not self.is_reachable():
            return "the broker does not answer"
        if self.waits_for:
            return self.waits_for
        if self.held:
            return f"partitions {sorted(self.held)} wait for partitions of the topic of answers"
        behind = [partition for partition, lag in self.lags.items() if lag.rows > self.ready_rows]
        return f"partitions {sorted(behind)} are more than {self.ready_rows} events behind" if behind else ""

    def answer_page(self, path: str, accept: str) -> tuple[int, bytes, str]:
        """Return status, body and media type of ``/metrics``, ``/readyz`` or ``/healthz``; 404 for other pages.

        Args:
            path: Path of the request.
            accept: The client's Accept header.
        """
        plain = "text/plain; charset=utf-8"
        with self.lock:
            if path == "/metrics":
                return (200, *self._render(accept))
            if path == "/readyz":
                obstacle = self.find_obstacle()
                return (503, f"{obstacle}\n".encode(), plain) if obstacle else (200, b"ok\n", plain)
        if path == "/healthz":
            return 200, b"ok\n", plain
        return 404, b"there are /metrics, /readyz and /healthz\n", plain

    def _render(self, accept: str) -> tuple[bytes, str]:
        registry = CollectorRegistry()
        registry.register(_Families(list(self._families())))
        encode, media_type = choose_encoder(accept)
        return bytes(encode(registry)), media_type

    def _families(self) -> Iterator[Metric]:
        for name, (attribute, meaning) in _COUNTERS.items():
            yield CounterMetricFamily(f"headrace_stream_{name}", meaning, value=getattr(self.counts, attribute))
        rejects = CounterMetricFamily("headrace_stream_rejects", "Dead letters by reason.", labels=["reason"])
        for reason, count in sorted(self.counts.rejects.items()):
            rejects.add_metric([reason], count)
        yield rejects
        failed = "Looks for a new version that failed."
        yield CounterMetricFamily("headrace_stream_failed_version_looks", failed, value=self.failed_looks)
        yield self._latencies()
        yield from self._gauges()

    def _latencies(self) -> Metric:
        sums = itertools.accumulate(self.counts.latencies)
        bounds = [*map(str, LATENCY_BOUNDS), "+Inf"]
        meaning = "Time from an event's timestamp to its committed answer."
        return HistogramMetricFamily(
            "headrace_stream_latency_seconds",
            meaning,
            buckets=list(zip(bounds, sums, strict=True)),
            sum_value=self.counts.latency_seconds,
        )

    def _gauges(self) -> Iterator[Metric]:
        rows = GaugeMetricFamily("headrace_stream_lag_rows", "Events that are not read yet.", labels=["partition"])
        offsets = GaugeMetricFamily(
            "headrace_stream_lag_offsets", "Offsets up to the end of the partition.", labels=["partition"]
        )
        for partition, lag in sorted(self.lags.items()):
            rows.add_metric([str(partition)], lag.rows)
            offsets.add_metric([str(partition)], lag.offsets)
        yield from (rows, offsets)
        gauges = {
            "assigned_partitions": ("Partitions of this worker.", len(self.assigned or ())),
            "held_partitions": ("Partitions that wait for a partition of the topic of answers.", len(self.held)),
            "broker_up": ("Whether the broker answers.", int(self.is_reachable())),
            "ready": ("Whether the worker has its partitions and is caught up.", int(not self.find_obstacle())),
        }
        for name, (meaning, value) in gauges.items():
            yield GaugeMetricFamily(f"headrace_stream_{name}", meaning, value=value)
        info = GaugeMetricFamily(
            "headrace_stream_model_info", "The versions that answer.", labels=["model", "version", "digest"]
        )
        for model in self.models:
            info.add_metric([model.served.name, model.version, model.served.digest], 1)
        yield info


class _Families:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; the library calls this."""
        yield from self._families
