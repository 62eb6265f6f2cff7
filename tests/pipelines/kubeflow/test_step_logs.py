"""What steps said, read from their pods by a real API server; its kubelet is played, for no pod can run here."""

import time

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EVENTS, PODS
from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.workflow import Workflow, WorkflowNode
from headrace.core.base.errors import InputError
from headrace.pipelines.kubeflow.artifacts import RunArtifacts
from headrace.pipelines.kubeflow.log_patterns import FailureReason
from headrace.pipelines.kubeflow.step_logs import StepLogs
from tests.cluster.api_server import ApiServer, account
from tests.cluster.kubelet import node, pod

pytestmark = pytest.mark.kubernetes

RUN = PipelineRun("0f3c", "tiny", "FAILED")


def nothing(_: PipelineRun) -> RunArtifacts:
    """There is no object store."""
    raise InputError("set HEADRACE_S3_ENDPOINT.")


STEPS = ("ingest", "train", "tune", "split")


def logs(cluster: Cluster) -> StepLogs:
    """Logs of pods, in a namespace that has none and in the cluster's own."""
    return StepLogs(cluster, ("default", cluster.namespace), nothing, steps=STEPS)


def test_the_pod_tells_what_the_api_of_pipelines_does_not(kubernetes: ApiServer, cluster: Cluster) -> None:
    """The step's last words, and the sentence with which one failed; drivers have logs of their own."""
    space, name = cluster.namespace, f"node-{cluster.namespace}"
    told = {
        f"{space}/wf-impl-1/main": "headrace: ingest: 400 rows\n",
        f"{space}/wf-impl-2/main": "headrace: train failed: the table must have rows; got none.\nTraceback\n",
        f"{space}/wf-driver-3/main": "F1124 driver.go: failed\npanic: no such Secret\n",
    }
    with node(kubernetes.admin(), name, told):
        pod(cluster, "wf-impl-1", on=name, run=RUN.id, step="ingest", attempt=None)
        pod(cluster, "wf-impl-2", on=name, run=RUN.id, step="train")
        pod(cluster, "wf-driver-3", on=name, run=RUN.id, step="tune-driver")
        pod(cluster, "wf-other", on=name, run="another", step="ingest")
        found = logs(cluster)
        assert found.last_words(RUN, "ingest") == "400 rows"
        assert found.current_message(RUN, "ingest") == "400 rows"
        assert found.reason(RUN, "train") == FailureReason("the table must have rows; got none.")
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
        assert logs(cluster).current_message(RUN, "train") == 'waiting, ImagePullBackOff: Back-off pulling image "x"'
        assert logs(cluster).current_message(RUN, "tune") == ""


def test_the_last_attempt_tells(kubernetes: ApiServer, cluster: Cluster) -> None:
    """Each has a pod of its own, with a number in the name of its node."""
    space, name = cluster.namespace, f"node-{cluster.namespace}"
    told = {
        f"{space}/wf-impl-{number}/main": f"headrace: train failed: attempt {number} of it.\n" for number in range(2)
    }
    with node(kubernetes.admin(), name, told):
        for number in range(2):
            pod(cluster, f"wf-impl-{number}", on=name, run=RUN.id, step="train", attempt=number)
            time.sleep(1 - number)  # pods are told apart by whole seconds
        assert logs(cluster).reason(RUN, "train") == FailureReason("attempt 1 of it.")


def test_what_keeps_a_run_from_starting_is_told(cluster: Cluster) -> None:
    """By the pod of a driver or a step, its init container, its events, or the scheduler; what only begins, late."""
    launcher = {"name": "kfp-launcher", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    main = {**launcher, "name": "main"}
    missing = {"reason": "CreateContainerConfigError", "message": 'secret "headrace-object-store" not found'}
    starting = {"waiting": {"reason": "PodInitializing"}}
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: cpu."}
    states = {
        "ingest-driver": {"containerStatuses": [{**main, "state": {"waiting": {"reason": "ErrImagePull"}}}]},
        "ingest": {"containerStatuses": [{**main, "state": {"waiting": missing}}]},
        "train": {
            "initContainerStatuses": [{**launcher, "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            "containerStatuses": [{**main, "state": starting}],
        },
        "tune": {"conditions": [unplaced]},
        "split": {"containerStatuses": [{**main, "state": starting}]},
    }
    for number, (step, status) in enumerate(states.items()):
        place = "" if step == "tune" else "nowhere"
        pod(cluster, f"wf-{number}", on=place, run=RUN.id, step=step, status={"phase": "Pending", **status})
    found = {task: one.text for task, one in logs(cluster).obstacles(RUN, None).items()}
    assert found == {
        "ingest-driver": "waiting, ErrImagePull",
        "ingest": 'waiting, CreateContainerConfigError: secret "headrace-object-store" not found',
        "train": "waiting, ImagePullBackOff",
        "tune": "waiting, Unschedulable: 0/1 nodes: cpu.",
        "split": "waiting, its container is being created: an image is pulled, or volumes are mounted",
    }
    assert logs(cluster).obstacles(RUN, None)["split"].seconds > 30  # as long as that is usual
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "wf-4.1"},
            "involvedObject": {"kind": "Pod", "name": "wf-4", "namespace": cluster.namespace},
            "type": "Warning",
            "reason": "FailedMount",
            "message": 'MountVolume.SetUp failed: secret "keys" not found',
        }
    )
    found = {task: one.text for task, one in logs(cluster).obstacles(RUN, None).items()}
    assert "keys" not in found["split"]  # the event is an earlier pod's of that name
    made = cluster.get(PODS, "wf-4") or {}
    about = {"kind": "Pod", "name": "wf-4", "namespace": cluster.namespace, "uid": made["metadata"]["uid"]}
    cluster.patch(EVENTS, "wf-4.1", {"involvedObject": about})
    found = {task: one.text for task, one in logs(cluster).obstacles(RUN, None).items()}
    assert found["split"] == 'waiting, FailedMount: MountVolume.SetUp failed: secret "keys" not found'


def test_what_argo_cannot_make_a_pod_of_is_told(cluster: Cluster) -> None:
    """It has no pod, and the API says nothing."""
    account = 'error looking up service account x/y: serviceaccounts "y" not found'
    tried = WorkflowNode(("root", "ingest-driver"), "Running", 1.0, message=account)
    waits = WorkflowNode(("root", "train", "executor"), "Pending", 1.0, message="Unschedulable: 0/1 nodes")
    begins = WorkflowNode(("root", "tune", "executor"), "Pending", 1.0, message="PodInitializing")
    workflow = Workflow("wf", "x", "Running", nodes=(tried, waits, begins))
    found = {task: one.text for task, one in logs(cluster).obstacles(RUN, workflow).items()}
    assert found == {
        "ingest-driver": f"tried again after: {account}",
        "train": "waiting, Unschedulable: 0/1 nodes",
        "tune": "waiting, PodInitializing",
    }
    whole = Workflow("wf", "x", "Error", account)
    assert logs(cluster).obstacles(RUN, whole)[""].text == account
    untouched = logs(cluster).obstacles(RUN, Workflow("wf", "x"))[""]
    assert "look at the log of workflow-controller" in untouched.text
    assert 0 < untouched.seconds < 60
    nowhere = StepLogs(None, (), nothing, ["no way to the cluster."]).obstacles(RUN, None)[""]
    assert nowhere.text == "nothing of it has begun, and its pods cannot be read: no way to the cluster"


def test_an_account_without_rights_is_told(cluster: Cluster) -> None:
    """The run is followed all the same; the reason says what is missing."""
    found = StepLogs(account(cluster, "stranger"), (cluster.namespace,), nothing)
    assert found.last_words(RUN, "ingest") == ""
    assert "cannot list resource" in found.problems[0]
    assert found.current_message(RUN, "ingest") == ""
    assert found.reason(RUN, "ingest").text.startswith("the cluster does not say why, and its log cannot be read")
