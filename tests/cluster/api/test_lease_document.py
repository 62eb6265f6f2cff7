"""Claims on what is under way, as Leases of a real API server."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import LEASES
from headrace.cluster.api.lease import LeaseClaim, LeaseLostError, hold_claim
from headrace.cluster.api.lease_document import ANNOTATION, LeaseSubject, all_leases, find, read
from headrace.core.base import settings
from headrace.core.base.errors import ClusterError, DataError, InputError

FOREST = LeaseSubject("Experiment", "forest")
FORMER = {"kind": "InferenceService", "spec": {"minReplicas": 1}}
HEART = LeaseSubject("InferenceService", "heart", "s3://b/models/heart/0/", FORMER, "0" * 64)


def claim(cluster: Cluster, about: LeaseSubject = FOREST, seconds: float = 300.0) -> LeaseClaim:
    """A claim that was made."""
    made = LeaseClaim(cluster, about, seconds=seconds)
    made.acquire()
    return made


def lease(cluster: Cluster, about: LeaseSubject = FOREST) -> Any:
    """A claim's Lease."""
    return cluster.get(LEASES, about.lease)


@pytest.mark.kubernetes
def test_a_claim_is_a_lease_for_as_long_as_it_is_needed(cluster: Cluster) -> None:
    """In the Lease's own fields, with what was there before; it is gone in the end."""
    with hold_claim(cluster, HEART) as made:
        (found,) = all_leases(cluster)
        assert found["metadata"]["name"] == "headrace-inferenceservice-heart"
        assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "headrace"
        assert found["spec"]["leaseDurationSeconds"] == 300
        assert found["spec"]["acquireTime"] == found["spec"]["renewTime"]
        seen = read(found)
        assert (seen.subject, seen.holder, seen.watched) == (HEART, found["spec"]["holderIdentity"], True)
        assert 0 <= seen.silent_seconds < 60
        assert (again := find(cluster, "InferenceService", "heart"))
        assert again.subject == HEART
        made.renew()
        assert lease(cluster, HEART)["spec"]["renewTime"] > found["spec"]["renewTime"]
        made.end()
        assert all_leases(cluster) == []
    assert find(cluster, "InferenceService", "heart") is None


@pytest.mark.kubernetes
def test_a_claim_is_renewed_from_beside_and_stays_if_nobody_ends_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not put back is left to be tidied: from then on nobody watches it."""
    monkeypatch.setenv("HEADRACE_CLAIM_SECONDS", "1")
    with hold_claim(cluster, FOREST):
        time.sleep(2)
        assert read(lease(cluster)).watched
    time.sleep(1.5)
    assert not read(lease(cluster)).watched


@pytest.mark.kubernetes
def test_whose_claim_is_taken_over_notices(cluster: Cluster) -> None:
    """At the next renewal, by whom it is looked after now; neither renews nor ends the other's."""
    first = claim(cluster, seconds=0.5)
    with first.keep_renewing():
        first.check()
        second = claim(cluster)
        time.sleep(2)
        with pytest.raises(LeaseLostError, match="another process took over the Experiment forest") as caught:
            first.check()
    assert not caught.value.gone
    for act in (first.renew, first.end):
        with pytest.raises(LeaseLostError):
            act()
    second.renew()
    second.end()
    with pytest.raises(LeaseLostError, match="it was cleaned up: start again") as caught:
        second.renew()
    assert caught.value.gone


@pytest.mark.kubernetes
def test_of_two_that_take_a_claim_over_one_does(cluster: Cluster) -> None:
    """Who saw it before the other's change is told so."""
    claim(cluster)
    seen = read(lease(cluster))
    first, second = (LeaseClaim(cluster, FOREST, seconds=300) for _ in range(2))
    first.take(seen)
    with pytest.raises(LeaseLostError):
        second.take(seen)
    assert read(lease(cluster)).subject == FOREST
    first.end()
    with pytest.raises(LeaseLostError) as caught:
        second.take(seen)
    assert caught.value.gone


@pytest.mark.kubernetes
def test_a_claim_where_nothing_can_be_made_is_an_error(cluster: Cluster) -> None:
    """Nothing is begun that nobody could tidy."""
    with pytest.raises((ClusterError, FileNotFoundError), match="no-such-namespace"):
        claim(Cluster(cluster.transport, "no-such-namespace"))


def document(**spec: Any) -> dict[str, Any]:
    """A Lease of the Experiment forest, as it may be written wrongly."""
    now = datetime.now(UTC)
    usual = {"holderIdentity": "a", "renewTime": now.isoformat(), "leaseDurationSeconds": 300}
    annotation = spec.pop("annotation", json.dumps({"kind": "Experiment", "name": "forest"}))
    metadata = {"name": spec.pop("name", FOREST.lease), "annotations": {ANNOTATION: annotation} if annotation else None}
    return {"metadata": metadata, "spec": {**usual, **spec}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"renewTime": None},
        {"renewTime": "yesterday"},
        {"renewTime": "2026-01-01T00:00:00"},
        {"renewTime": (datetime.now(UTC) + timedelta(hours=2)).isoformat()},
        {"leaseDurationSeconds": None},
        {"annotation": ""},
        {"annotation": "{"},
        {"annotation": "[]"},
        {"annotation": '{"kind": 3, "name": "forest"}'},
        {"annotation": '{"kind": "Experiment", "name": "forest", "before": "x"}'},
        {"annotation": '{"kind": "Experiment", "name": "forest", "more": 1}'},
        {"annotation": '{"kind": "Experiment", "name": "other"}'},
        {"name": "headrace-something"},
    ],
)
def test_a_lease_that_is_no_claim_is_one_sentence(wrong: dict[str, Any]) -> None:
    """It names the Lease, what is wrong, and the remedy."""
    assert read(document()).subject == FOREST
    with pytest.raises(DataError, match=r"^the Lease headrace-\S+ must be .*; .*kubectl delete lease \S+\.$"):
        read(document(**wrong))


def test_clocks_may_differ_a_little() -> None:
    """A claim of a minute ahead is watched."""
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert read(document(renewTime=soon)).watched


@pytest.mark.parametrize("text", ["0", "-1", "5m", "1.5"])
def test_how_long_claims_last_is_a_whole_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Five minutes unless it is set."""
    assert settings.claim_seconds() == 300
    monkeypatch.setenv("HEADRACE_CLAIM_SECONDS", text)
    with pytest.raises(InputError, match="HEADRACE_CLAIM_SECONDS must be a positive whole number"):
        settings.claim_seconds()
