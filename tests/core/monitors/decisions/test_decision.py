"""Decisions about a model, from made reports; and the laws that they keep whatever the reports say."""

import dataclasses
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.monitors.decisions.decision import FeedbackTest, MonitorDecision, TrainingState, decide
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule, RetrainingPolicy
from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.core.monitors.reports.time_window import TimeWindow
from tests.core.monitors.made_reports import BEGIN, DAY, DIGEST, day, made_report

MONITORS = {
    "error_rate": MonitorRule("roll_back"),
    "degradation": MonitorRule("retrain"),
    "input_drift": MonitorRule("warn"),
}
POLICY = MonitoringPolicy(
    violated_windows=2,
    considered_windows=3,
    monitors=MONITORS,
    retraining=RetrainingPolicy(at_least_every_days=60, at_most_every_days=10, least_new_labels=100),
    cool_down_days=5,
    approve=("retrain",),
)
OK = {"error_rate": "ok", "degradation": "ok", "input_drift": "ok"}


def made_decision(
    reports: Sequence[MonitorReport],
    *,
    number: int = 20,
    decisions: Sequence[MonitorDecision] = (),
    policy: MonitoringPolicy = POLICY,
    state: TrainingState | None = None,
) -> MonitorDecision:
    """What is decided at the end of a day."""
    return decide(
        "tips",
        DIGEST,
        window=day(number),
        reports=reports,
        decisions=decisions,
        policy=policy,
        state=state or TrainingState(BEGIN, new_labels=500),
        now=day(number).end,
    )


def days(statuses: dict[str, Any], *numbers: int) -> list[MonitorReport]:
    """Reports of days 18, 19 and 20, of which those that are named have these statuses, and the others are in order."""
    return [made_report(one, {**OK, **statuses} if one in numbers else OK) for one in (18, 19, 20)]


def test_nothing_is_wrong() -> None:
    """All monitors that are on are in order."""
    decision = made_decision(days({}))
    assert (decision.outcome, decision.reasons, decision.unknown) == ("nothing", ("No monitor is violated.",), ())
    assert MonitorDecision.from_json(decision.as_json()) == decision


def test_n_of_k_windows_act() -> None:
    """One of three windows is too few, two are enough; the action is the monitor's own."""
    assert made_decision(days({"degradation": "violated"}, 20)).outcome == "nothing"
    assert made_decision(days({"input_drift": "violated"}, 18, 20)).outcome == "warn"
    retrain = made_decision(days({"degradation": "violated"}, 18, 19))
    assert (retrain.outcome, retrain.needs_approval) == ("retrain", True)
    assert retrain.reasons[0] == (
        "degradation is violated in 2 of the latest 3 windows: degradation is violated on day 19."
    )
    rolled = made_decision(days({"degradation": "violated", "error_rate": "violated"}, 18, 19))
    assert (rolled.outcome, rolled.needs_approval) == ("roll_back", False)
    assert "the version before takes over" in rolled.reasons[0]


def test_other_versions_subjects_and_lengths_do_not_count() -> None:
    """Violations of another version, of a column that is not named, or of a window of another length say nothing."""
    others = [made_report(one, {**OK, "degradation": "violated"}, digest="b" * 64) for one in (18, 19, 20)]
    assert made_decision([*others, *days({})]).outcome == "nothing"
    long = TimeWindow(day(14).start, day(20).end).as_json()
    week = dataclasses.replace(others[0], digest=DIGEST, window=type(others[0].window)(**long))
    assert made_decision([week, *days({})]).outcome == "nothing"
    one = dataclasses.replace(POLICY, monitors={"input_drift": MonitorRule("retrain", subjects=("fare",))})
    reports = [made_report(one, {"input_drift:tip": "violated", "input_drift:fare": "ok"}) for one in (18, 19, 20)]
    assert made_decision(reports, policy=one).outcome == "nothing"


def test_broken_data_win_over_everything() -> None:
    """The newest window fails the contract: nothing is trained, however overdue, and no monitor's demand counts."""
    statuses = {**OK, "contract_violations:range": "data_fault", "degradation": "violated", "error_rate": "violated"}
    reports = [made_report(one, statuses) for one in (18, 19, 70)]
    assert made_decision(reports[:2], number=19).outcome == "stop"
    overdue = made_decision(reports, number=70)
    assert overdue.outcome == "stop"
    assert overdue.reasons[1:] == (
        "contract_violations:range is data_fault on day 70.",
        "The last training was 71 days ago, and at most 60 may pass.",
    )


def test_windows_with_broken_data_do_not_count() -> None:
    """Drift in rows of a broken sensor is no reason to retrain when the sensor is whole again."""
    broken = {**OK, "missing:fare": "data_fault", "degradation": "violated"}
    reports = [made_report(18, broken), made_report(19, broken), made_report(20, OK)]
    decision = made_decision(reports)
    assert decision.outcome == "nothing"
    assert [one.faults for one in decision.windows] == [("missing",), ("missing",), ()]


def test_a_window_from_before_the_training_is_told() -> None:
    """Whoever monitors a version on its first day learns why nothing is known."""
    early = made_decision([], state=TrainingState(day(20).end + timedelta(hours=5)))
    assert early.outcome == "nothing"
    assert early.reasons[1] == (
        "The window ended before this version was trained, at 2026-01-22T05:00:00Z: wait for the first after it."
    )
    assert not [text for text in made_decision(days({}, 20)).reasons if "before this version" in text]


def test_monitors_that_are_unknown_for_one_reason_are_one_sentence() -> None:
    """A window that nobody reported leaves all of them open."""
    found = made_decision([made_report(one, OK) for one in (18, 19)])
    assert found.unknown == ("error_rate", "degradation", "input_drift")
    assert found.reasons[1:] == (
        "It is not known how error_rate, degradation, input_drift are: This window has no report of this version.",
    )


def test_unknown_is_never_nothing_is_wrong() -> None:
    """A monitor without a result is named, and warns if that lasts."""
    once = made_decision(days({"error_rate": "unknown"}, 20))
    assert once.outcome == "nothing"
    assert once.reasons == (
        "Not known: error_rate has no result.",
        "It is not known how error_rate is: error_rate is unknown on day 20.",
    )
    assert once.unknown == ("error_rate",)
    assert made_decision(days({"error_rate": "unknown"}, 19, 20)).outcome == "warn"
    watching = dataclasses.replace(
        POLICY, monitors={**MONITORS, "missing": MonitorRule(), "slice_performance": MonitorRule()}
    )
    complete = made_decision([made_report(one, OK) for one in (18, 19, 20)], policy=watching)
    assert (complete.outcome, complete.unknown) == ("nothing", ())  # no row may lack a value, and no slice be large
    undrifted = made_decision([made_report(one, {"error_rate": "ok", "degradation": "ok"}) for one in (18, 19, 20)])
    assert (undrifted.outcome, undrifted.unknown) == ("warn", ("input_drift",))
    assert made_decision([]).unknown == ("error_rate", "degradation", "input_drift")
    assert made_decision([]).outcome == "warn"


def test_windows_before_the_training_are_not_unknown() -> None:
    """A version that serves since yesterday is not reproached with the days before."""
    state = TrainingState(day(20).start, new_labels=0)
    assert made_decision([made_report(20, OK)], state=state).outcome == "nothing"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (TrainingState(day(15).end, 500), "5 days ago; at least 10 must pass"),
        (TrainingState(BEGIN, 99), "Labels of 99 rows have come since the last training; at least 100 must"),
        (TrainingState(BEGIN, None), "not known how many rows have new labels"),
    ],
)
def test_the_lower_bound_makes_it_a_warning(state: TrainingState, says: str) -> None:
    """A retraining that comes too soon, or on too few labels, is a warning that says why."""
    decision = made_decision(days({"degradation": "violated"}, 19, 20), state=state)
    assert decision.outcome == "warn"
    assert says in decision.reasons[-1]


def test_with_instant_feedback_a_test_decides() -> None:
    """The number of labels does not matter then; without the test nothing is retrained, and that is said."""
    policy = dataclasses.replace(
        POLICY, retraining=dataclasses.replace(POLICY.retraining, instant_feedback=True, least_new_labels=10**6)
    )
    reports = days({"degradation": "violated"}, 19, 20)
    outcomes = {}
    for test in (None, FeedbackTest(False, "It is worse by 2."), FeedbackTest(True, "It is better by 2.")):
        decision = made_decision(reports, policy=policy, state=TrainingState(BEGIN, 0, test))
        outcomes[test and test.better] = decision.outcome
        assert test is None or any(test.sentence in reason for reason in decision.reasons)
    assert outcomes == {None: "warn", False: "warn", True: "retrain"}


def test_a_window_that_has_not_ended_is_refused() -> None:
    """A clock that goes back, or a window of another length, is one sentence."""
    common: dict[str, Any] = {"reports": [], "decisions": [], "policy": POLICY, "state": TrainingState(BEGIN)}
    with pytest.raises(InputError, match="must have ended"):
        decide("tips", DIGEST, window=day(3), now=day(3).start, **common)
    with pytest.raises(InputError, match="one day long"):
        decide("tips", DIGEST, window=TimeWindow(BEGIN, BEGIN + 2 * DAY), now=day(3).start, **common)


STATUSES = st.sampled_from(["ok", "violated", "unknown", "data_fault"])
DAYS = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys((*MONITORS, "contract_violations:range"), STATUSES)),
    max_size=60,
)
STRENGTH = {"nothing": 0, "warn": 1, "retrain": 2, "roll_back": 2, "stop": 3}


def simulate(history: Sequence[dict[str, Any]], policy: MonitoringPolicy) -> list[MonitorDecision]:
    """Decide at the end of each day, with 40 new labels a day since the last training."""
    reports = [made_report(number, statuses) for number, statuses in enumerate(history)]
    decisions: list[MonitorDecision] = []
    for number in range(len(history)):
        since = max([0, *(i + 1 for i, one in enumerate(decisions) if one.outcome == "retrain")])
        state = TrainingState(BEGIN, new_labels=40 * (number + 1 - since))
        decisions.append(
            made_decision(reports[: number + 1], number=number, decisions=decisions, policy=policy, state=state)
        )
    return decisions


POLICIES = st.builds(
    lambda upper, lower, cool, n, k: MonitoringPolicy(
        violated_windows=min(n, k),
        considered_windows=k,
        monitors=MONITORS,
        retraining=RetrainingPolicy(at_least_every_days=upper, at_most_every_days=lower, least_new_labels=100),
        cool_down_days=cool,
    ),
    st.integers(8, 30),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(1, 4),
    st.integers(1, 5),
)


@given(DAYS, POLICIES)
def test_bounds_and_cool_down_hold_over_any_history(history: list[dict[str, Any]], policy: MonitoringPolicy) -> None:
    """Of two retrainings the lower bound lies between; the upper bound retrains unless the data are broken."""
    decisions = simulate(history, policy)
    rules = policy.retraining
    trained, acted = BEGIN, None
    for decision, statuses in zip(decisions, history, strict=True):
        now = day(decisions.index(decision)).end
        broken = "data_fault" in statuses.values()
        due = now - trained >= timedelta(days=rules.at_least_every_days)
        assert (decision.outcome == "stop") == broken
        if due and not broken:
            assert decision.outcome == "retrain"
        if decision.outcome == "retrain":
            assert now - trained >= timedelta(days=rules.at_most_every_days)
        if decision.outcome in {"retrain", "roll_back"} and not due:
            assert acted is None or now - acted >= timedelta(days=policy.cool_down_days)
        if decision.outcome in {"retrain", "roll_back"}:
            acted = now
        trained = now if decision.outcome == "retrain" else trained
        assert decision.outcome != "nothing" or not decision.unknown or "ot known" in decision.reasons[0]


@given(DAYS, POLICIES, st.integers(0, 10**6))
def test_the_order_of_reports_and_decisions_does_not_matter(
    history: list[dict[str, Any]], policy: MonitoringPolicy, seed: int
) -> None:
    """Equal windows included: several reports of a window are one that has all their results."""
    if not history:
        return
    number = len(history) - 1
    reports = [made_report(one, statuses) for one, statuses in enumerate(history)]
    reports += [made_report(number, {"degradation": "violated"}), made_report(number, {"input_drift": "unknown"})]
    decisions = simulate(history, policy)[:-1]
    first = made_decision(reports, number=number, decisions=decisions, policy=policy)
    mixed = random.Random(seed)  # noqa: S311 - an order for a test
    again = made_decision(
        mixed.sample([*reports, reports[0]], len(reports) + 1),
        number=number,
        decisions=mixed.sample(decisions, len(decisions)),
        policy=policy,
    )
    assert first == again


@given(DAYS, POLICIES, st.data())
def test_more_violations_and_a_smaller_n_never_weaken_the_outcome(
    history: list[dict[str, Any]], policy: MonitoringPolicy, data: st.DataObject
) -> None:
    """N of k is monotone: in the windows that are violated, and in n."""
    if not history:
        return
    number = len(history) - 1
    clean = [{name: status for name, status in one.items() if status != "data_fault"} for one in history]
    monitor = data.draw(st.sampled_from(sorted(MONITORS)))
    worse = [dict(one) for one in clean]
    worse[data.draw(st.integers(0, number))][monitor] = "violated"
    fewer = dataclasses.replace(policy, violated_windows=data.draw(st.integers(1, policy.violated_windows)))

    def strength(statuses: Sequence[dict[str, Any]], rules: MonitoringPolicy) -> int:
        reports = [made_report(one, found) for one, found in enumerate(statuses)]
        return STRENGTH[made_decision(reports, number=number, policy=rules).outcome]

    known = [{**OK, **{k: v for k, v in one.items() if v != "unknown"}} for one in clean]
    assert strength(known, policy) <= strength([{**OK, **one} for one in worse_known(known, worse)], policy)
    assert strength(clean, policy) <= strength(clean, fewer)


def worse_known(known: Sequence[dict[str, Any]], worse: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The known statuses, with those violations that were added."""
    return [
        {**one, **{name: "violated" for name, status in more.items() if status == "violated"}}
        for one, more in zip(known, worse, strict=True)
    ]
