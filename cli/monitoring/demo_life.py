"""``headrace demo --life``: a year of a model in use in about two minutes, each part of it real but the clock.

A made world of pumps is inspected each week. A server answers, its log is collected, labels come two weeks late, and
each week is monitored and decided about. In the year a sensor falls silent, the weather warms slowly, and a new
lubricant makes the model wrong; it is retrained, and the new version takes over.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
import typer

from headrace.cli.monitoring.pumps import TARGET, PumpWeek, draw_training_table, draw_year
from headrace.cli.options.demo_folder import clear_demo_folder
from headrace.core.base.errors import InternalError
from headrace.core.base.files import write_text
from headrace.core.monitors.reports.time_window import rfc3339

if TYPE_CHECKING:
    from headrace.api.run_result import Run
    from headrace.api.serving import ModelEndpoint
    from headrace.core.monitors.decisions.policy import MonitoringPolicy
    from headrace.monitoring.monitors.monitor_window import MonitoredWindow

LABEL_WEEKS = 2
_NAME = "pumps"
_WEEK = timedelta(weeks=1)
_LOG_SECONDS = 30.0
_ROWS_OF_REQUEST = 5
_POLICY = """\
# The demonstration's policy: a week is a window, and two of three windows must agree.
format: 1
window: week
violated_windows: 2
considered_windows: 3
false_alarms_per_year: 1
monitors:
  contract_violations: {}
  missing: {}
  input_drift: {action: warn}
  joint_drift: {action: warn}
  prediction_drift: {action: warn}
  drift_attribution: {}
  measured_performance: {action: warn}
  estimated_performance: {action: warn}
  degradation: {action: retrain}
retraining:
  at_least_every_days: 365
  at_most_every_days: 30
  least_new_labels: 1000
  rows: sliding
  sliding_days: 28
cool_down_days: 14
pull_out: roll_back
approve: []
"""
_FAMILIES, _BUDGET = ["logistic", "hist_gradient_boosting"], 6


@dataclass
class Life:
    """A year of the model.

    Attributes:
        home: Folder of everything.
        policy: The monitoring policy.
        versions: Runs of the versions so far, the one in service last.
        trained: When that one was trained, by the clock of the demonstration.
        requests: Ids of the requests of each week, by its number.
        seen: What a person would have seen, and when.
    """

    home: Path
    policy: "MonitoringPolicy"
    versions: list["Run"]
    trained: datetime
    requests: dict[int, list[str]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """The monitoring store."""
        return self.home / "monitoring"

    @property
    def log(self) -> Path:
        """Log of requests and responses."""
        return self.home / "payloads.jsonl"

    def see(self, moment: datetime, text: str) -> None:
        """Print and keep a line."""
        line = f"{moment:%Y-%m-%d}  {text}"
        self.seen.append(line)
        typer.echo(line)


def run_life(home: Path, *, seed: int) -> Path:
    """Live through the year; return the page.

    Args:
        home: Folder for everything; an earlier demonstration in it is replaced.
        seed: Seed of the made world.

    Raises:
        HeadraceError: If a part fails, or the folder holds something else.
    """
    from headrace import api as hr  # noqa: PLC0415 - slow to import, and other commands need none
    from headrace.api.monitoring.monitor import write_monitor_page  # noqa: PLC0415 - as above
    from headrace.core.monitors.decisions.policy_yaml import parse_policy  # noqa: PLC0415 - as above

    table = home / "pumps.csv"
    clear_demo_folder(home, table)
    year = draw_year(seed)
    draw_training_table(seed).drop("time").write_csv(table)
    write_text(home / "monitoring.yaml", _POLICY)
    typer.echo(f"A model learns from {table} which pumps will fail. A minute of patience, then a year passes.\n")
    first = hr.run(
        str(table), target=TARGET, positive="yes", name=_NAME, families=_FAMILIES, budget=_BUDGET, seed=seed,
        output=home / "version-1",
    )  # fmt: skip
    life = Life(home, parse_policy(_POLICY), [first], year[0][0].start)
    life.see(year[0][0].start, f"Version 1 serves: {_describe_metric(first)} on its test part.")
    with ExitStack() as stack:
        endpoint = stack.enter_context(hr.serve(first, log_url=str(life.log)))
        for week, frame in year:
            _send_traffic(life, endpoint, week, frame)
            _send_labels(life, year, week)
            found = _monitor(life, week)
            _tell(life, week, found)
            if found.decision.outcome == "retrain" and _retrain(life, week, table):
                stack.close()
                life.log.unlink()
                endpoint = stack.enter_context(hr.serve(life.versions[-1], log_url=str(life.log)))
    page = home / "monitor.html"
    write_monitor_page(page, life.versions[-1], life.store, earlier=life.versions[:-1])
    return page


def _describe_metric(run: "Run") -> str:
    metric = run.metrics["roc_auc"]
    return f"ROC AUC {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"


def _send_traffic(life: Life, endpoint: "ModelEndpoint", week: PumpWeek, frame: pl.DataFrame) -> None:
    """Send a week's inspections, a few in each request, and collect what the server logged."""
    from headrace import api as hr  # noqa: PLC0415 - as above

    begin = _count_lines(life.log)
    requests = list(_split_requests(frame))
    for _, rows in requests:
        endpoint.predict(rows.drop("time", TARGET))
    events = _wait_for_events(life.log, begin, 2 * len(requests))
    names = list(dict.fromkeys(event["id"] for event in events))
    moments = dict(zip(names, (moment for moment, _ in requests), strict=True))
    life.requests[week.number] = names
    dated = life.home / "events" / f"week-{week.number:02d}.jsonl"
    dated.parent.mkdir(exist_ok=True)
    lines = [orjson.dumps({**event, "time": rfc3339(moments[event["id"]])}) for event in events]
    dated.write_bytes(b"\n".join(lines) + b"\n")
    hr.collect(life.versions[-1], life.store, [dated])


def _split_requests(frame: pl.DataFrame) -> Iterator[tuple[datetime, pl.DataFrame]]:
    """Yield the time of each request of a week and its rows (n), in order."""
    for rows in frame.iter_slices(_ROWS_OF_REQUEST):
        yield rows.get_column("time")[0], rows


def _count_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _wait_for_events(log: Path, begin: int, count: int) -> list[dict[str, Any]]:
    """Return the events after line ``begin``, as soon as the server has logged them all.

    Raises:
        InternalError: If it does not.
    """
    end = time.monotonic() + _LOG_SECONDS
    while _count_lines(log) < begin + count:
        if time.monotonic() > end:
            raise InternalError(f"the server must log {count} events in {log} within {_LOG_SECONDS:g} s; it did not.")
        time.sleep(0.02)
    return [orjson.loads(line) for line in log.read_bytes().splitlines()[begin : begin + count]]


def _send_labels(life: Life, year: Sequence[tuple[PumpWeek, pl.DataFrame]], now: PumpWeek) -> None:
    """Store what became of the pumps that were inspected two weeks ago."""
    from headrace.core.bundles.bundle import open_bundle  # noqa: PLC0415 - as above
    from headrace.core.contracts import contract_yaml  # noqa: PLC0415 - as above
    from headrace.monitoring.labels.label_intake import take_labels  # noqa: PLC0415 - as above
    from headrace.monitoring.labels.label_store import LabelStore  # noqa: PLC0415 - as above
    from headrace.monitoring.windows.window_store import WindowStore  # noqa: PLC0415 - as above
    from headrace.stores.objects.open_objects import open_objects  # noqa: PLC0415 - as above

    then = now.number - LABEL_WEEKS
    if then < 0:
        return
    frame = year[then][1]
    parts = [
        pl.DataFrame({"request_id": name, "row": range(rows.height), TARGET: rows.get_column(TARGET)})
        for name, (_, rows) in zip(life.requests[then], _split_requests(frame), strict=True)
    ]
    bundle = open_bundle(life.versions[-1].home / "bundle")
    place = open_objects(str(life.store))
    take_labels(
        pl.concat(parts),
        contract_yaml.load(bundle.folder / "contract.yaml"),
        rows=WindowStore(place, _NAME),
        labels=LabelStore(place, _NAME),
        now=now.start + timedelta(days=1),
    )


def _monitor(life: Life, week: PumpWeek) -> "MonitoredWindow":
    from headrace.api.monitoring.monitor import monitor  # noqa: PLC0415 - as above

    return monitor(
        life.versions[-1], life.store, now=week.start + _WEEK, policy=life.policy, trained=life.trained, addresses=()
    )


def _tell(life: Life, week: PumpWeek, found: "MonitoredWindow") -> None:
    """Say what was decided, where it differs from the week before."""
    outcome, reasons = found.decision.outcome, found.decision.reasons
    text = {
        "nothing": "All is well.",
        "warn": f"Warning: {reasons[0]}",
        "retrain": f"Retrain: {reasons[0]}",
        "roll_back": f"Roll back: {reasons[0]}",
        "stop": f"Stop, nothing is trained: {' '.join(reasons[1:2])}",
    }[outcome]
    last = life.seen[-1][12:] if life.seen else ""
    if outcome == "nothing" and last.startswith(("All is well", "Version")):
        return
    if last.split(":")[0] != text.split(":")[0] or outcome in {"retrain", "stop"}:
        life.see(week.start + _WEEK, text)


def _retrain(life: Life, week: PumpWeek, table: Path) -> bool:
    """Retrain on the latest labelled rows; return whether the new version takes over."""
    from headrace.api.monitoring.retraining import retrain  # noqa: PLC0415 - as above

    number = len(life.versions) + 1
    result = retrain(
        life.versions[-1],
        life.store,
        old=table,
        policy=life.policy,
        budget=_BUDGET,
        output=life.home / f"version-{number}",
    )
    life.see(week.start + _WEEK, result.sentence)
    if result.status != "promoted":
        return False
    life.versions.append(result.run)
    life.trained = week.start + _WEEK
    life.see(life.trained, f"Version {number} serves: {_describe_metric(result.run)} on the newest rows.")
    return True
