"""Metrics of all workers in the text formats of Prometheus and OpenMetrics."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from headrace.core.features.bins import ColumnBins
from headrace.serving.model.served_model import ServedModel
from headrace.serving.telemetry import slots
from headrace.serving.telemetry.feature_histograms import FeatureHistograms
from headrace.serving.telemetry.process_usage import read_usage
from headrace.serving.telemetry.shared_counters import SharedCounters


def render_metrics(
    counters: SharedCounters, served: ServedModel, histograms: FeatureHistograms, accept: str
) -> tuple[bytes, str]:
    """Return the text of ``/metrics``.

    Args:
        counters: The counters of all workers.
        served: The current model.
        histograms: Layout of its histograms.
        accept: The client's Accept header.

    Returns:
        The text, and its media type.
    """
    numbers = counters.total(histograms.id).tolist()
    registry = CollectorRegistry()
    families = (*_families(numbers, served, histograms), *_process_families(counters))
    registry.register(_Collector(families))
    encode, media_type = choose_encoder(accept)
    return bytes(encode(registry)), media_type


class _Collector:
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; the library calls this."""
        yield from self._families


def _families(numbers: Sequence[float], served: ServedModel, histograms: FeatureHistograms) -> Iterator[Metric]:
    yield _info(served)
    yield _counter_metric(
        "headrace_requests", "Requests by protocol and HTTP status.", ["protocol", "code"], _requests(numbers)
    )
    yield _durations(numbers)
    yield _histogram_metric(
        "headrace_engine_duration_seconds", "Time of the engine for one request.", numbers, slots.ENGINE
    )
    model = {"model_name": served.name}
    yield _histogram_metric(
        "request_predict_seconds", "Time of the engine, by KServe's name.", numbers, slots.ENGINE, model
    )
    yield _histogram_metric(
        "request_explain_seconds", "Time of explanations, by KServe's name.", numbers, slots.EXPLAIN, model
    )
    rejected = zip(((reason,) for reason in slots.REASONS), numbers[slots.REJECTED : slots.SWAPPED], strict=True)
    yield _counter_metric("headrace_rejected_requests", "Refused requests by reason.", ["reason"], rejected)
    swaps = zip(((result,) for result in slots.SWAPS), numbers[slots.SWAPPED : slots.ROWS], strict=True)
    yield _counter_metric("headrace_model_reloads", "Model versions that were loaded, or refused.", ["result"], swaps)
    yield CounterMetricFamily("headrace_rows", "Rows that were scored.", value=numbers[slots.ROWS])
    yield CounterMetricFamily(
        "headrace_unusual_rows", "Rows that were scored though unlike the training rows.", value=numbers[slots.UNUSUAL]
    )
    yield CounterMetricFamily(
        "headrace_log_entries_dropped", "Log entries that were dropped.", value=numbers[slots.DROPPED]
    )
    yield GaugeMetricFamily("headrace_in_flight_requests", "Requests in flight.", value=numbers[slots.IN_FLIGHT])
    yield from _distributions(numbers[slots.DISTRIBUTIONS :], histograms)


def _process_families(counters: SharedCounters) -> Iterator[Metric]:
    """Yield the metrics of the server's processes, by the names of Prometheus' own clients."""
    yield GaugeMetricFamily(
        "process_start_time_seconds", "Start of the server, in seconds since 1970.", value=counters.server_start
    )
    usage = read_usage(counters.server_pid)
    if usage is None:
        return
    yield CounterMetricFamily(
        "process_cpu_seconds", "Processor time of all processes of the server.", value=usage.cpu_seconds
    )
    yield GaugeMetricFamily(
        "process_resident_memory_bytes",
        "Memory of all processes of the server; shared pages count once.",
        value=usage.memory_bytes,
    )


def _info(served: ServedModel) -> Metric:
    names = ["name", "digest", "engine", "family"]
    metric = GaugeMetricFamily("headrace_model_info", "The model that is served; always 1.", labels=names)
    metric.add_metric([served.name, served.digest, served.scorer.engine.name, served.scorer.family], 1.0)
    return metric


def _counter_metric(name: str, help_: str, labels: list[str], counts: Iterable[tuple[Sequence[str], float]]) -> Metric:
    metric = CounterMetricFamily(name, help_, labels=labels)
    # With zeros: Prometheus sees no increase in a series that begins at its first error.
    for values, count in counts:
        metric.add_metric(values, count)
    return metric


def _requests(numbers: Sequence[float]) -> Iterator[tuple[Sequence[str], float]]:
    for protocol in slots.PROTOCOLS:
        for code in slots.CODES:
            yield (protocol, str(code)), numbers[slots.request(protocol, code)]


def _durations(numbers: Sequence[float]) -> Metric:
    name, description = "headrace_request_duration_seconds", "Time from the last byte of a request to its response."
    metric = HistogramMetricFamily(name, description, labels=["protocol"])
    for index, protocol in enumerate(slots.PROTOCOLS):
        buckets, total = slots.histogram(numbers, slots.DURATIONS + index * (len(slots.SECONDS) + 2))
        metric.add_metric([protocol], buckets, total)
    return metric


def _histogram_metric(
    name: str, help_: str, numbers: Sequence[float], first: int, labels: dict[str, str] | None = None
) -> Metric:
    metric = HistogramMetricFamily(name, help_, labels=list(labels or {}))
    buckets, total = slots.histogram(numbers, first)
    metric.add_metric(list((labels or {}).values()), buckets, total)
    return metric


def _distributions(counts: Sequence[float], histograms: FeatureHistograms) -> Iterator[Metric]:
    values = HistogramMetricFamily("headrace_feature_value", "Numbers in the model's inputs.", labels=["feature"])
    categories = CounterMetricFamily(
        "headrace_feature_category", "Categories in the model's inputs.", labels=["feature", "category"]
    )
    missing = CounterMetricFamily("headrace_feature_missing", "Missing values in the inputs.", labels=["feature"])
    for start, _, bins in histograms.columns:
        missing.add_metric([bins.name], counts[start + bins.count])
        if bins.edges:
            values.add_metric([bins.name], _buckets(counts, start, bins), counts[start + bins.count + 1])
        else:
            for index, category in enumerate((*bins.categories, "other")):
                categories.add_metric([bins.name, category], counts[start + index])
    yield from (values, categories, missing)
    yield from _answers(counts, histograms)


def _answers(counts: Sequence[float], histograms: FeatureHistograms) -> Iterator[Metric]:
    if not histograms.classes:
        metric = HistogramMetricFamily("headrace_prediction_value", "Predicted values.")
        start, bins = histograms.answers[0]
        metric.add_metric([], _buckets(counts, start, bins), counts[start + bins.count])
        yield metric
        return
    metric = HistogramMetricFamily("headrace_prediction_probability", "Probabilities by class.", labels=["class"])
    chosen = CounterMetricFamily("headrace_predictions", "Predicted classes.", labels=["class"])
    for index, (name, (start, bins)) in enumerate(zip(histograms.classes, histograms.answers, strict=True)):
        metric.add_metric([name], _buckets(counts, start, bins), counts[start + bins.count])
        chosen.add_metric([name], counts[histograms.chosen + index])
    yield from (metric, chosen)


def _buckets(counts: Sequence[float], start: int, bins: ColumnBins) -> list[tuple[str, float]]:
    total, buckets = 0.0, []
    for index, edge in enumerate([*(f"{edge:.6g}" for edge in bins.edges), "+Inf"]):
        total += counts[start + index]
        buckets.append((edge, total))
    return buckets
