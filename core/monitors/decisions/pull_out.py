"""A pull-out: which decision stands, and the document of what was done (``docs/pull-out.schema.json``)."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from headrace.core.base.json_document import JsonDocument
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.decisions.policy import PullOut
from headrace.core.monitors.reports.monitor_report import ReportWindow
from headrace.core.monitors.reports.time_window import parse_moment

FORMAT = 1


@dataclass(frozen=True)
class PullOutRecord(JsonDocument):
    """How a version of a model was pulled out, and what took over.

    Attributes:
        format: Version of this document's form.
        name: Name of the model.
        digest: Digest of the version that was pulled out.
        version: Its semantic version.
        successor: Digest of the version that took over.
        successor_version: Its semantic version.
        successor_uri: Address of its bundle.
        plan: ``roll_back``: the version before took over; ``shadow``: the same, and the one that was pulled out is
            watched; ``baseline``: a bundle with the baseline's answer took over.
        time: When it took over.
        by: Who carried it out.
        reason: Why.
        decision: Digest of the decision; absent if a person pulled it out without one.
        window: The window of that decision; absent without one.
        approved_by: Who approved of the decision.
        endpoint: The endpoint that serves the successor; absent if no endpoint was changed.
    """

    format: int
    name: str
    digest: str
    version: str
    successor: str
    successor_version: str
    successor_uri: str
    plan: PullOut
    time: str
    by: str
    reason: str
    decision: str | None = None
    window: ReportWindow | None = None
    approved_by: tuple[str, ...] = ()
    endpoint: str | None = None

    expected: ClassVar[str] = "a pull-out must be what headrace pull-out writes, as docs/pull-out.schema.json says"
    remedy: ClassVar[str] = "restore it from a backup of the monitoring store"


def find_pull_out(
    decisions: Iterable[MonitorDecision], *, cool_down_days: int, carried_out: Container[str]
) -> MonitorDecision | None:
    """Return the decision to pull a version out that stands; None if nothing decides it.

    That is the latest decision. During the cool-down after a pull-out was decided, a demand for it can only be a
    warning, so such warnings do not take the decision back; anything else does.

    Args:
        decisions: The decisions about the version, the latest first; no more of them are read than needed.
        cool_down_days: Cool-down of the policy.
        carried_out: Digests of decisions that were carried out before.
    """
    warnings: list[MonitorDecision] = []
    for decision in decisions:
        if decision.outcome == "roll_back":
            end = parse_moment(decision.time) + timedelta(days=cool_down_days)
            cooling = all(one.last_action == decision.time and parse_moment(one.time) < end for one in warnings)
            return decision if cooling and decision.document_digest not in carried_out else None
        if decision.outcome != "warn":
            return None
        warnings.append(decision)
    return None
