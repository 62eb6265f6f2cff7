"""The monitors of one window: from the stored rows to the report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import polars as pl

from headrace.core.bundles.bundle import Bundle
from headrace.core.monitors.monitor_kinds import MONITORS
from headrace.core.monitors.monitor_report import FORMAT, MonitorReport, MonitorResult, ReportWindow
from headrace.core.monitors.policy import MonitoringPolicy
from headrace.core.monitors.time_window import TimeWindow
from headrace.monitoring.windows.window_rows import MODEL_DIGEST, REQUEST_ID, TIME
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace

if TYPE_CHECKING:
    from datetime import datetime


def run_monitors(
    model: Bundle,
    store: StorePlace,
    window: TimeWindow,
    policy: MonitoringPolicy,
    *,
    resources: Sequence[MonitorResult] = (),
) -> MonitorReport:
    """Compute the monitors that a policy has on, over the rows that a model scored in a window.

    Args:
        model: The bundle in service.
        store: The monitoring store.
        window: The window.
        policy: The policy.
        resources: Results of the resource level, from Prometheus or the server's own metrics.

    Returns:
        The report; a monitor that cannot be computed is unknown, with the reason.

    Raises:
        StoreError: If the store fails.
    """
    columns = [REQUEST_ID, TIME, MODEL_DIGEST]
    frames = list(WindowStore(store, model.name).read(window, columns))
    rows = pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    own = rows.filter(pl.col(MODEL_DIGEST).is_in(["", model.digest]))
    results = [*resources, *([_measure_freshness(own, window, policy)] if "freshness" in policy.monitors else [])]
    measured = {result.monitor for result in results}
    absent = [name for name in policy.monitors if name not in measured]
    results += [MonitorResult(name, "", "unknown", "This monitor is not computed here.") for name in absent]
    places = {name: position for position, name in enumerate(MONITORS)}
    return MonitorReport(
        format=FORMAT,
        name=model.name,
        digest=model.digest,
        window=ReportWindow(**window.as_json()),
        rows=own.height,
        requests=own.get_column(REQUEST_ID).n_unique(),
        labelled=0,
        false_alarm_rate=policy.alpha,
        results=tuple(sorted(results, key=lambda one: places[one.monitor])),
    )


def _measure_freshness(rows: pl.DataFrame, window: TimeWindow, policy: MonitoringPolicy) -> MonitorResult:
    """Return the time from the newest of the rows (n) to the end of the window, in seconds."""
    if rows.is_empty():
        return MonitorResult("freshness", "", "unknown", "No row was scored in this window.", rows=0)
    value = (window.end - cast("datetime", rows.get_column(TIME).max())).total_seconds()
    bound = policy.monitors["freshness"].broken_bound(value)
    sentence = f"The newest row is {value:,.0f} s older than the end of the window."
    return MonitorResult(
        "freshness", "", "ok" if bound is None else "violated", sentence, value=value, bound=bound, rows=rows.height
    )
