"""What steps said, read from their pods by a real API server; its kubelet is played, for no pod can run here."""

import pytest

from headrace.cluster.client import Cluster
from headrace.cluster.kfp_run import Run
from headrace.core.errors import InputError
from headrace.pipelines.log_words import Reason
from headrace.pipelines.remote_artifacts import RunArtifacts
from headrace.pipelines.step_logs import StepLogs
from tests.cluster.api_server import ApiServer, account
from tests.cluster.kubelet import node, pod

pytestmark = pytest.mark.kubernetes

RUN = Run("0f3c", "tiny", "FAILED")


def nothing(_: Run) -> RunArtifacts:
    """There is no object store."""
    raise InputError("set HEADRACE_S3_ENDPOINT.")


def logs(cluster: Cluster) -> StepLogs:
    """Logs of pods, in a namespace that has none and in the cluster's own."""
    return StepLogs(cluster, ("default", cluster.namespace), nothing)


def test_the_pod_tells_what_the_api_of_pipelines_does_not(kubernetes: ApiServer, cluster: Cluster) -> None:
    """The step's last words, and the sentence with which one failed; drivers have logs of their own."""
    space, name = cluster.namespace, f"node-{cluster.namespace}"
    told = {
        f"{space}/wf-impl-1/main": "headrace: ingest: 400 rows\n",
        f"{space}/wf-impl-2/main": "headrace: train failed: the table must have rows; got none.\nTraceback\n",
        f"{space}/wf-driver-3/main": "F1124 driver.go: failed\npanic: no such Secret\n",
    }
    with node(kubernetes.admin(), name, told):
        pod(cluster, "wf-impl-1", on=name, run=RUN.id, step="ingest")
        pod(cluster, "wf-impl-2", on=name, run=RUN.id, step="train")
        pod(cluster, "wf-driver-3", on=name, run=RUN.id, step="tune-driver")
        pod(cluster, "wf-other", on=name, run="another", step="ingest")
        found = logs(cluster)
        assert found.said(RUN, "ingest") == "400 rows"
        assert found.saying(RUN, "ingest") == "400 rows"
        assert found.reason(RUN, "train") == Reason("the table must have rows; got none.")
        assert "panic: no such Secret" in found.reason(RUN, "tune-driver").text
        assert found.text(RUN, "split") == ""
        assert found.problems == ["set HEADRACE_S3_ENDPOINT."]


def test_a_pod_that_was_killed_says_so_itself(kubernetes: ApiServer, cluster: Cluster) -> None:
    """No log can tell that the kernel ended the step, or that the kubelet evicted it."""
    space, name = cluster.namespace, f"node-{cluster.namespace}"
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    container = {"name": "main", "state": ended, "image": "x", "imageID": "x", "ready": False, "restartCount": 0}
    evicted = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    with node(kubernetes.admin(), name, {f"{space}/wf-impl-1/main": "fitting\n", f"{space}/wf-impl-2/main": ""}):
        pod(cluster, "wf-impl-1", on=name, run=RUN.id, step="train", status={"containerStatuses": [container]})
        pod(cluster, "wf-impl-2", on=name, run=RUN.id, step="tune", status=evicted)
        assert "more memory than it may have: give it more with --memory" in logs(cluster).reason(RUN, "train").text
        assert (
            logs(cluster).reason(RUN, "tune").text == "its pod ended as Evicted: The node was low on resource: memory."
        )


def test_a_pod_that_cannot_start_says_why(kubernetes: ApiServer, cluster: Cluster) -> None:
    """A run would wait for it for ever; one that is only being made says nothing."""
    name = f"node-{cluster.namespace}"
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}
    container = {"name": "main", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    with node(kubernetes.admin(), name, {}):
        for pod_name, step, why in (("wf-1", "train", waiting), ("wf-2", "tune", {"reason": "ContainerCreating"})):
            status = {"containerStatuses": [{**container, "state": {"waiting": why}}]}
            pod(cluster, pod_name, on=name, run=RUN.id, step=step, status=status)
        assert logs(cluster).saying(RUN, "train") == 'waiting, ImagePullBackOff: Back-off pulling image "x"'
        assert logs(cluster).saying(RUN, "tune") == ""


def test_an_account_without_rights_is_told(cluster: Cluster) -> None:
    """The run is followed all the same; the reason says what is missing."""
    found = StepLogs(account(cluster, "stranger"), (cluster.namespace,), nothing)
    assert found.said(RUN, "ingest") == ""
    assert "cannot list resource" in found.problems[0]
    assert found.saying(RUN, "ingest") == ""
    assert found.reason(RUN, "ingest").text.startswith("the cluster does not say why, and its log cannot be read")
