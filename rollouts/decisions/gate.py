"""The gate between two steps: decide by the comparisons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from headrace.rollouts.record.record import RolloutPlan, RolloutStep, VersionCheck

RolloutDecision = Literal["wait", "continue", "promote", "rollback", "abort"]


@dataclass(frozen=True)
class StepDecision:
    """The decision on a step.

    Attributes:
        decision: ``wait`` for more requests, ``continue`` with the next step, ``promote`` or ``rollback``; only users
            ``abort``.
        reason: The reason, in a sentence; empty for ``wait``.
    """

    decision: RolloutDecision
    reason: str = ""


WAIT = StepDecision("wait")


def decide(step: RolloutStep, plan: RolloutPlan, *, last: bool, paused: bool = False) -> StepDecision:
    """Decide on a step by its checks.

    A candidate that is surely beyond a bound is rolled back at once. A step passes when it had its time and requests;
    the last one only when every check is surely within its bound.

    Args:
        step: The step, with its checks.
        plan: The plan of the rollout.
        last: Whether the next step is the whole traffic.
        paused: Whether the rollout is paused: it may be rolled back, but not continue.
    """
    # Before anything else: a candidate that does harm must not wait for a pause, a minimum time or more requests.
    bad = [check for check in step.checks if check.verdict == "bad"]
    if bad:
        return StepDecision("rollback", f"at {step.percent} % {'; and '.join(check.text for check in bad)}.")
    if paused:
        return WAIT
    requests = step.candidate.counts().requests
    enough = requests >= plan.step_requests and step.seconds >= plan.step_duration_seconds
    # An earlier step only limits the harm; the last one gives the candidate everything, so it needs evidence.
    unsure = [check for check in step.checks if check.verdict == "open"] if last else []
    if enough and not unsure:
        return StepDecision("promote" if last else "continue", _pass_sentence(step, requests, last=last))
    if step.seconds < plan.step_timeout_seconds:
        return WAIT
    return _late(step, plan, unsure, requests, last=last)


def _pass_sentence(step: RolloutStep, requests: float, *, last: bool) -> str:
    state = "every check is surely within its bound" if last else "no check is beyond its bound"
    return f"after {requests:,.0f} requests of the candidate at {step.percent} % {state}."


def _late(
    step: RolloutStep, plan: RolloutPlan, unsure: Sequence[VersionCheck], requests: float, *, last: bool
) -> StepDecision:
    """Return the decision on a step whose time is over."""
    if requests < plan.step_requests:
        cause = f"the candidate had {requests:,.0f} of {plan.step_requests:,} requests"
    else:
        cause = f"it is not known well enough: {'; and '.join(check.text for check in unsure)}"
    reason = f"in {plan.step_timeout_seconds:.0f} s at {step.percent} % {cause}"
    if plan.on_timeout == "promote":
        return StepDecision(
            "promote" if last else "continue", f"{reason}; the plan goes on where nothing is known to be wrong."
        )
    return StepDecision("rollback", f"{reason}; the plan goes back where it is not known to be right.")
