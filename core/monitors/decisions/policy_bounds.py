"""What a policy makes of the monitors' results: which of them are reported, and what its bounds and subjects change.

A monitor's own test decides unless the policy names a bound. Broken data are reported whether their monitor is on or
off, because nothing is trained on them. A rule that names their monitor counts for them too: within its bound they are
no fault, and a subject that it leaves out stops nothing. Two faults are not the policy's matter, and no bound excuses
them: rows that break the contract, which says itself how many may, and rows from the future.
"""

from collections.abc import Sequence
from dataclasses import replace

from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorResult

_INEXCUSABLE = frozenset({"contract_violations", "freshness"})


def judge_results(results: Sequence[MonitorResult], policy: MonitoringPolicy) -> tuple[MonitorResult, ...]:
    """Return the results of the monitors that are on, judged by the policy's rules, in the order of the monitors.

    Args:
        results: Results by the monitors' own tests.
        policy: The policy.
    """
    places = {name: position for position, name in enumerate(MONITORS)}
    judged = [
        one if one.monitor not in policy.monitors else _judge(one, policy.monitors[one.monitor])
        for one in results
        if one.monitor in policy.monitors or one.status == "data_fault"
    ]
    return tuple(sorted(judged, key=lambda one: places[one.monitor]))


def _judge(result: MonitorResult, rule: MonitorRule) -> MonitorResult:
    fault = result.status == "data_fault"
    if result.value is None or result.status == "unknown" or (fault and result.monitor in _INEXCUSABLE):
        return result
    if fault and not rule.counts(result.subject):
        sentence = f"{result.sentence} The policy's subjects leave it out, so that it stops nothing."
        return replace(result, status="violated", sentence=sentence)
    if MONITORS[result.monitor].level == "resource":
        rule = _drop_kept_bounds(rule, result)
    if rule.minimum is None and rule.maximum is None:
        return result
    broken = rule.broken_bound(result.value)
    if broken is None:
        bound = rule.minimum if rule.maximum is None else rule.maximum
        within = f" That is within the policy's bound of {bound:g}." if result.status != "ok" else ""
        return replace(result, status="ok", bound=bound, sentence=f"{result.sentence}{within}")
    word = "below" if result.value < broken else "above"
    sentence = f"{result.sentence} That is {word} the policy's bound of {broken:g}."
    return replace(result, status=result.status if fault else "violated", bound=broken, sentence=sentence)


def _drop_kept_bounds(rule: MonitorRule, result: MonitorResult) -> MonitorRule:
    """Return a rule without the bounds that a result was held to, with its interval and with what was not seen."""
    minimum, maximum = (None if bound == result.bound else bound for bound in (rule.minimum, rule.maximum))
    return replace(rule, minimum=minimum, maximum=maximum)
