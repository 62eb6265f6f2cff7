"""What the platform says, read for what it means; and the objects that are sent to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cluster.api.client import Cluster
from headrace.core.base.errors import InputError
from headrace.serving.deployment import kserve_pods, kserve_spec, kserve_status, kserve_wait
from headrace.serving.deployment.target import DeploymentTarget

URI = f"s3://headrace/models/heart/{'a' * 64}/"
OTHER = f"s3://headrace/models/heart/{'b' * 64}/"
COUNTS = st.integers(0, 4)


def deployment(uri: str = URI, *, generation: int = 2, observed: int = 2, replicas: int = 2, **status: Any) -> Any:
    """A Deployment with its counters."""
    return {
        "metadata": {"name": "heart-predictor", "generation": generation},
        "spec": {
            "replicas": replicas,
            "template": {"metadata": {"annotations": {kserve_status.SOURCE: uri}}},
        },
        "status": {"observedGeneration": observed, **status},
    }


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.sampled_from([1, 2]), st.sampled_from([URI, OTHER]))
def test_a_deployment_runs_when_all_of_it_does(
    wanted: int, updated: int, replicas: int, available: int, observed: int, uri: str
) -> None:
    """Each counter equals what is wanted, of this version, and they are not yesterday's."""
    found = deployment(
        uri,
        observed=observed,
        replicas=wanted,
        updatedReplicas=updated,
        replicas_=0,
        availableReplicas=available,
    )
    found["status"]["replicas"] = replicas
    all_same = wanted == updated == replicas == available and wanted > 0
    assert kserve_status.runs(found, URI) == (all_same and observed == 2 and uri == URI)


def test_no_deployment_and_no_status_run_nothing() -> None:
    """What is not there does not run."""
    assert not kserve_status.runs(None, URI)
    bare = deployment()
    del bare["status"]
    assert not kserve_status.runs(bare, URI)
    assert kserve_status.deployment_failure(None, URI) == ""


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ({"status": {"deploymentMode": "RawDeployment"}}, "Standard"),
        ({"status": {"deploymentMode": "Serverless"}}, "Knative"),
        ({"annotations": {kserve_spec.MODE: "Standard"}}, "Standard"),
        ({"annotations": {kserve_spec.MODE: "Standard"}, "status": {"deploymentMode": "Knative"}}, "Knative"),
        ({}, ""),
        ({"annotations": {kserve_spec.MODE: "ModelMesh"}}, "ModelMesh"),
    ],
)
def test_modes_have_old_names(said: dict[str, Any], mode: str) -> None:
    """The status decides, then the annotation; nothing is assumed."""
    service = {"metadata": {"annotations": said.get("annotations")}, "status": said.get("status")}
    assert kserve_status.mode(service) == mode


def test_addresses_are_read_for_who_asks() -> None:
    """Inside by the Service, outside by the route; whichever there is, if only one is."""
    service = {"status": {"url": "http://heart.example.com/", "address": {"url": "http://heart-predictor.a.svc"}}}
    assert kserve_status.base(service, outside=False) == "http://heart-predictor.a.svc"
    assert kserve_status.base(service, outside=True) == "http://heart.example.com"
    assert kserve_status.base({"status": {"url": "http://a"}}, outside=False) == "http://a"
    assert kserve_status.base({}, outside=True) == ""


def test_a_failure_that_was_known_is_not_told_again() -> None:
    """The model's status keeps what was: only what differs from before the change speaks of the change."""
    known = {
        "transitionStatus": "BlockedByFailedLoad",
        "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "a"},
    }
    service = {"status": {"modelStatus": known}}
    assert kserve_status.model_failure(service, known=known) == ""
    assert "ModelLoadFailed: a" in kserve_status.model_failure(service, known={})
    recovered = {"status": {"modelStatus": {**known, "transitionStatus": "UpToDate"}}}
    assert kserve_status.model_failure(recovered, known={}) == ""


def test_a_knative_revision_is_ready_when_it_is_the_latest() -> None:
    """A ready one of before is not."""
    for created, ready, found in (("2", "2", True), ("2", "1", False), ("1", "", False)):
        said = {"latestCreatedRevision": created, "latestReadyRevision": ready}
        assert kserve_status.is_revision_ready({"status": {"components": {"predictor": said}}}) == found
    assert not kserve_status.is_revision_ready({})


@pytest.mark.parametrize(("spec", "found"), [({}, False), ({"canary": [{}]}, True), ({"canary": []}, False)])
def test_a_split_is_seen(spec: dict[str, Any], found: bool) -> None:
    """By canaries, or by a percentage below 100."""
    assert kserve_status.split({"spec": {"predictor": {}, **spec}}) == found
    assert kserve_status.split({"spec": {"predictor": {"canaryTrafficPercent": 5}}})
    assert not kserve_status.split({"spec": {"predictor": {"canaryTrafficPercent": 100}}})


def pod(**status: Any) -> dict[str, Any]:
    """A pod of the version, a minute old."""
    made = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    return {
        "metadata": {"name": "p", "creationTimestamp": made, "annotations": {kserve_status.SOURCE: URI}},
        "spec": {},
        "status": status,
    }


def waiting(reason: str, restarts: int = 0) -> dict[str, Any]:
    """The status of a container that waits."""
    return {"name": "kserve-container", "restartCount": restarts, "state": {"waiting": {"reason": reason}}}


@pytest.mark.parametrize(
    ("status", "hopeless"),
    [
        (waiting("CrashLoopBackOff", 1), True),
        (waiting("CrashLoopBackOff", 0), False),
        (waiting("ErrImagePull"), False),
        (waiting("ImagePullBackOff"), True),
        (waiting("CreateContainerConfigError"), True),
        (waiting("ContainerCreating"), False),
        (waiting("PodInitializing"), False),
    ],
)
def test_what_waiting_may_mend_is_waited_for(status: dict[str, Any], hopeless: bool) -> None:
    """A first crash, or an image that could not be pulled once, is no reason to give up."""
    for key in ("containerStatuses", "initContainerStatuses"):
        assert (kserve_pods.failure([pod(**{key: [status]})], patience=90) is not None) == hopeless


def test_a_node_may_come_late() -> None:
    """An autoscaler needs time to make one."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no memory"}
    late = pod(conditions=[condition])
    assert kserve_pods.failure([late], patience=90) is None
    found = kserve_pods.failure([late], patience=30)
    assert found
    assert found.text == "pod p finds no node (Unschedulable): no memory"


def test_pods_of_other_versions_and_attempts_are_not_looked_at() -> None:
    """Nor those on their way out."""
    own, initialised, ending, other = pod(), pod(), pod(), pod()
    initialised["metadata"]["creationTimestamp"] = datetime.now(UTC).isoformat()
    initialised["metadata"]["annotations"] = {}
    initialised["spec"] = {"initContainers": [{"args": [URI, "/mnt/models"]}]}
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    other["metadata"]["annotations"] = {kserve_status.SOURCE: OTHER}
    assert kserve_pods.pods_of_version([own, initialised, ending, other], URI) == [initialised, own]
    assert kserve_pods.pods_of_version([own], URI, since=datetime.now(UTC).isoformat()) == []


def test_addresses_end_with_a_slash() -> None:
    """KServe would fetch the next version's files too."""
    assert kserve_spec.parse_published_uri(URI) == ("heart", "a" * 64)
    for uri in (URI.rstrip("/"), "s3://b/models/heart/1/", "pvc://heart/", "/mnt/models"):
        with pytest.raises(InputError, match="as publish returned it"):
            kserve_spec.parse_published_uri(uri)


@pytest.mark.parametrize("counts", [{"min_replicas": 0}, {"min_replicas": 3, "max_replicas": 2}])
def test_counts_that_cannot_be_are_refused(counts: dict[str, int]) -> None:
    """Before anything is sent."""
    with pytest.raises(InputError, match="replica"):
        DeploymentTarget("kserve", **counts)


@pytest.mark.parametrize(
    ("context", "gateway", "told"), [("kind", "", True), ("kind", "127.0.0.1:80", False), ("", "", False)]
)
def test_a_gateway_is_asked_for_only_where_one_is_missing(context: str, gateway: str, told: bool) -> None:
    """Outside of the cluster without one; inside no endpoint is asked through a gateway."""
    cluster = Cluster(transport=None, namespace="models", context=context)  # type: ignore[arg-type]  # nobody is asked
    assert ("HEADRACE_GATEWAY" in kserve_wait.outside_hint(cluster, gateway)) == told
