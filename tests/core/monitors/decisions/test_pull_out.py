"""Which decision to pull a version out stands."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from headrace.core.monitors.decisions.decision import MonitorDecision, TrainingState, decide
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule, RetrainingPolicy
from headrace.core.monitors.decisions.pull_out import find_pull_out
from tests.core.monitors.made_reports import BEGIN, DIGEST, day, made_report

COOL_DOWN = 3
POLICY = MonitoringPolicy(
    violated_windows=1,
    considered_windows=1,
    monitors={"error_rate": MonitorRule("roll_back", maximum=0.1), "missing": MonitorRule()},
    retraining=RetrainingPolicy(at_least_every_days=0, at_most_every_days=0),
    cool_down_days=COOL_DOWN,
)


def _decide_days(states: list[str]) -> list[MonitorDecision]:
    decisions: list[MonitorDecision] = []
    for number, state in enumerate(states):
        missing = "data_fault" if state == "broken" else "violated" if state == "odd" else "ok"
        report = made_report(number, {"error_rate": "violated" if state == "bad" else "ok", "missing": missing})
        window = day(number)
        training = TrainingState(BEGIN - timedelta(days=1))
        decisions.append(
            decide(
                "tips",
                DIGEST,
                window=window,
                reports=[report],
                decisions=decisions[-1:],
                policy=POLICY,
                state=training,
                now=window.end,
            )
        )
    return decisions


@given(states=st.lists(st.sampled_from(["calm", "bad", "odd", "broken"]), min_size=1, max_size=12))
def test_what_stands_is_the_latest_demand_that_nothing_took_back(states: list[str]) -> None:
    """It is a pull-out; only warnings follow it, within the cool-down; carried out, it stands no more."""
    decisions = _decide_days(states)
    found = find_pull_out(reversed(decisions), cool_down_days=COOL_DOWN, carried_out=())
    if decisions[-1].outcome == "roll_back":
        assert found == decisions[-1]
    if decisions[-1].outcome in {"nothing", "stop"}:
        assert found is None
    if found is not None:
        later = decisions[decisions.index(found) + 1 :]
        assert (found.outcome, found.pull_out) == ("roll_back", "roll_back")
        assert {one.outcome for one in later} <= {"warn"}
        assert len(later) < COOL_DOWN
        spent = {found.document_digest}
        assert find_pull_out(reversed(decisions), cool_down_days=COOL_DOWN, carried_out=spent) is None


def test_a_warning_of_before_any_demand_is_none() -> None:
    """Warnings alone never pull a version out."""
    decisions = _decide_days(["odd", "odd"])
    assert [one.outcome for one in decisions] == ["warn", "warn"]
    assert find_pull_out(reversed(decisions), cool_down_days=COOL_DOWN, carried_out=()) is None


def test_a_decision_of_before_the_plan_was_recorded_stands_too() -> None:
    """Documents of earlier releases lack the plan, and keep their digest."""
    (decision,) = _decide_days(["bad"])
    old = replace(decision, pull_out=None)
    assert "pull_out" not in old.as_json()
    assert find_pull_out([old], cool_down_days=COOL_DOWN, carried_out=()) == old
