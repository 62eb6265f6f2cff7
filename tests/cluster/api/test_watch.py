"""Waiting for changes, with a deadline, through whatever happens to the server."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS, ROLE_BINDINGS, ROLES
from headrace.cluster.api.watch import follow, wait
from headrace.core.base.errors import ClusterError
from tests.cluster.api.test_client import config_map
from tests.cluster.api_server import ApiServer, account, api_server

pytestmark = pytest.mark.kubernetes


def _later(seconds: float, act: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


def _has(key: str) -> Callable[[dict[str, Any] | None], str | None]:
    return lambda state: (state or {}).get("data", {}).get(key)


def test_a_change_is_seen_soon(cluster: Cluster) -> None:
    """It takes far less than the time between two looks."""
    cluster.create(config_map("a"))
    done: list[float] = []

    def change() -> None:
        cluster.patch(CONFIG_MAPS, "a", {"data": {"ready": "yes"}})
        done.append(time.monotonic())

    timer = _later(1, change)
    assert wait(cluster, CONFIG_MAPS, "a", until=_has("ready"), seconds=60, what="to become ready") == "yes"
    seen = time.monotonic()
    timer.join()
    assert seen - done[0] < 3


def test_creation_and_deletion_are_changes(cluster: Cluster) -> None:
    """None stands for an object that is not there, before and after."""
    _later(0.5, lambda: cluster.create(config_map("a")))
    _later(2, lambda: cluster.delete(CONFIG_MAPS, "a"))
    states = []
    for state in follow(cluster, CONFIG_MAPS, "a", seconds=60, every_seconds=30):
        states.append(state and state["metadata"]["name"])
        if states[-1] is None and len(states) > 1:
            break
    assert states == [None, "a", None]


def test_nothing_happens_until_the_deadline(cluster: Cluster) -> None:
    """The caller is asked every few seconds all the same, and then told what was waited for."""
    cluster.create(config_map("a"))
    began = time.monotonic()
    assert len(list(follow(cluster, CONFIG_MAPS, "a", seconds=2.5, every_seconds=1))) >= 3
    assert 2.4 < time.monotonic() - began < 8
    with pytest.raises(ClusterError, match=r"ConfigMap a in test-.* was given 1 s to become ready") as caught:
        wait(cluster, CONFIG_MAPS, "a", until=_has("ready"), seconds=1, what="to become ready")
    assert caught.value.reason == "timeout"


def test_what_until_raises_ends_the_waiting(cluster: Cluster) -> None:
    """Whoever sees that it will never come says so at once."""

    def never(_: object) -> None:
        raise ClusterError("it crashed.", "failed")

    began = time.monotonic()
    with pytest.raises(ClusterError, match="it crashed"):
        wait(cluster, CONFIG_MAPS, "a", until=never, seconds=60, what="to become ready")
    assert time.monotonic() - began < 10


def test_an_account_that_may_not_watch_looks_often(cluster: Cluster) -> None:
    """The right to get is enough."""
    reader = account(cluster, "reader")
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    grant(cluster, "reader", rule)
    cluster.create(config_map("a"))
    _later(1, lambda: cluster.patch(CONFIG_MAPS, "a", {"data": {"ready": "yes"}}))
    began = time.monotonic()
    assert wait(reader, CONFIG_MAPS, "a", until=_has("ready"), seconds=60, what="to become ready") == "yes"
    assert time.monotonic() - began < 4


def grant(cluster: Cluster, name: str, rule: dict[str, Any]) -> None:
    """Give a service account a right."""
    group = "rbac.authorization.k8s.io"
    cluster.apply({"apiVersion": ROLES.api_version, "kind": "Role", "metadata": {"name": name}, "rules": [rule]})
    cluster.apply(
        {
            "apiVersion": ROLE_BINDINGS.api_version,
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": cluster.namespace}],
        }
    )


def test_a_right_that_is_missing_is_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has only just started refuses everybody, so that it is asked for a while, and no longer."""
    monkeypatch.setattr("headrace.cluster.api.watch.PATIENCE_SECONDS", 1.0)
    nobody = account(cluster, "nobody")
    began = time.monotonic()
    with pytest.raises(ClusterError, match="cannot get") as caught:
        wait(nobody, CONFIG_MAPS, "a", until=_has("ready"), seconds=60, what="to become ready")
    assert caught.value.reason == "forbidden"
    assert time.monotonic() - began < 10


@pytest.fixture(scope="module")
def mortal() -> Iterator[ApiServer]:
    """An API server that may be killed."""
    with api_server() as server:
        yield server


def test_a_killed_server_is_waited_for(mortal: ApiServer) -> None:
    """A watch that is cut and a server that restarts do no harm; what changed meanwhile is seen."""
    admin = mortal.admin()
    admin.create(config_map("a"))

    def crash() -> None:
        mortal.kill()
        time.sleep(1)
        mortal.start()
        mortal.admin().patch(CONFIG_MAPS, "a", {"data": {"ready": "yes"}})

    timer = _later(1, crash)
    assert wait(admin, CONFIG_MAPS, "a", until=_has("ready"), seconds=120, what="to become ready") == "yes"
    timer.join()


def test_a_server_that_stays_down_is_told_at_the_deadline(mortal: ApiServer) -> None:
    """It is given until then, and no longer."""
    admin = mortal.admin()
    states = follow(admin, CONFIG_MAPS, "a", seconds=4)
    next(states)
    mortal.kill()
    began = time.monotonic()
    try:
        with pytest.raises(ClusterError) as caught:
            list(states)
    finally:
        mortal.start()
    assert caught.value.reason == "unreachable"
    assert time.monotonic() - began < 30
