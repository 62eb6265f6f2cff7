"""Counters of a version's servers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.stores.metrics.metric_sample import MetricSample

Numbers = Mapping[str, float]
PREDICTED = "predicted class"
VALUE = "predicted value"


@dataclass(frozen=True)
class RequestCounts:
    """Counters of some servers, or their increments.

    Attributes:
        codes: Answered requests for predictions by HTTP status, without those whose client disconnected.
        seconds: Answered requests by the upper edge of their time's bucket in seconds, ``inf`` for the last.
        rows: Number of scored rows.
        predictions: Rows by bin, for each distribution of predictions.
        outcomes: Predictions with known labels: ``count``, and ``total`` and ``squares`` of their costs.
    """

    codes: Numbers = field(default_factory=dict)
    seconds: Numbers = field(default_factory=dict)
    rows: float = 0.0
    predictions: Mapping[str, Numbers] = field(default_factory=dict)
    outcomes: Numbers = field(default_factory=dict)

    @property
    def requests(self) -> float:
        """Answered requests for predictions."""
        return sum(self.codes.values())

    @property
    def errors(self) -> float:
        """Requests that were refused or failed."""
        return sum(count for code, count in self.codes.items() if not code.startswith("2"))

    def __add__(self, other: "RequestCounts") -> "RequestCounts":
        """Return the sum of both."""
        return self._combine(other, 1.0)

    def since(self, before: "RequestCounts") -> "RequestCounts":
        """Return the increments of the counters since ``before``.

        A counter that is smaller than before was reset, as all are when their server restarts: then its whole value is
        the increment. Bins alone are reset when a server replaces its model.
        """
        reset = self.rows < before.rows or any(
            _smaller(after, earlier) for after, earlier in ((self.codes, before.codes), (self.seconds, before.seconds))
        )
        if reset:
            return self
        previous_predictions = {
            name: bins
            for name, bins in before.predictions.items()
            if not _smaller(self.predictions.get(name, {}), bins)
        }
        outcomes = {} if _smaller(self.outcomes, before.outcomes) else before.outcomes
        return self._combine(replace(before, predictions=previous_predictions, outcomes=outcomes), -1.0)

    def _combine(self, other: "RequestCounts", sign: float) -> "RequestCounts":
        names = [*self.predictions, *(name for name in other.predictions if name not in self.predictions)]
        return RequestCounts(
            codes=_sum(self.codes, other.codes, sign),
            seconds=_sum(self.seconds, other.seconds, sign),
            rows=self.rows + sign * other.rows,
            predictions={
                name: _sum(self.predictions.get(name, {}), other.predictions.get(name, {}), sign) for name in names
            },
            outcomes=_sum(self.outcomes, other.outcomes, sign),
        )


def _smaller(after: Numbers, before: Numbers) -> bool:
    return any(after.get(key, 0.0) < count for key, count in before.items())


def _sum(first: Numbers, second: Numbers, sign: float) -> dict[str, float]:
    keys = [*first, *(key for key in second if key not in first)]
    return {key: first.get(key, 0.0) + sign * second.get(key, 0.0) for key in keys}


PREDICTIONS = {"v1", "v2", "grpc"}
_LEFT = "499"


def of(samples: Iterable[MetricSample]) -> RequestCounts:
    """Return the counts of one server, or of several, from its metrics; see docs/guides/monitoring.md."""
    codes: dict[str, float] = {}
    seconds: dict[float, float] = {}
    predictions: dict[str, dict[Any, float]] = {}
    rows = 0.0
    for sample in samples:
        labels = sample.labels
        is_prediction = labels.get("protocol") in PREDICTIONS
        if sample.name == "headrace_requests_total" and is_prediction and labels["code"] != _LEFT and sample.value:
            codes[labels["code"]] = codes.get(labels["code"], 0.0) + sample.value
        elif sample.name == "headrace_request_duration_seconds_bucket" and is_prediction:
            seconds[float(labels["le"])] = seconds.get(float(labels["le"]), 0.0) + sample.value
        elif sample.name == "headrace_rows_total":
            rows += sample.value
        elif sample.name == "headrace_predictions_total":
            _into(predictions, PREDICTED, labels["class"], sample.value)
        elif sample.name == "headrace_prediction_probability_bucket":
            _into(predictions, f"probability of {labels['class']}", float(labels["le"]), sample.value)
        elif sample.name == "headrace_prediction_value_bucket":
            _into(predictions, VALUE, float(labels["le"]), sample.value)
    return RequestCounts(
        codes=codes,
        seconds=_apart(seconds),
        rows=rows,
        predictions={name: bins if name == PREDICTED else _apart(bins) for name, bins in sorted(predictions.items())},
    )


def _into(predictions: dict[str, dict[Any, float]], name: str, key: Any, value: float) -> None:
    bins = predictions.setdefault(name, {})
    bins[key] = bins.get(key, 0.0) + value


def _apart(cumulative: Mapping[float, float]) -> dict[str, float]:
    """Return the counts by bucket from cumulative counts."""
    counts, before = {}, 0.0
    for edge in sorted(cumulative):
        counts[f"{edge:g}"] = cumulative[edge] - before
        before = cumulative[edge]
    return counts
