"""The monitors of one window: from stored rows, labels and the state of the servers to the report.

The chance of a false alarm that the policy allows a report is divided: half of it for the data, a quarter each for what
is measured and for what is estimated. Degradation and change points are judged over the whole time of service, with a
chance of one in a hundred each.
"""

from collections.abc import Sequence
from itertools import islice

from headrace.core.base.quantities import describe_count
from headrace.core.bundles.bundle import Bundle
from headrace.core.monitors.data.data_results import data_results
from headrace.core.monitors.data.window_counts import WindowCounts
from headrace.core.monitors.data.window_rows import FIXED_COLUMNS, MODEL_DIGEST
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.decisions.policy_bounds import judge_results
from headrace.core.monitors.performance.estimated_performance import estimated_results
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import (
    FORMAT,
    MonitorReport,
    MonitorResult,
    ReportWindow,
    ShadowReport,
)
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.labels.window_performance import predicted_rows
from headrace.monitoring.monitors.answered_rows import answer_columns, select_answered
from headrace.monitoring.monitors.measure_labels import measure_labels
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.shadow_version import ShadowVersion
from headrace.monitoring.monitors.stored_counts import StoredCounts, own_rows
from headrace.monitoring.windows.attribute_window import attribute_window
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace

SETTLING_WINDOWS = 8
"""The first windows of a version, from which it is learned how much windows without drift differ."""
LIFELONG_ALPHA = 0.01
MOST_ESTIMATED = 100_000


def run_monitors(
    bundle: Bundle,
    place: StorePlace,
    window: TimeWindow,
    policy: MonitoringPolicy,
    *,
    resources: Sequence[MonitorResult] = (),
    shadows: Sequence[Bundle | ShadowReport] = (),
) -> MonitorReport:
    """Compute the monitors that a policy has on, over the rows that a model scored in a window.

    Args:
        bundle: The bundle in service.
        place: The monitoring store.
        window: The window.
        policy: The policy.
        resources: Results of the resource level, from Prometheus or the server's own metrics.
        shadows: Bundles of versions that answer nobody, to be scored on the same rows; or, of one that cannot be read,
            the report that says so.

    Returns:
        The report; a monitor that cannot be computed is unknown, with the reason.

    Raises:
        InputError: If the bundle holds no reference profile, or stored documents cannot be read.
        StoreError: If the store fails.
    """
    model, notes = MonitoredModel.of(bundle), list[str]()
    counts = StoredCounts(place, model).count(window)
    alpha = policy.alpha
    freshest = policy.monitors["freshness"].maximum if "freshness" in policy.monitors else None
    data = data_results(
        model.profile,
        counts,
        history=_settling_windows(place, model, window, policy),
        alpha=alpha / 2,
        end=window.end,
        seconds=(window.end - window.start).total_seconds(),
        largest_age=freshest,
        notes=notes,
    )
    measured = measure_labels(
        place,
        model,
        window,
        plan=PerformancePlan(alpha=alpha / 4),
        lifelong=PerformancePlan(alpha=LIFELONG_ALPHA),
    )
    estimated = _estimate(place, model, window, counts, alpha=alpha / 4, notes=notes)
    attributed = attribute_window(
        own_rows(WindowStore(place, model.name).read(window), model), model, model.profile, data
    )
    notes += measured.notes
    if not counts.rows:
        notes += _describe_other_versions(place, model, window)
    results = judge_results((*resources, *data, *measured.results, *estimated, *attributed), policy)
    return MonitorReport(
        format=FORMAT,
        name=model.name,
        digest=model.digest,
        window=ReportWindow(**window.as_json()),
        rows=counts.rows,
        requests=counts.requests,
        labelled=measured.labelled,
        false_alarm_rate=alpha,
        results=results,
        notes=tuple(dict.fromkeys(notes)),
        shadows=tuple(
            one
            if isinstance(one, ShadowReport)
            else ShadowVersion(one, model).report(place, window, measured.rows, alpha=alpha / 2)
            for one in shadows
            if one.digest != bundle.digest
        ),
    )


def _describe_other_versions(place: StorePlace, model: MonitoredModel, window: TimeWindow) -> list[str]:
    """Return a note on rows of the window that other versions answered; empty if there are none."""
    frames = WindowStore(place, model.name).read(window, [MODEL_DIGEST])
    rows, digests = 0, set[str]()
    for frame in frames:
        rows += frame.height
        digests.update(frame.get_column(MODEL_DIGEST).unique().to_list())
    if not rows:
        return []
    versions = ", ".join(sorted(digest[:12] for digest in digests))
    text = f"All of this window, {describe_count(rows, 'row')}, was answered by other versions ({versions}) than"
    return [f"{text} {model.digest[:12]}: monitor with the bundle that is in service."]


def _settling_windows(
    place: StorePlace, model: MonitoredModel, window: TimeWindow, policy: MonitoringPolicy
) -> list[WindowCounts]:
    """Return the counts of the version's first windows before this one in whose data nothing was found."""
    counts = StoredCounts(place, model)
    first = counts.first_day()
    if first is None or first >= window.start:
        return []
    # Not from the beginning of the store: it may hold years of earlier versions.
    reports = HistoryStore(place, model.name).reports(TimeWindow(first, window.start))
    own = (one for one in reports if one.digest == model.digest)
    calm = [one for one in islice(own, SETTLING_WINDOWS) if one.rows and not _has_findings(one)]
    spans = [TimeWindow(parse_moment(one.window.start), parse_moment(one.window.end)) for one in calm]
    return [counts.count(span) for span in spans if span.end - span.start == policy.length]


def _has_findings(report: MonitorReport) -> bool:
    return any(
        one.status in {"violated", "data_fault"} and MONITORS[one.monitor].level == "data" for one in report.results
    )


def _estimate(
    place: StorePlace,
    model: MonitoredModel,
    window: TimeWindow,
    counts: WindowCounts,
    *,
    alpha: float,
    notes: list[str],
) -> tuple[MonitorResult, ...]:
    if model.contract.task == "anomaly":
        return ()  # neither probabilities nor errors, from which performance could be estimated
    columns = [*FIXED_COLUMNS, *answer_columns(model.contract)]
    frames = own_rows(WindowStore(place, model.name).read(window, columns), model)
    answered, omitted = select_answered(frames, model.contract)
    notes.extend(omitted)
    total = answered.height
    if total > MOST_ESTIMATED:
        notes.append(f"Performance is estimated on {MOST_ESTIMATED:,} of {total:,} rows, drawn with a fixed seed.")
        answered = answered.sample(MOST_ESTIMATED, seed=0)
    return estimated_results(
        model.profile.outputs,
        predicted_rows(answered, model.contract),
        reference=model.reference,
        inputs=counts.inputs,
        trained=model.profile.counts(),
        answered=total,
        plan=PerformancePlan(alpha=alpha),
    )
