"""The decision table of the gate."""

import pytest

from headrace.rollouts.decisions.gate import decide
from headrace.rollouts.record.record import RolloutPlan, RolloutStep, Verdict, VersionCheck
from tests.rollouts.played import counts, step

PLAN = RolloutPlan(step_requests=100, step_duration_seconds=60, step_timeout_seconds=600)
PROMOTING = PLAN.model_copy(update={"on_timeout": "promote"})


def seen(verdict: Verdict, *, requests: int, seconds: float) -> RolloutStep:
    """A step with one check."""
    check = VersionCheck(
        name="errors", verdict=verdict, effect=0, low=0, high=0, bound=0, detectable=0, text="so it is"
    )
    return step(25, counts(requests), counts(300), seconds=seconds).model_copy(update={"checks": (check,)})


@pytest.mark.parametrize(
    ("verdict", "requests", "seconds", "last", "paused", "decision"),
    [
        ("good", 100, 60, False, False, "continue"),
        ("open", 100, 60, False, False, "continue"),
        ("good", 100, 60, True, False, "promote"),
        ("open", 100, 60, True, False, "wait"),
        ("good", 99, 60, False, False, "wait"),
        ("good", 100, 59, False, False, "wait"),
        ("bad", 1, 1, False, False, "rollback"),
        ("bad", 1, 1, True, True, "rollback"),
        ("good", 100, 60, True, True, "wait"),
        ("open", 100, 9999, True, True, "wait"),
        ("good", 99, 600, False, False, "rollback"),
        ("open", 100, 600, True, False, "rollback"),
        ("open", 100, 600, False, False, "continue"),
    ],
)
def test_the_decision_table(
    verdict: Verdict, requests: int, seconds: float, *, last: bool, paused: bool, decision: str
) -> None:
    """Bad goes back at once; else time and requests are wanted, and certainty before the whole traffic."""
    judged = decide(seen(verdict, requests=requests, seconds=seconds), PLAN, last=last, paused=paused)
    assert judged.decision == decision
    assert bool(judged.reason) == (decision != "wait")


@pytest.mark.parametrize(("requests", "last", "decision"), [(99, False, "continue"), (100, True, "promote")])
def test_a_plan_may_go_on_where_nothing_is_known_to_be_wrong(requests: int, *, last: bool, decision: str) -> None:
    """After the patience, and never with what is bad."""
    assert decide(seen("open", requests=requests, seconds=600), PROMOTING, last=last).decision == decision
    assert decide(seen("bad", requests=requests, seconds=600), PROMOTING, last=last).decision == "rollback"


def test_the_reason_says_what_was_missing() -> None:
    """Requests that did not come, or a check that is not known well enough."""
    assert "99 of 100 requests" in decide(seen("good", requests=99, seconds=600), PLAN, last=False).reason
    assert "so it is" in decide(seen("open", requests=100, seconds=600), PLAN, last=True).reason
