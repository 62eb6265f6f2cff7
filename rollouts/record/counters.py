"""What a version's servers have counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Numbers = Mapping[str, float]
PREDICTED = "predicted class"
VALUE = "predicted value"


@dataclass(frozen=True)
class RequestCounts:
    """Counters of some servers, or what was added to them.

    Attributes:
        codes: Answered requests for predictions by HTTP status; those whose client left are not among them.
        seconds: Answered requests by the upper edge of the time that they took, ``inf`` for the last.
        rows: Rows that were scored.
        answers: Rows by bin, for each distribution of what was predicted.
        outcomes: Predictions whose truth is known: ``count``, ``total`` and ``squares`` of what they cost.
    """

    codes: Numbers = field(default_factory=dict)
    seconds: Numbers = field(default_factory=dict)
    rows: float = 0.0
    answers: Mapping[str, Numbers] = field(default_factory=dict)
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
        """Both together."""
        return self._combine(other, 1.0)

    def since(self, before: "RequestCounts") -> "RequestCounts":
        """What was added to the counters since ``before``.

        A counter that is smaller than before was begun anew, as all are when their server is started again: then all of
        it was added. Bins are begun anew alone when a server changes its model.
        """
        begun = self.rows < before.rows or any(
            _smaller(mine, theirs) for mine, theirs in ((self.codes, before.codes), (self.seconds, before.seconds))
        )
        if begun:
            return self
        kept = {name: bins for name, bins in before.answers.items() if not _smaller(self.answers.get(name, {}), bins)}
        outcomes = {} if _smaller(self.outcomes, before.outcomes) else before.outcomes
        return self._combine(replace(before, answers=kept, outcomes=outcomes), -1.0)

    def _combine(self, other: "RequestCounts", sign: float) -> "RequestCounts":
        names = [*self.answers, *(name for name in other.answers if name not in self.answers)]
        return RequestCounts(
            codes=_sum(self.codes, other.codes, sign),
            seconds=_sum(self.seconds, other.seconds, sign),
            rows=self.rows + sign * other.rows,
            answers={name: _sum(self.answers.get(name, {}), other.answers.get(name, {}), sign) for name in names},
            outcomes=_sum(self.outcomes, other.outcomes, sign),
        )


def _smaller(after: Numbers, before: Numbers) -> bool:
    return any(after.get(key, 0.0) < count for key, count in before.items())


def _sum(first: Numbers, second: Numbers, sign: float) -> dict[str, float]:
    keys = [*first, *(key for key in second if key not in first)]
    return {key: first.get(key, 0.0) + sign * second.get(key, 0.0) for key in keys}


@dataclass(frozen=True)
class MetricSample:
    """A number of a server's metrics.

    Attributes:
        name: Name of the series.
        labels: Its labels.
        value: The number.
    """

    name: str
    labels: Mapping[str, str]
    value: float


PREDICTIONS = {"v1", "v2", "grpc"}
_LEFT = "499"


def of(samples: Iterable[MetricSample]) -> RequestCounts:
    """Return the counts of one server, or of several, from its metrics; see docs/guides/monitoring.md."""
    codes: dict[str, float] = {}
    seconds: dict[float, float] = {}
    answers: dict[str, dict[Any, float]] = {}
    rows = 0.0
    for one in samples:
        labels = one.labels
        asked = labels.get("protocol") in PREDICTIONS
        if one.name == "headrace_requests_total" and asked and labels["code"] != _LEFT:
            codes[labels["code"]] = codes.get(labels["code"], 0.0) + one.value
        elif one.name == "headrace_request_duration_seconds_bucket" and asked:
            seconds[float(labels["le"])] = seconds.get(float(labels["le"]), 0.0) + one.value
        elif one.name == "headrace_rows_total":
            rows += one.value
        elif one.name == "headrace_predicted_total":
            _into(answers, PREDICTED, labels["class"], one.value)
        elif one.name == "headrace_prediction_probability_bucket":
            _into(answers, f"probability of {labels['class']}", float(labels["le"]), one.value)
        elif one.name == "headrace_prediction_value_bucket":
            _into(answers, VALUE, float(labels["le"]), one.value)
    return RequestCounts(
        codes=codes,
        seconds=_apart(seconds),
        rows=rows,
        answers={name: found if name == PREDICTED else _apart(found) for name, found in sorted(answers.items())},
    )


def _into(answers: dict[str, dict[Any, float]], name: str, key: Any, value: float) -> None:
    own = answers.setdefault(name, {})
    own[key] = own.get(key, 0.0) + value


def _apart(cumulative: Mapping[float, float]) -> dict[str, float]:
    """Counts by bucket of cumulative ones."""
    found, before = {}, 0.0
    for edge in sorted(cumulative):
        found[f"{edge:g}"] = cumulative[edge] - before
        before = cumulative[edge]
    return found
