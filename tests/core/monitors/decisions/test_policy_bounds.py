"""What a policy's bounds and subjects make of the monitors' results."""

import pytest

from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule
from headrace.core.monitors.decisions.policy_bounds import judge_results
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorResult, Status

_FAULTS = ("missing", "unseen_categories", "duplicate_requests", "duplicate_rows", "input_drift")
_SUBJECT = {name: "age" if MONITORS[name].subject else "" for name in MONITORS}


def judge(name: str, rule: MonitorRule | None, status: Status, value: float = 0.3) -> MonitorResult | None:
    """What becomes of a result of a monitor whose rule is this one; None if the policy leaves it out."""
    result = MonitorResult(name, _SUBJECT[name], status, "So it is.", value=value)
    rules = {} if rule is None else {name: rule}
    return next(iter(judge_results([result], MonitoringPolicy(monitors={"lag": MonitorRule(), **rules}))), None)


@pytest.mark.parametrize("name", [name for name in MONITORS if name != "lag"])
def test_a_monitor_that_is_off_reports_broken_data_alone(name: str) -> None:
    """Nothing is trained on them, whatever the policy names."""
    fault = judge(name, None, "data_fault")
    assert fault is not None
    assert fault.status == "data_fault"
    assert judge(name, None, "violated") is None


@pytest.mark.parametrize("name", [name for name in MONITORS if MONITORS[name].level != "resource"])
def test_every_monitor_counts_its_bound(name: str) -> None:
    """A value beyond it is violated, one within it is not, whatever the monitor's own test says."""
    for status in ("ok", "violated"):
        beyond = judge(name, MonitorRule(maximum=0.2), status)
        within = judge(name, MonitorRule(maximum=0.4), status)
        assert beyond is not None
        assert within is not None
        assert (beyond.status, within.status) == ("violated", "ok")
        assert (beyond.bound, within.bound) == (0.2, 0.4)
        assert "above the policy's bound of 0.2" in beyond.sentence


@pytest.mark.parametrize("name", _FAULTS)
def test_a_bound_excuses_broken_data(name: str) -> None:
    """A person has said how much is usual; beyond it they stay broken."""
    within, beyond = (judge(name, MonitorRule(maximum=bound), "data_fault") for bound in (0.4, 0.2))
    assert within is not None
    assert beyond is not None
    assert (within.status, beyond.status) == ("ok", "data_fault")
    assert "That is within the policy's bound of 0.4." in within.sentence


@pytest.mark.parametrize(("name", "value"), [("contract_violations", 0.3), ("freshness", -60.0)])
def test_no_bound_excuses_what_breaks_the_contract_or_comes_from_the_future(name: str, value: float) -> None:
    """The contract itself says how many rows may break it; a clock that is wrong has no bound."""
    found = judge(name, MonitorRule(maximum=0.9, subjects=("other",) if _SUBJECT[name] else ()), "data_fault", value)
    assert found is not None
    assert found.status == "data_fault"


def test_a_subject_that_the_policy_leaves_out_stops_nothing() -> None:
    """It stays in the report, and its sentence says so."""
    found = judge("missing", MonitorRule(subjects=("income",)), "data_fault")
    assert found is not None
    assert found.status == "violated"
    assert found.sentence == "So it is. The policy's subjects leave it out, so that it stops nothing."
    counted = judge("missing", MonitorRule(subjects=("age",)), "data_fault")
    assert counted is not None
    assert counted.status == "data_fault"


def test_a_bound_that_the_resource_level_was_held_to_is_not_held_again() -> None:
    """One error of ten requests is no violation of 1 %: its interval says so, and the value alone would not."""
    rules = {"error_rate": MonitorRule(maximum=0.05)}
    held = MonitorResult("error_rate", "", "ok", "So it is.", value=0.1, low=0.0, high=0.5, bound=0.05)
    other = MonitorResult("error_rate", "", "ok", "So it is.", value=0.1, low=0.0, high=0.5, bound=0.01)
    (first,), (second,) = (judge_results([one], MonitoringPolicy(monitors=rules)) for one in (held, other))
    assert (first.status, second.status) == ("ok", "violated")
