"""One window of a model in use, from its rows to the decision: monitors, report, decision, notices, page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult, ShadowReport
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.decisions.decide_window import TrainingFacts, decide_window, describe_standing
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.monitors.run_monitors import run_monitors
from headrace.monitoring.notices.notice_sender import NoticeAddress
from headrace.monitoring.notices.send_notices import NoticeOutcome, send_notices
from headrace.stores.objects.open_objects import StorePlace


@dataclass(frozen=True)
class MonitoredWindow:
    """What came of a window.

    Attributes:
        report: The report, as the store keeps it.
        decision: The decision, as the store keeps it.
        recorded: A clause that says where the registry has the decision, or why it has not.
        notices: What became of the notices.
        standing: A sentence if the decision was made before by another policy than the given one; empty if not.
    """

    report: MonitorReport
    decision: MonitorDecision
    recorded: str
    notices: NoticeOutcome
    standing: str = ""


@dataclass(frozen=True)
class FurtherResults:
    """What a report holds beside the monitors of stored rows and labels.

    Attributes:
        resources: Reads the results of the resource level; called only if there is no report yet.
        shadows: Bundles of versions that answer nobody; see ``run_monitors``.
    """

    resources: Callable[[], Sequence[MonitorResult]] = tuple
    shadows: Sequence[Bundle | ShadowReport] = ()


def monitor_window(
    bundle: Bundle,
    place: StorePlace,
    window: TimeWindow,
    *,
    policy: MonitoringPolicy,
    facts: TrainingFacts,
    now: datetime,
    further: FurtherResults = FurtherResults(),
    addresses: Sequence[NoticeAddress] = (),
) -> MonitoredWindow:
    """Report about a window and decide; whoever repeats it gets the report and the decision that stand.

    Args:
        bundle: The bundle in service.
        place: The monitoring store.
        window: The window, which has ended.
        policy: The policy.
        facts: What is known of the version's training.
        now: The time of the decision.
        further: What the report holds beside.
        addresses: Where notices go.

    Raises:
        InputError: If the bundle holds no reference profile, the window has not ended, was reported for another
            version, or stored documents cannot be read.
        StoreError: If the store fails.
    """
    history = HistoryStore(place, bundle.name)
    report = history.report(window)
    if report is None:
        resources = further.resources()
        made = run_monitors(bundle, place, window, policy, resources=resources, shadows=further.shadows)
        report = history.add_report(made)
    if report.digest != bundle.digest:
        raise InputError(
            f"a window has one report; this one was reported for version {report.digest[:12]} of {bundle.name}, and "
            f"{bundle.digest[:12]} is monitored: monitor that version, or the next window."
        )
    decision, recorded = decide_window(history, bundle.digest, window, policy=policy, facts=facts, now=now)
    notices = send_notices(report, place=place, addresses=addresses) if addresses else NoticeOutcome()
    standing = describe_standing(decision, policy)
    return MonitoredWindow(report, decision, recorded, notices, standing)
