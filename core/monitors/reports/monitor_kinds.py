"""The monitors by name: their level, unit and meaning.

The page, the gauges, the rules of Prometheus, the dashboards and the policy are made from this one table.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["resource", "data", "performance"]
LEVELS: tuple[Level, ...] = ("resource", "data", "performance")


@dataclass(frozen=True)
class MonitorKind:
    """A monitor.

    Attributes:
        name: Name in documents, policies and metrics.
        level: What it looks at: the server, the data, or how good the predictions are.
        unit: Unit of its value: ``share``, ``seconds``, ``bytes``, ``rows``, ``requests per second``, ``effect`` (0 to
            1), ``cores``, ``count``, ``times`` (as fast as allowed) or ``metric`` (that of the metric which is its
            subject).
        subject: What one result of it is about: ``column``, ``metric``, ``slice``, ``rule``, ``objective``, ``pod``;
            empty if there is one result for the whole model.
        meaning: What it says, as a sentence without its full stop.
    """

    name: str
    level: Level
    unit: str
    subject: str
    meaning: str


MONITORS: dict[str, MonitorKind] = {
    kind.name: kind
    for kind in (
        MonitorKind("availability", "resource", "share", "", "Share of the time in which the endpoint was ready"),
        MonitorKind("request_rate", "resource", "requests per second", "", "Requests that it answered"),
        MonitorKind("error_rate", "resource", "share", "", "Share of requests answered by an error of the server"),
        MonitorKind("latency", "resource", "seconds", "", "Time below which 99 of 100 requests were answered"),
        MonitorKind("cpu", "resource", "cores", "pod", "Processor cores in use"),
        MonitorKind("memory", "resource", "bytes", "pod", "Memory in use"),
        MonitorKind("restarts", "resource", "count", "pod", "Restarts of its processes"),
        MonitorKind("lag", "resource", "rows", "", "Rows that wait to be scored"),
        MonitorKind(
            "error_budget", "resource", "share", "objective", "Share of an objective's error budget that is left"
        ),
        MonitorKind(
            "burn_rate", "resource", "times", "objective", "Speed at which an objective's error budget is used up"
        ),
        MonitorKind("contract_violations", "data", "share", "rule", "Share of rows that break a rule of the contract"),
        MonitorKind("missing", "data", "share", "column", "Share of rows without a value"),
        MonitorKind(
            "unseen_categories", "data", "share", "column", "Share of rows with a category that is not in the contract"
        ),
        MonitorKind("duplicate_requests", "data", "share", "", "Share of requests that repeat an earlier one"),
        MonitorKind("duplicate_rows", "data", "share", "", "Share of rows that repeat an earlier one"),
        MonitorKind("freshness", "data", "seconds", "", "Time since the newest row"),
        MonitorKind("input_drift", "data", "effect", "column", "Change of an input's distribution since training"),
        MonitorKind("joint_drift", "data", "effect", "", "Change of the distribution of all inputs together"),
        MonitorKind("prediction_drift", "data", "effect", "", "Change of the distribution of the predictions"),
        MonitorKind(
            "drift_attribution",
            "data",
            "share",
            "column",
            "Part of the predictions' change that an input's drift explains",
        ),
        MonitorKind(
            "measured_performance",
            "performance",
            "metric",
            "metric",
            "A metric, measured on the rows whose labels have come",
        ),
        MonitorKind(
            "slice_performance", "performance", "metric", "slice", "The main metric on a part of the labelled rows"
        ),
        MonitorKind("label_coverage", "performance", "share", "", "Share of rows whose labels have come"),
        MonitorKind(
            "label_bias",
            "performance",
            "effect",
            "",
            "Difference between the rows whose labels have come and the others",
        ),
        MonitorKind(
            "estimated_performance",
            "performance",
            "metric",
            "metric",
            "A metric, estimated from calibrated probabilities for rows without labels",
        ),
        MonitorKind(
            "degradation",
            "performance",
            "metric",
            "metric",
            "How much worse a metric is than on the test part, by a test that may be read at any time",
        ),
        MonitorKind("change_point", "performance", "metric", "metric", "A moment at which the error changed"),
    )
}
