"""Decides about a model after a window, once: from the store's history, into the store and the registry."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.core.monitors.decisions.decision import FeedbackTest, MonitorDecision, TrainingState, decide
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment, rfc3339
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.decisions.registry_note import record_decision
from headrace.registry.mlflow.registry import open_registry


@dataclass(frozen=True)
class TrainingFacts:
    """What the caller knows of a model's training; what is None is looked up.

    Attributes:
        trained: When the version in service was trained; None for when the registry registered it.
        new_labels: Labelled rows since then; None for the sum over the reports since then, which misses labels that
            come after their window's report.
        feedback: A test on instant feedback; None if there is none.
    """

    trained: datetime | None = None
    new_labels: int | None = None
    feedback: FeedbackTest | None = None


def decide_window(
    history: HistoryStore,
    digest: str,
    window: TimeWindow,
    *,
    policy: MonitoringPolicy,
    facts: TrainingFacts,
    now: datetime,
) -> tuple[MonitorDecision, str]:
    """Decide about a model after a window; whoever repeats it gets the decision that stands.

    Args:
        history: The model's history.
        digest: Digest of the version in service.
        window: The window that has ended.
        policy: The policy.
        facts: What is known of its training.
        now: The time of the decision.

    Returns:
        The decision, and a clause that says where the registry has it.

    Raises:
        InputError: If the window has not ended, or it is not known when the version was trained, or that lies behind
            ``now``.
        StoreError: If the store fails.
    """
    if facts.trained and facts.trained > now:
        raise InputError(
            f"the version must have been trained before {rfc3339(now)}, the time of the decision; "
            f"got {rfc3339(facts.trained)} (--trained) instead."
        )
    decision = history.decision(window)
    if decision is None:
        trained = facts.trained or _find_training_time(history.model, digest)
        considered = TimeWindow(window.end - policy.length * policy.considered_windows, window.end)
        previous = history.latest_decision(window)
        labels = facts.new_labels
        if labels is None and trained < window.end:
            labels = _count_labels(history, digest, TimeWindow(trained, window.end))
        decision = history.add_decision(
            decide(
                history.model,
                digest,
                window=window,
                reports=history.reports(considered),
                decisions=[previous] if previous else [],
                policy=policy,
                state=TrainingState(trained, labels, facts.feedback),
                now=now,
            )
        )
    # After a stored decision too: whoever decided may have been killed before the registry had it.
    return decision, record_decision(decision)


def describe_standing(decision: MonitorDecision, policy: MonitoringPolicy) -> str:
    """Return a sentence if a decision stands that was made by another policy than the given one; empty if not.

    Args:
        decision: The decision, as the store keeps it.
        policy: The policy that is given now.
    """
    if decision.policy == policy.digest:
        return ""
    following = parse_moment(decision.window.end) + policy.length
    return (
        f"This window was decided at {decision.time} by another policy ({decision.policy[:12]}), and that decision "
        f"stands; the policy that is given now ({policy.digest[:12]}) decides from the next window on, which ends at "
        f"{rfc3339(following)}."
    )


def _find_training_time(model: str, digest: str) -> datetime:
    try:
        version = open_registry().model(model).find(digest)
    except (MissingError, StoreError) as error:
        raise InputError(
            f"it must be known when {model} {digest[:12]} was trained: give the time with --trained, or register it; "
            f"{error}"
        ) from error
    return parse_moment(version.registered)


def _count_labels(history: HistoryStore, digest: str, since: TimeWindow) -> int:
    return sum(report.labelled for report in history.reports(since) if report.digest == digest)


def latest_window(policy: MonitoringPolicy, now: datetime) -> TimeWindow:
    """Return the latest window that has ended: hours, days and weeks begin in UTC, weeks on Mondays."""
    begin = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if policy.window != "hour":
        begin = begin.replace(hour=0)
    if policy.window == "week":
        begin -= timedelta(days=begin.weekday())
    return TimeWindow(begin - policy.length, begin)
