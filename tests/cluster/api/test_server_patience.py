"""Which errors of an API server are waited out."""

import pytest

from headrace.cluster.api import watch
from headrace.cluster.api.watch import PATIENCE_SECONDS, ServerPatience
from headrace.core.base.errors import ClusterError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the module reads: one number, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    return now


def test_a_denial_is_final_only_when_it_lasts(clock: list[float]) -> None:
    """kube-apiserver 1.34 denies what an account may do for a moment after its start: its rights are not loaded yet."""
    patience, denial = ServerPatience(), ClusterError("may not get deployments", "forbidden")
    assert patience.tolerates(denial)
    clock[0] += PATIENCE_SECONDS - 0.1
    assert patience.tolerates(denial)
    clock[0] += 0.2
    assert not patience.tolerates(denial)


def test_a_success_or_an_outage_in_between_begins_anew(clock: list[float]) -> None:
    """A server that goes down again starts again, and denies again."""
    patience, denial = ServerPatience(), ClusterError("may not get deployments", "forbidden")
    for between in (patience.reset, lambda: patience.tolerates(ClusterError("it is down", "unreachable"))):
        assert patience.tolerates(denial)
        clock[0] += PATIENCE_SECONDS + 1
        between()
        assert patience.tolerates(denial)
        patience.reset()


def test_what_will_not_pass_is_not_waited_for(clock: list[float]) -> None:
    """A request that the server cannot accept is the same a minute later."""
    assert not ServerPatience().tolerates(ClusterError("it is invalid", "invalid"))
    assert ServerPatience().tolerates(ClusterError("it is down", "unreachable"))
