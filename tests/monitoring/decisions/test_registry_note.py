"""Decisions in the registry's history: once for each window, with the figures that fit."""

import dataclasses
import json
from pathlib import Path

import pytest

from headrace.core.base.files import digest, dumps
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.monitoring.decisions.registry_note import record_decision, summarise_decision
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.history_text import describe_entry
from tests.monitoring.decisions.test_history import made_decision
from tests.registry.conftest import Make, bundle, make  # noqa: F401 - fixtures


def made_large(decision: MonitorDecision, count: int, subject: str) -> MonitorDecision:
    """The decision with so many violated inputs, and one that is unknown first."""
    results = [MonitorResult("freshness", "", "unknown", "No rows.")]
    results += [
        MonitorResult("input_drift", f"{subject}{number}", "violated", "It drifts.", value=1 / 3, bound=0.05)
        for number in range(count)
    ]
    newest = dataclasses.replace(decision.windows[-1], results=tuple(results))
    reasons = tuple(f"input_drift of {subject}{number} is violated." for number in range(count))
    return dataclasses.replace(decision, windows=(*decision.windows[:-1], newest), reasons=reasons)


@pytest.mark.parametrize(("count", "subject"), [(0, ""), (3, "fare"), (19, "x"), (40, "col"), (40, 'é"' * 60)])
def test_figures_are_shortened_by_the_rule_and_counted(count: int, subject: str) -> None:
    """The worst come first, numbers have six digits, everything fits, and what is left out is counted."""
    decision = made_large(made_decision(3), count, subject)
    facts = summarise_decision(decision)
    assert len(json.dumps(facts, ensure_ascii=False)) < 4_100
    assert len(facts["figures"]) + facts["omitted"] == count + 1
    assert facts["omitted"] == 0 or len(facts["figures"]) >= 10
    assert facts["document"] == digest(dumps(decision.as_json()).encode())
    if count:
        assert facts["figures"][0]["status"] == "violated"
        assert facts["figures"][0]["value"] == 0.333333
        assert facts["violated_windows"] == {"input_drift": 1}


def test_a_decision_is_recorded_once_for_each_window(
    make: Make,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who decides, after which window, and why, is in the history of the version in service."""
    monkeypatch.setenv("HEADRACE_REGISTRY", str(tmp_path / "registry.db"))
    decision = made_large(made_decision(3), 40, 'é"' * 60)
    assert record_decision(decision).startswith("not in the registry: ")
    registered = open_registry().register(make(name="tips"), by="ann")
    decision = dataclasses.replace(decision, digest=registered.digest)
    assert "in the history of tips 1.0.0" in record_decision(decision)
    record_decision(decision)
    state = open_registry().model("tips")
    assert [entry.action for entry in state.entries] == ["register", "decision"]
    assert describe_entry(state.entries[-1], state) == (
        "decided about 1.0.0: warn, after the window until 2026-01-05T00:00:00Z"
    )
    assert state.entries[-1].facts["window"]["start"] == "2026-01-04T00:00:00Z"
    record_decision(dataclasses.replace(decision, window=made_decision(4).window))
    assert len(open_registry().model("tips").entries) == 3


def test_without_a_registry_nothing_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision in a folder without a registry says so, and makes none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_REGISTRY", raising=False)
    assert record_decision(made_decision(3)) == "in no registry, because there is none here"
    assert list(tmp_path.iterdir()) == []
