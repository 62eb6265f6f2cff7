"""The gauges of monitors in Prometheus' text format, from reports.

=====================================================  =========================================================
``headrace_monitor_value``                             A result's value, by ``model``, ``monitor``, ``subject``.
``headrace_monitor_status``                            1 for its status, 0 for the others; also by ``status``.
``headrace_monitor_results``                           Number of results, by ``model``, ``level``, ``monitor``,
                                                       ``status``: complete, however many subjects there are.
``headrace_monitor_omitted_results``                   Results without gauges of their own, by ``model``.
``headrace_monitor_rows``                              Rows in the window, and those with labels: ``state``.
``headrace_monitor_window_end_timestamp_seconds``      End of the report's window.
``headrace_monitor_last_run_timestamp_seconds``        When the monitors last ran to their end.
``headrace_monitor_interval_seconds``                  How often they are meant to run.
``headrace_monitor_decision``                          1 for what was decided, 0 for the rest; ``decision``.
=====================================================  =========================================================

A value that is not known has no series. Names of columns and slices become labels, escaped by the client library; a
label holds at most 200 characters, a model at most 500 results.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from headrace.core.base.errors import InputError
from headrace.core.base.files import write_text
from headrace.core.monitors.decisions.decision import DecisionOutcome
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult, Status
from headrace.core.monitors.reports.time_window import parse_moment

OUTCOMES: tuple[DecisionOutcome, ...] = get_args(DecisionOutcome)
STATUSES: tuple[Status, ...] = get_args(Status)
MOST_RESULTS = 500
MOST_LABEL_CHARACTERS = 200
# Which results keep their gauges where there are too many.
_URGENCY: tuple[Status, ...] = ("data_fault", "violated", "unknown", "ok")


@dataclass(frozen=True)
class MonitorRun:
    """The last run of a model's monitors.

    Attributes:
        report: Its report.
        finished: When it ended.
        decision: What was decided; None if nothing decides.
        interval_seconds: How often the monitors are meant to run; 0 if they run at no fixed times.
    """

    report: MonitorReport
    finished: datetime
    decision: DecisionOutcome | None = None
    interval_seconds: float = 0.0


def render_gauges(runs: Iterable[MonitorRun], *, accept: str = "") -> tuple[bytes, str]:
    """Return the gauges as a text.

    Args:
        runs: The last run of each model.
        accept: The client's Accept header, which may ask for OpenMetrics.

    Returns:
        The text, and its media type.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(_families(tuple(runs))))
    encode, media_type = choose_encoder(accept)
    return bytes(encode(registry)), media_type


def write_gauges(path: Path, runs: Iterable[MonitorRun]) -> None:
    """Write the gauges for the textfile collector of Prometheus' node exporter, as a batch job does at its end.

    Args:
        path: The file, whose name must end with ``.prom``. It is whole at any moment, as the collector demands.
        runs: The last run of each model.

    Raises:
        InputError: If the name ends otherwise, or the folder cannot be written.
    """
    if path.suffix != ".prom":
        raise InputError(f"a file of gauges must end with .prom, else the collector ignores it; got {path.name}.")
    write_text(path, render_gauges(runs)[0].decode())


class _Collector:
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; the library calls this."""
        yield from self._families


def _families(runs: Sequence[MonitorRun]) -> tuple[Metric, ...]:
    values = _gauge("value", "Value of a monitor, in the monitor's unit.", "model", "monitor", "subject")
    statuses = _gauge("status", "Status of a monitor; 1 for the present one.", "model", "monitor", "subject", "status")
    results = _gauge("results", "Results of a monitor by status.", "model", "level", "monitor", "status")
    omitted = _gauge("omitted_results", "Results without gauges of their own.", "model")
    rows = _gauge("rows", "Rows in the last window.", "model", "state")
    ends = _gauge("window_end_timestamp_seconds", "End of the last window, in seconds since 1970.", "model")
    finished = _gauge("last_run_timestamp_seconds", "End of the last run, in seconds since 1970.", "model")
    intervals = _gauge("interval_seconds", "How often the monitors are meant to run.", "model")
    decisions = _gauge("decision", "What was last decided; 1 for that.", "model", "decision")
    for run in runs:
        report, model = run.report, _label(run.report.name)
        for (monitor, status), count in _count(report.results).items():
            results.add_metric([model, MONITORS[monitor].level, monitor, status], count)
        chosen = select_results(report.results)
        omitted.add_metric([model], len(report.results) - len(chosen))
        for result in chosen:
            subject = _label(result.subject)
            if result.value is not None and math.isfinite(result.value):
                values.add_metric([model, result.monitor, subject], result.value)
            for status in STATUSES:
                statuses.add_metric([model, result.monitor, subject, status], float(result.status == status))
        rows.add_metric([model, "scored"], report.rows)
        rows.add_metric([model, "labelled"], report.labelled)
        ends.add_metric([model], parse_moment(report.window.end).timestamp())
        finished.add_metric([model], run.finished.timestamp())
        if run.interval_seconds > 0:
            intervals.add_metric([model], run.interval_seconds)
        if run.decision:
            for outcome in OUTCOMES:
                decisions.add_metric([model, outcome], float(outcome == run.decision))
    return (values, statuses, results, omitted, rows, ends, finished, intervals, decisions)


def _gauge(name: str, description: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"headrace_monitor_{name}", description, labels=labels)


def _count(results: Iterable[MonitorResult]) -> dict[tuple[str, Status], int]:
    """Return how many results of each monitor have each status, also where there is no such result."""
    counted = Counter((result.monitor, result.status) for result in results)
    monitors = dict.fromkeys(monitor for monitor, _ in counted)
    return {(monitor, status): counted[monitor, status] for monitor in monitors for status in STATUSES}


def select_results(results: Sequence[MonitorResult], most: int = MOST_RESULTS) -> tuple[MonitorResult, ...]:
    """Return the results that have gauges of their own: each subject once, the most urgent ones if there are too many.

    Args:
        results: The results.
        most: Largest number.
    """
    unique = {(result.monitor, _label(result.subject)): result for result in reversed(results)}
    ordered = sorted(unique.values(), key=lambda result: _URGENCY.index(result.status))
    kept = {id(result) for result in ordered[:most]}
    return tuple(result for result in results if id(result) in kept)


def _label(text: str) -> str:
    return text if len(text) <= MOST_LABEL_CHARACTERS else text[: MOST_LABEL_CHARACTERS - 1] + "…"
