"""A version is verified on a route that may still give a request to a pod of the one before."""

from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import ClusterError
from headrace.serving.deployment import kserve
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_wait import WaitGoal, WaitTimeouts
from headrace.serving.deployment.target import DeploymentTarget


class _Waiting:
    """Says at once that every answer comes from the version."""

    def until_answering(self, goal: WaitGoal) -> dict[str, Any]:
        return {"name": goal.name}

    def url(self, service: dict[str, Any], name: str) -> str:
        return f"http://{service['name']}/v1/models/{name}:predict"


def _verified(digests: list[str], monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> tuple[Any, str]:
    """Verify a version whose route answers by one digest after the other."""

    class _Bundle:
        digest = "new"

    def verify(url: str, **_: object) -> dict[str, Any]:
        found = digests.pop(0)
        failures = [] if found == "new" else ["it serves another bundle"] if found == "old" else ["case 0: 1 is not 2"]
        return {"digest": "old" if found == "old" else "new", "failures": failures, "cases": 3, "url": url}

    monkeypatch.setattr(kserve, "fetch", lambda *_, **__: Path())
    monkeypatch.setattr(kserve, "open_bundle", lambda _: _Bundle())
    monkeypatch.setattr(kserve, "verify", verify)
    monkeypatch.setattr(KServeDeployer, "version_wait", lambda *_: _Waiting())
    patience = WaitTimeouts(deadline_seconds=seconds, every_seconds=0.01)
    deployer = KServeDeployer(object(), object(), DeploymentTarget("kserve"), patience)  # type: ignore[arg-type]
    goal = WaitGoal("heart", "s3://b/models/heart/new/", "new", "uid")
    claim: Any = type("Claim", (), {"check": lambda: None})
    return deployer._wait_until_verified(goal, claim)


def test_an_answer_of_the_version_before_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes 1.34.2, iptables, a loaded node: after four answers of new pods a request still reached an old one.

    The good version was put back then.
    """
    service, url = _verified(["old", "old", "new"], monkeypatch, seconds=60)
    assert (service, url) == ({"name": "heart"}, "http://heart/v1/models/heart:predict")


def test_a_wrong_answer_of_the_version_itself_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be as wrong the next time."""
    with pytest.raises(ClusterError, match="case 0"):
        _verified(["wrong", "new"], monkeypatch, seconds=60)


def test_the_version_before_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the deadline the sentence says what answers."""
    with pytest.raises(ClusterError, match="serves another bundle"):
        _verified(["old"] * 10_000, monkeypatch, seconds=0.1)
