"""Pods are deleted when no request reaches them any more, as far as that can be known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.rollouts.record.counter_totals import CounterReading
from headrace.rollouts.traffic import draining
from headrace.rollouts.traffic.draining import TrafficDrain
from headrace.serving.deployment.kserve_wait import WaitTimeouts
from tests.rollouts.played import counts


@dataclass
class Pods:
    """Pods that are asked until some time, behind a clock that a test holds in its hands.

    Attributes:
        until: When requests stop to reach them; they get ten a second.
        after: When they begin to.
        readable: Whether their counters can be read.
    """

    until: float = 0.0
    after: float = 0.0
    readable: bool = True
    now: float = 0.0
    said: list[str] = field(default_factory=list)
    timeouts: WaitTimeouts = field(default_factory=lambda: WaitTimeouts(quiet_seconds=10, blind_seconds=60))
    cluster: Any = None

    def read(self) -> Mapping[str, CounterReading]:
        """What they show."""
        if not self.readable:
            raise InputError("nothing answers.")
        return {"pod": CounterReading("a", counts(10 * max(0.0, min(self.now, self.until) - self.after)))}

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds

    def say(self, text: str) -> None:
        """Hear what is waited for."""
        self.said.append(text)


@pytest.mark.parametrize(
    ("pods", "took"),
    [
        (Pods(), (10, 11)),
        (Pods(until=45.0), (55, 56)),
        (Pods(readable=False), (60, 61)),
        (Pods(until=10_000.0), (600, 601)),
    ],
    ids=["never asked", "asked for a while", "not readable", "always asked"],
)
def test_it_is_waited_until_nothing_reaches_them(
    pods: Pods, took: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the gateway hears of it; blindly where nobody can see, and not for ever."""
    monkeypatch.setattr(draining, "ServerCounters", lambda _: pods)
    TrafficDrain(sleep=pods.sleep, clock=lambda: pods.now).wait(pods, "heart-v1-predictor")  # type: ignore[arg-type]
    assert took[0] <= pods.now <= took[1]
    assert ("requests still reach heart-v1-predictor" in pods.said[-1]) == (took[0] == 600)


@pytest.mark.parametrize(
    ("pods", "took"),
    [
        (Pods(until=100.0, after=20.0), (20, 21)),
        (Pods(), (30, 31)),
        (Pods(readable=False), (0, 0)),
    ],
    ids=["late", "never asked", "not readable"],
)
def test_a_share_is_waited_for_until_it_is_in_effect(
    pods: Pods, took: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as requests show it; nobody waits for long where nobody asks."""
    monkeypatch.setattr(draining, "ServerCounters", lambda _: pods)
    TrafficDrain(sleep=pods.sleep, clock=lambda: pods.now).wait_until_reached(pods, "heart-v1-predictor")  # type: ignore[arg-type]
    assert took[0] <= pods.now <= took[1]
