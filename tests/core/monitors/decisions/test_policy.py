"""The monitoring policy: its file, its budget of false alarms, and its faults before it runs."""

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError, MissingError
from headrace.core.drift.input_drift import find_drift
from headrace.core.monitors.decisions import policy_yaml
from headrace.core.monitors.decisions.policy import (
    LENGTHS,
    MonitoringPolicy,
    MonitorRule,
    RetrainingPolicy,
    value_range,
)
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from tests.conftest import REPOSITORY

GUIDE = REPOSITORY / "docs" / "guides" / "monitoring-policy.md"


def test_the_default_is_a_policy_and_names_every_monitor() -> None:
    """What the command prints can be saved and used as it is; each monitor is on, or shown as one that is off."""
    text = policy_yaml.default_text()
    policy = policy_yaml.parse_policy(text)
    assert policy.retraining == RetrainingPolicy()
    assert policy.monitors["degradation"].action == "retrain"
    assert "contract_violations" in policy.monitors
    assert set(MONITORS) <= set(re.findall(r"\w+", text))


def test_the_guide_has_every_key() -> None:
    """The guide's tables name the keys of the policy, of a monitor's rule and of the retraining, and no others."""
    rows = set(re.findall(r"^\| `([\w.]+)` \|", GUIDE.read_text(), re.MULTILINE))
    kinds = {"": MonitoringPolicy, "monitors.": MonitorRule, "retraining.": RetrainingPolicy}
    keys = {f"{prefix}{one.name}" for prefix, kind in kinds.items() for one in dataclasses.fields(kind)}
    assert rows == keys


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("violated_windows: 6", "6 of 5 windows can never be violated"),
        ("violated_windows: 0", "would always fire"),
        ("considered_windows: 0", "must be 1 to 1000"),
        ("false_alarms_per_year: 0", "must be above 0"),
        ("false_alarms_per_year: .nan", "must be above 0"),
        ("false_alarms_per_year: 366", "fewer than the 365 windows"),
        ("window: week\nfalse_alarms_per_year: 60", "fewer than the 52 windows"),
        ("monitors: {missing: {minimum: 2}}", "minimum would always be broken at 2"),
        ("monitors: {missing: {maximum: 1}}", "maximum would never be broken at 1"),
        ("monitors: {latency: {maximum: -1}}", "maximum would always be broken at -1"),
        ("monitors: {latency: {minimum: 2, maximum: 1}}", "would always fire"),
        ("monitors: {latency: {maximum: .inf}}", "must be a finite number"),
        ("monitors: {latency: {action: retrain}}", "does not cure a server"),
        ("monitors: {latency: {subjects: [a]}}", "could never fire"),
        ("monitors: {luck: {}}", "got 'luck'"),
        ("monitors: {}\nretraining: {at_least_every_days: 0}", "can never fire"),
        ("retraining: {at_most_every_days: 400}", "400 days is later than 365"),
        ("retraining: {at_least_every_days: 99999999999}", "must be 0 to 36,500"),
        ("retraining: {rows: sliding}", "sliding_days must be 1 to"),
        ("retraining: {half_life_days: 3}", "must be absent for expanding rows"),
        ("cool_down_days: 400", "monitors could never act"),
        ("approve: [roll_out, roll_out]", "name each action once"),
        ("window: month", "one of hour, day, week"),
        ("window: day\nwindow: hour", "is given twice"),
        ("windows: day", "unknown key 'windows'"),
        ("format: 2", "format must be 1"),
        ("[1]", "must be an object"),
        ("", "must be an object"),
        ("a: [", "must be YAML"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_in_a_sentence(text: str, says: str) -> None:
    """It is refused before it runs if it can never fire, always fires or contradicts itself."""
    with pytest.raises(InputError) as refused:
        policy_yaml.parse_policy(text, source="monitoring.yaml")
    assert says in str(refused.value)
    assert "monitoring.yaml" in str(refused.value)


def test_a_file_is_missing_or_too_long(tmp_path: Path) -> None:
    """Both are one sentence."""
    with pytest.raises(MissingError, match="headrace monitor policy prints one"):
        policy_yaml.load_policy(tmp_path / "monitoring.yaml")
    (tmp_path / "monitoring.yaml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(InputError, match="at most"):
        policy_yaml.load_policy(tmp_path / "monitoring.yaml")
    (tmp_path / "monitoring.yaml").write_text("window: hour\nmonitors:\n  input_drift:\n")
    assert policy_yaml.load_policy(tmp_path / "monitoring.yaml").monitors == {"input_drift": MonitorRule()}


@given(st.sampled_from(sorted(LENGTHS)), st.floats(0.01, 50))
def test_the_budget_of_a_year_is_spent_by_its_windows(window: str, budget: float) -> None:
    """All windows of a year together may raise as many false alarms as the policy allows."""
    policy = MonitoringPolicy.from_json({"window": window, "false_alarms_per_year": budget})
    windows = 365.25 * 24 * 3600 / LENGTHS[policy.window].total_seconds()
    assert policy.alpha * windows == pytest.approx(budget)
    assert 0 < policy.alpha < 1
    assert find_drift.__kwdefaults__["alpha"] == 0.01  # the function takes what is computed here


@given(st.sampled_from(sorted(MONITORS)), st.floats(-10, 10), st.booleans())
def test_a_bound_that_is_accepted_can_be_kept_and_broken(name: str, bound: float, least: bool) -> None:
    """For each bound that is accepted the monitor has a value that breaks it and one that does not."""
    low, high = value_range(MONITORS[name])
    values = [low, high, bound - 1e-9, bound, bound + 1e-9, *(x for x in (-1e9, 0.0, 1e9) if low <= x <= high)]
    possible = [value for value in values if low <= value <= high]
    try:
        policy = MonitoringPolicy.from_json({"monitors": {name: {"minimum" if least else "maximum": bound}}})
    except InputError:
        rule = MonitorRule(minimum=bound) if least else MonitorRule(maximum=bound)
        assert len({rule.broken_bound(value) is None for value in possible}) == 1
        return
    rule = policy.monitors[name]
    assert {rule.broken_bound(value) is None for value in possible} == {True, False}


@given(st.integers(0, 3), st.floats(0.5, 3))
def test_a_policy_comes_back_as_it_was(days: int, bound: float) -> None:
    """Reading what was written gives the same policy and the same digest, whole numbers or not."""
    policy = MonitoringPolicy(cool_down_days=days, monitors={"latency": MonitorRule("warn", maximum=bound)})
    again = MonitoringPolicy.from_json(policy.as_json())
    assert (again, again.digest) == (policy, policy.digest)
    whole, real = (MonitoringPolicy(monitors={"latency": MonitorRule(maximum=one)}) for one in (1, 1.0))
    assert whole.digest == real.digest
