"""Which events of an asset a run of a DAG handles. No Airflow here: its stores are dictionaries."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from headrace_provider.asset_events import addresses

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
ASSET = "tables"


@dataclass(frozen=True)
class Event:
    """An event, as Airflow gives it."""

    id: int
    minutes: float
    extra: Any
    asset: Any = field(default_factory=lambda: SimpleNamespace(uri="s3://lake/tables"))

    @property
    def timestamp(self) -> datetime:
        """When it came."""
        return NOON + timedelta(minutes=self.minutes)


class Store(dict[str, Any]):
    """One of Airflow's stores of JSON values."""

    def set(self, key: str, value: Any) -> None:
        """Store a value."""
        self[key] = value


@dataclass
class Airflow:
    """A DAG that waits for one asset."""

    events: list[Event] = field(default_factory=list)
    shared: Store = field(default_factory=Store)
    runs: int = 1

    def add(self, number: int, minutes: float, address: str) -> Event:
        """An event comes."""
        event = Event(number, minutes, {"address": address})
        self.events.append(event)
        return event

    def run(self, *triggering: Event, own: Store | None = None) -> list[str]:
        """A run that some events have triggered, as Airflow lists them."""
        context = {
            "dag": SimpleNamespace(dag_id="training", max_active_runs=self.runs),
            "task": SimpleNamespace(task_id="tables"),
            "task_state_store": Store() if own is None else own,
            "asset_state_store": {ASSET: self.shared},
            "triggering_asset_events": {ASSET: list(triggering)},
            "inlet_events": {ASSET: list(self.events)},
        }
        return addresses(context, ASSET)


def test_events_that_airflow_leaves_to_the_next_run_are_handled_by_this_one() -> None:
    """Behaviour: of three events in a second, a run lists the first alone. Version: Airflow 3.3.2.

    Source: ``_create_dag_runs_asset_triggered`` takes events up to the time at which the first was queued.
    """
    airflow = Airflow()
    airflow.add(1, -90, "before the DAG was unpaused")
    first = airflow.add(2, 0, "a")
    second, third = airflow.add(4, 0.02, "c"), airflow.add(3, 0.01, "b")
    assert airflow.run(first) == ["a", "b", "c"]
    fourth = airflow.add(5, 5, "d")
    assert airflow.run(second, third, fourth) == ["d"]
    assert airflow.run() == []


def test_another_try_gets_the_same_events() -> None:
    """Also when later ones have come, and when its worker was killed before all was stored."""
    airflow, own = Airflow(), Store()
    first = airflow.add(1, 0, "a")
    assert airflow.run(first, own=own) == ["a"]
    airflow.add(2, 1, "b")
    assert airflow.run(first, own=own) == ["a"]
    assert airflow.run(first) == ["b"]
    killed = Airflow([first])
    assert killed.run(first, own=Store(own)) == ["a"]
    assert killed.run(first) == []


def test_an_event_that_becomes_visible_late_is_handled() -> None:
    """Its number is lower than that of an event which was handled before; what is stored stays small."""
    airflow = Airflow()
    assert airflow.run(airflow.add(2, 0, "b")) == ["b"]
    late = airflow.add(1, -0.01, "a")
    assert airflow.run(late) == []  # before the first that this DAG ever handled
    assert airflow.run(airflow.add(4, 30, "d")) == ["d"]
    airflow.add(3, 29.9, "c")
    assert airflow.run(airflow.add(5, 200, "e")) == ["c", "e"]
    (stored,) = airflow.shared.values()
    assert stored == {"since": (NOON + timedelta(minutes=140)).isoformat(), "ids": [5]}


def test_equal_addresses_are_one() -> None:
    """Their latest content is there."""
    airflow = Airflow()
    first = airflow.add(1, 0, "a")
    airflow.add(2, 1, "a")
    assert airflow.run(first) == ["a"]


def test_what_cannot_be_handled_once_is_refused() -> None:
    """An event without an address, and a DAG with several runs at once."""
    airflow = Airflow([Event(1, 0, {"table": "d"})])
    with pytest.raises(ValueError, match=r"an event of s3://lake/tables must have 'address'.*; that of .* has table"):
        airflow.run(*airflow.events)
    assert not airflow.shared
    with pytest.raises(ValueError, match=r"the DAG training must have max_active_runs=1.*; it has 16"):
        Airflow(runs=16).run()
