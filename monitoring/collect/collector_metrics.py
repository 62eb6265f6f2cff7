"""Metrics of a collector in the text formats of Prometheus and OpenMetrics."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from headrace.monitoring.collect.collect_counts import CollectCounts

_COUNTERS = {
    "events": ("events", "Events that were accepted, repeated ones included."),
    "rows": ("rows", "Rows that were stored."),
    "rows_stored_before": ("stored_before", "Rows that were not stored, because the store had them."),
    "duplicate_events": ("duplicates", "Events that repeat an earlier one."),
    "incomplete_rows": ("incomplete", "Rows that were stored without their request or without their answer."),
    "removed_values": ("removed_values", "Values that were removed: personal, or of columns outside the contract."),
    "rows_left_out": ("rows_left_out", "Rows that the senders of events left out."),
    "events_without_time": ("without_time", "Events without a time of their own."),
    "late_events": ("late", "Events that are older than the newest one by more than the allowance."),
    "damaged_records": ("damaged", "Records of the journal that could not be read back."),
    "lost_offsets": ("lost_offsets", "Offsets of topics that were deleted before they were read."),
    "tombstones": ("tombstones", "Records without a value in topics of events."),
    "store_failures": ("store_failures", "Attempts to store rows that failed."),
}


def render_metrics(counts: CollectCounts, *, unwritten_bytes: int, waiting: int, accept: str) -> tuple[bytes, str]:
    """Return the text of ``/metrics`` and its media type.

    Args:
        counts: What the collector has counted.
        unwritten_bytes: Bytes of events that are in the journal, but not in the store.
        waiting: Number of events that wait for their other half.
        accept: The client's Accept header.
    """
    registry = CollectorRegistry()
    registry.register(_Families(list(_families(counts, unwritten_bytes, waiting))))
    encode, media_type = choose_encoder(accept)
    return bytes(encode(registry)), media_type


class _Families:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; the library calls this."""
        yield from self._families


def _families(counts: CollectCounts, unwritten_bytes: int, waiting: int) -> Iterator[Metric]:
    for name, (field, meaning) in _COUNTERS.items():
        yield CounterMetricFamily(f"headrace_collector_{name}", meaning, value=getattr(counts, field))
    refused = CounterMetricFamily("headrace_collector_refused", "Refused events by reason.", labels=["reason"])
    for reason, count in sorted(counts.refused.items()):
        refused.add_metric([reason], count)
    yield refused
    letters = CounterMetricFamily(
        "headrace_collector_dead_letters", "Events of a stream that the contract refused.", labels=["reason"]
    )
    for reason, count in sorted(counts.dead_letters.items()):
        letters.add_metric([reason], count)
    yield letters
    gauges = {
        "unwritten_bytes": ("Bytes of events that are not in the store yet.", unwritten_bytes),
        "waiting_events": ("Events that wait for their request or their response.", waiting),
        "last_event_timestamp_seconds": ("Time of the newest event; 0 for none.", counts.newest / 1e6),
    }
    for name, (meaning, value) in gauges.items():
        yield GaugeMetricFamily(f"headrace_collector_{name}", meaning, value=value)
