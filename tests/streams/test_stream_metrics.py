"""Metrics and readiness of a worker."""

from headrace.streams.broker import PartitionLag
from headrace.streams.stream_counts import StreamCounts
from headrace.streams.stream_metrics import StreamStatus
from tests.streams.made_streams import stream_model


def test_readiness_means_assigned_and_caught_up() -> None:
    """Not before the group has decided, with a broker that is gone, with partitions that wait, or far behind."""
    status = StreamStatus(ready_rows=10)
    assert status.answer_page("/readyz", "")[:2] == (503, b"the group has given this worker no partitions yet\n")
    status.assigned = frozenset()
    assert status.answer_page("/readyz", "")[0] == 200, "another worker has all partitions: this one stands by"
    status.assigned, status.lags = frozenset({0, 1}), {0: PartitionLag(10, 99), 1: PartitionLag(11, 11)}
    assert b"partitions [1] are more than 10 events behind" in status.answer_page("/readyz", "")[1]
    status.lags = {0: PartitionLag(10, 99), 1: PartitionLag(0, 1)}
    assert status.answer_page("/readyz", "")[0] == 200
    status.held = frozenset({1})
    assert status.answer_page("/readyz", "")[0] == 503
    status.held, status.is_reachable = frozenset(), lambda: False
    assert status.answer_page("/readyz", "")[0] == 503
    assert status.answer_page("/healthz", "")[0] == 200
    assert status.answer_page("/other", "")[0] == 404


def test_metrics_count_what_was_committed() -> None:
    """Latency has a class for each bound; events from the future and without a time have no latency."""
    counts = StreamCounts(events=5, answers=3, batches=1)
    counts.rejects["range"] += 2
    counts.add_latencies([999_000, 999_980, 999_980, 0, 1_000_500], 1000.0)
    status = StreamStatus(counts, models=(stream_model(),), lags={0: PartitionLag(7, 9)}, assigned=frozenset({0}))
    text = status.answer_page("/metrics", "")[1].decode()
    digest = stream_model().served.digest
    for line in (
        "headrace_stream_events_total 5.0",
        'headrace_stream_rejects_total{reason="range"} 2.0',
        'headrace_stream_latency_seconds_bucket{le="0.01"} 0.0',
        'headrace_stream_latency_seconds_bucket{le="0.025"} 2.0',
        'headrace_stream_latency_seconds_bucket{le="1.0"} 3.0',
        'headrace_stream_latency_seconds_bucket{le="+Inf"} 3.0',
        "headrace_stream_latency_seconds_count 3.0",
        "headrace_stream_latency_seconds_sum 1.04",
        "headrace_stream_future_events_total 1.0",
        'headrace_stream_lag_rows{partition="0"} 7.0',
        'headrace_stream_lag_offsets{partition="0"} 9.0',
        f'headrace_stream_model_info{{digest="{digest}",model="customers",version="1.0.0"}} 1.0',
        "headrace_stream_ready 1.0",
    ):
        assert line in text, line
