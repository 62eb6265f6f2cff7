"""The decision about a model after a window: the document ``decision.json``, and how it follows from reports.

Its schema is ``docs/decision.schema.json``. In this order: broken data stop everything; the upper bound retrains; then
what monitors demand that were violated in n of the latest k windows, if neither cool-down nor lower bound forbids it.
What is not known is never taken for "nothing is wrong".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, get_args

from headrace.core.base.errors import InputError
from headrace.core.base.files import digest as sha256_of
from headrace.core.base.files import dumps
from headrace.core.base.json_document import JsonDocument
from headrace.core.base.quantities import describe_count
from headrace.core.monitors.decisions.decision_windows import ConsideredWindow, consider_windows, count_windows
from headrace.core.monitors.decisions.policy import MonitorAction, MonitoringPolicy, PullOut
from headrace.core.monitors.reports.monitor_report import MonitorReport, ReportWindow
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment, rfc3339

FORMAT = 1
DecisionOutcome = Literal["nothing", "warn", "retrain", "roll_back", "stop"]
_PULL_OUT = {
    "roll_back": "the version before takes over again",
    "shadow": "the version before takes over again, and it is watched on the same rows",
    "baseline": "the baseline's answer is given",
}


@dataclass(frozen=True)
class FeedbackTest:
    """A test of new against old on instant feedback, such as an A/B test.

    Attributes:
        better: Whether a retrained model is better.
        sentence: The result in words.
    """

    better: bool
    sentence: str


@dataclass(frozen=True)
class TrainingState:
    """What is known of a model's training when a decision is made.

    Attributes:
        trained: When the version in service was trained.
        new_labels: Labelled rows since then; None if their number is not known.
        feedback: The test on instant feedback; None if there is none.
    """

    trained: datetime
    new_labels: int | None = None
    feedback: FeedbackTest | None = None


@dataclass(frozen=True)
class MonitorDecision(JsonDocument):
    """What was decided about a model after a window, and the figures that the decision rests on.

    Attributes:
        format: Version of this document's form.
        name: Name of the model.
        digest: Digest of the version in service.
        window: The window.
        time: When it was decided.
        outcome: ``nothing``, ``warn``, ``retrain``, ``roll_back``, or ``stop``: the data are broken, and nothing else
            follows before they are repaired.
        reasons: The reasons, as sentences, the decisive one first.
        unknown: Monitors whose results are not known in this window.
        windows: The latest windows, the newest last, with each result that is not in order.
        policy: Digest of the policy.
        last_training: When the model was last trained, or a retraining was last decided before.
        last_action: When a retraining or a pull-out was last decided before; absent if never.
        new_labels: New labelled rows; absent if their number is not known.
        needs_approval: Whether the outcome waits for a person, as the policy says.
        pull_out: What takes over, as the policy says: ``roll_back``, ``shadow`` or ``baseline``; absent unless the
            outcome is ``roll_back``.
    """

    format: int
    name: str
    digest: str
    window: ReportWindow
    time: str
    outcome: DecisionOutcome
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]
    windows: tuple[ConsideredWindow, ...]
    policy: str
    last_training: str
    last_action: str | None = None
    new_labels: int | None = None
    needs_approval: bool = False
    pull_out: PullOut | None = None

    expected: ClassVar[str] = "a decision must be what headrace monitor writes, as docs/decision.schema.json says"
    remedy: ClassVar[str] = "restore it from a backup of the monitoring store"

    @property
    def document_digest(self) -> str:
        """SHA-256 of the document, as the registry records it."""
        return sha256_of(dumps(self.as_json()).encode())


def decide(
    name: str,
    digest: str,
    *,
    window: TimeWindow,
    reports: Iterable[MonitorReport],
    decisions: Iterable[MonitorDecision],
    policy: MonitoringPolicy,
    state: TrainingState,
    now: datetime,
) -> MonitorDecision:
    """Decide about a model after a window.

    Args:
        name: Name of the model.
        digest: Digest of the version in service.
        window: The window that has ended.
        reports: Reports in any order; those of other versions and of windows of another length are left out.
        decisions: Earlier decisions in any order; the latest one is enough, for it knows what came before it.
        policy: The policy.
        state: What is known of its training.
        now: The time of the decision.

    Raises:
        InputError: If the window has not ended, or is not as long as the policy says.
    """
    _check_window(window, policy, now)
    windows = consider_windows(reports, digest=digest, since=state.trained, until=window.end, policy=policy)
    past = _PastActions(decisions, window, state.trained)
    chosen, newest = _choose(windows, past, policy=policy, state=state, now=now), windows[-1]
    unknown = [*_describe_early(window, state), *_describe_unknown(newest)]
    return MonitorDecision(
        format=FORMAT,
        name=name,
        digest=digest,
        window=ReportWindow(**window.as_json()),
        time=rfc3339(now),
        outcome=chosen.outcome,
        reasons=(*chosen.reasons, *(sentence for sentence in unknown if sentence not in chosen.reasons)),
        unknown=newest.unknown,
        windows=windows,
        policy=policy.digest,
        last_training=rfc3339(past.training),
        last_action=rfc3339(past.action) if past.action else None,
        new_labels=state.new_labels,
        needs_approval=chosen.outcome in policy.approve,
        pull_out=policy.pull_out if chosen.outcome == "roll_back" else None,
    )


def _describe_early(window: TimeWindow, state: TrainingState) -> list[str]:
    """Return a sentence if a window ended before the version was trained, so that it holds no row of it."""
    if window.end > state.trained:
        return []
    return [
        f"The window ended before this version was trained, at {rfc3339(state.trained)}: wait for the first after it."
    ]


def _describe_unknown(window: ConsideredWindow) -> list[str]:
    """Return a sentence for each reason for which monitors are not known, with all of these monitors."""
    names: dict[str, list[str]] = {}
    for one in window.unknown_results:
        names.setdefault(one.sentence, []).append(one.monitor)
    return [
        f"It is not known how {', '.join(monitors)} {'is' if len(monitors) == 1 else 'are'}: {sentence}"
        for sentence, monitors in names.items()
    ]


def _check_window(window: TimeWindow, policy: MonitoringPolicy, now: datetime) -> None:
    if window.end > now:
        raise InputError(
            f"a window must have ended before it is decided about; this one ends at {rfc3339(window.end)}, and it is "
            f"{rfc3339(now)}: decide later, or set the clock."
        )
    if window.end - window.start != policy.length:
        raise InputError(
            f"a window must be one {policy.window} long, as the policy says; this one is {window.end - window.start}."
        )


class _PastActions:
    """When the model was last trained, and last touched at all.

    Attributes:
        training: The last training, or decision to retrain.
        action: The last decision to retrain or to pull the model out; None if there was none.
    """

    def __init__(self, decisions: Iterable[MonitorDecision], window: TimeWindow, trained: datetime) -> None:
        self.training = trained
        self.action: datetime | None = None
        for decision in decisions:
            if parse_moment(decision.window.end) >= window.end:
                continue
            acted = decision.outcome in {"retrain", "roll_back"}
            self.training = max(self.training, parse_moment(decision.last_training))
            if decision.outcome == "retrain":
                self.training = max(self.training, parse_moment(decision.time))
            actions = [decision.last_action, decision.time if acted else None]
            moments = [parse_moment(text) for text in actions if text]
            self.action = max(filter(None, [self.action, *moments]), default=None)


@dataclass(frozen=True)
class _Choice:
    outcome: DecisionOutcome
    reasons: tuple[str, ...]


def _choose(
    windows: Sequence[ConsideredWindow],
    past: _PastActions,
    *,
    policy: MonitoringPolicy,
    state: TrainingState,
    now: datetime,
) -> _Choice:
    overdue = _upper_bound(past, policy, now)
    faults = [one.sentence for one in windows[-1].results if one.status == "data_fault"]
    if faults:
        return _Choice("stop", ("The data are broken, so that nothing is trained on them.", *faults, *overdue))
    fired = _fired_rules(windows, policy)
    demands = {action: tuple(reason for rule, reason in fired if rule == action) for action in get_args(MonitorAction)}
    everything = (*demands["roll_back"], *demands["retrain"], *demands["warn"])
    if overdue:
        return _Choice("retrain", (*overdue, *everything))
    if demands["roll_back"] or demands["retrain"]:
        return _act(demands, everything, past, policy=policy, state=state, now=now)
    warnings = (*demands["warn"], *_lasting_unknown(windows, policy))
    return _Choice("warn", warnings) if warnings else _Choice("nothing", (_nothing_reason(windows),))


def _act(
    demands: Mapping[str, tuple[str, ...]],
    everything: tuple[str, ...],
    past: _PastActions,
    *,
    policy: MonitoringPolicy,
    state: TrainingState,
    now: datetime,
) -> _Choice:
    """Follow what monitors demand; warn if cool-down or lower bound forbids it."""
    cooling = _cool_down(past, policy, now)
    if demands["roll_back"] and not cooling:
        plan = f"The model is pulled out: {_PULL_OUT[policy.pull_out]}."
        return _Choice("roll_back", (plan, *everything))
    if not demands["retrain"]:
        return _Choice("warn", (*everything, *cooling))
    obstacles = (*cooling, *_lower_bound(past, policy, state, now))
    if obstacles:
        return _Choice("warn", (*everything, *obstacles))
    test = (state.feedback.sentence,) if policy.retraining.instant_feedback and state.feedback else ()
    return _Choice("retrain", (*demands["retrain"], *test, *demands["warn"]))


def _fired_rules(windows: Sequence[ConsideredWindow], policy: MonitoringPolicy) -> list[tuple[MonitorAction, str]]:
    """Return the action and the sentence of each monitor that was violated in n of k windows."""
    counts = count_windows(windows, "violated")
    return [
        (rule.action, _count_sentence(name, counts[name], policy, windows))
        for name, rule in policy.monitors.items()
        if counts.get(name, 0) >= policy.violated_windows
    ]


def _count_sentence(name: str, count: int, policy: MonitoringPolicy, windows: Sequence[ConsideredWindow]) -> str:
    latest = next(
        one.sentence
        for window in reversed(windows)
        for one in window.results
        if one.monitor == name and one.status == "violated"
    )
    return f"{name} is violated in {_of_windows(count, policy)}: {latest}"


def _of_windows(count: int, policy: MonitoringPolicy) -> str:
    considered = policy.considered_windows
    return "the latest window" if considered == 1 else f"{count} of the latest {considered} windows"


def _lasting_unknown(windows: Sequence[ConsideredWindow], policy: MonitoringPolicy) -> list[str]:
    counts: Mapping[str, int] = count_windows(windows, "unknown")
    return [
        f"{name} is not known in {_of_windows(count, policy)}."
        for name, count in counts.items()
        if count >= policy.violated_windows
    ]


def _upper_bound(past: _PastActions, policy: MonitoringPolicy, now: datetime) -> tuple[str, ...]:
    """Return a sentence if a retraining is due whatever the monitors say."""
    days = policy.retraining.at_least_every_days
    if not days or now - past.training < timedelta(days=days):
        return ()
    return (f"The last training was {_days(now - past.training)} ago, and at most {days} may pass.",)


def _cool_down(past: _PastActions, policy: MonitoringPolicy, now: datetime) -> tuple[str, ...]:
    """Return a sentence if the model was retrained or pulled out too recently."""
    end = past.action + timedelta(days=policy.cool_down_days) if past.action else now
    if past.action is None or now >= end:
        return ()
    return (f"The last action was at {rfc3339(past.action)}, and no other follows before {rfc3339(end)}.",)


def _lower_bound(past: _PastActions, policy: MonitoringPolicy, state: TrainingState, now: datetime) -> list[str]:
    """Return a sentence for each lower bound that forbids a retraining."""
    rules = policy.retraining
    found = []
    if now - past.training < timedelta(days=rules.at_most_every_days):
        found.append(
            f"The last training was {_days(now - past.training)} ago; at least {rules.at_most_every_days} must pass."
        )
    if rules.instant_feedback:
        if state.feedback is None:
            found.append("It is not known whether a new model would be better: no test on instant feedback is there.")
        elif not state.feedback.better:
            found.append(f"The test on instant feedback does not favour a new model: {state.feedback.sentence}")
    elif rules.least_new_labels and state.new_labels is None:
        found.append("It is not known how many rows have new labels.")
    elif (state.new_labels or 0) < rules.least_new_labels:
        found.append(
            f"Labels of {describe_count(state.new_labels or 0, 'row')} have come since the last training; at least "
            f"{rules.least_new_labels:,} must have."
        )
    return found


def _nothing_reason(windows: Sequence[ConsideredWindow]) -> str:
    newest = windows[-1]
    if newest.unknown:
        return f"Not known: {', '.join(newest.unknown)} {'has' if len(newest.unknown) == 1 else 'have'} no result."
    violated = sorted(count_windows(windows, "violated"))
    if violated:
        return f"No monitor is violated in enough windows; {', '.join(violated)} in fewer."
    return "No monitor is violated."


def _days(span: timedelta) -> str:
    return describe_count(round(span / timedelta(days=1), 1), "day")
