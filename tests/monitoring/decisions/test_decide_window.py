"""Decisions from a store's history: once for each window, also after a kill, and by what the registry knows."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.monitors.decisions.policy import MonitoringPolicy, MonitorRule, RetrainingPolicy
from headrace.monitoring.decisions.decide_window import TrainingFacts, decide_window, latest_window
from headrace.monitoring.decisions.history import HistoryStore
from headrace.registry.mlflow.registry import open_registry
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace
from tests.core.monitors.made_reports import BEGIN, DIGEST, day, made_report
from tests.registry.conftest import Make, bundle, make  # noqa: F401 - fixtures

POLICY = MonitoringPolicy(
    violated_windows=2,
    considered_windows=3,
    monitors={"degradation": MonitorRule("retrain")},
    retraining=RetrainingPolicy(at_least_every_days=60, at_most_every_days=5, least_new_labels=25),
    cool_down_days=5,
)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistoryStore:
    """A history of which days 10 to 12 are violated, each with ten labelled rows, in a folder without a registry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_REGISTRY", raising=False)
    history = HistoryStore(StorePlace(FolderStore(tmp_path / "store")), "tips")
    for number in range(20):
        status = "violated" if number in {10, 11, 12} else "ok"
        history.add_report(made_report(number, {"degradation:mae": status}))
    return history


def test_a_year_goes_by_window_by_window(history: HistoryStore) -> None:
    """Only the latest reports and the latest decision are read, and the bounds hold over all of them."""
    outcomes = []
    for number in range(20):
        decision, place = decide_window(
            history, DIGEST, day(number), policy=POLICY, facts=TrainingFacts(BEGIN), now=day(number).end
        )
        outcomes.append(decision.outcome)
        assert place == "in no registry, because there is none here"
        assert decision.new_labels == 10 * (number + 1)
    retrained = [number for number, outcome in enumerate(outcomes) if outcome == "retrain"]
    assert retrained == [11]
    assert outcomes[12] == "warn"  # violated still, in the cool-down
    assert [one.outcome for one in history.decisions()] == outcomes


def test_a_repetition_gets_the_decision_that_stands(history: HistoryStore) -> None:
    """With another policy or at another time too; a decision in the store is completed in the registry."""
    first, _ = decide_window(history, DIGEST, day(11), policy=POLICY, facts=TrainingFacts(BEGIN), now=day(11).end)
    other = dataclasses.replace(POLICY, violated_windows=1)
    again, _ = decide_window(history, DIGEST, day(11), policy=other, facts=TrainingFacts(), now=day(19).end)
    assert again == first


def test_a_training_in_the_future_is_refused_and_nothing_is_decided(history: HistoryStore) -> None:
    """A wrong year would make every window one before the training, and such decisions stand for ever."""
    facts = TrainingFacts(day(12).end)
    with pytest.raises(InputError, match=r"before 2\S+, the time of the decision; got 2\S+ \(--trained\) instead"):
        decide_window(history, DIGEST, day(11), policy=POLICY, facts=facts, now=day(11).end)
    assert not list(history.decisions())


def test_the_registry_knows_when_it_was_trained_and_gets_what_a_killed_process_left(
    history: HistoryStore,
    make: Make,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The decision stands in the store without an entry in the registry, as after a kill; repeating it writes it."""
    with pytest.raises(InputError, match="give the time with --trained, or register it"):
        decide_window(history, DIGEST, day(11), policy=POLICY, facts=TrainingFacts(), now=day(11).end)
    facts = TrainingFacts(BEGIN)
    registered_later = make(name="tips")
    decide_window(history, registered_later.digest, day(11), policy=POLICY, facts=facts, now=day(11).end)
    monkeypatch.setenv("HEADRACE_REGISTRY", str(tmp_path / "registry.db"))
    registered = open_registry().register(registered_later, by="ann")
    _, place = decide_window(history, registered.digest, day(11), policy=POLICY, facts=facts, now=day(11).end)
    assert "in the history of tips 1.0.0" in place
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    decision, _ = decide_window(
        history, registered.digest, latest_window(POLICY, now), policy=POLICY, facts=TrainingFacts(), now=now
    )
    assert decision.last_training == registered.registered.replace("+00:00", "Z")
    assert [entry.action for entry in open_registry().model("tips").entries] == ["register", "decision", "decision"]


@pytest.mark.parametrize(
    ("window", "start"), [("hour", "2026-03-05T13:00"), ("day", "2026-03-04T00:00"), ("week", "2026-02-23T00:00")]
)
def test_the_latest_window_that_has_ended(window: str, start: str) -> None:
    """In UTC, whatever the clock's zone; weeks begin on Mondays."""
    policy = MonitoringPolicy.from_json({"window": window})
    now = datetime.fromisoformat("2026-03-05T16:30:00+02:00")
    found = latest_window(policy, now)
    assert found.start.isoformat().startswith(start)
    assert found.end - found.start == policy.length
    assert found.end <= now < found.end + policy.length
