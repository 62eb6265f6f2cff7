"""Workflows of Argo, read as they stand in a cluster and as Kubeflow Pipelines keeps them."""

from typing import Any

import pytest

from headrace.cluster.kfp import pipeline_spec
from headrace.cluster.kfp import workflow as workflows
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.workflow import WorkflowNode as Seen
from headrace.cluster.kfp.workflow import path_of
from tests.cluster import argo
from tests.cluster.argo import Node, Play
from tests.conftest import REPOSITORY

TRAINING = REPOSITORY / "pipelines" / "compiled" / "training.yaml"
BEGAN, ENDED = "2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z"
NAME = "headrace-training-x7k2p"


@pytest.fixture(scope="module")
def training() -> PipelineFile:
    """A shipped pipeline, which has conditions inside conditions."""
    return pipeline_spec.read(TRAINING)


def document(pipeline: PipelineFile, *tasks: Node, phase: str = "Running", **options: Any) -> dict[str, Any]:
    """A Workflow in which these tasks have begun."""
    play = options.get("play") or Play()
    nodes = argo.nodes(NAME, pipeline, {task.task: task for task in tasks}, phase=phase, play=play)
    return argo.workflow(NAME, "r", nodes, phase=phase, **options)


def by_name(found: workflows.Workflow) -> dict[str, Seen]:
    """The nodes by their own names, without executors."""
    return {node.name: node for node in found.nodes or () if node.name != "executor"}


@pytest.mark.parametrize("play", [Play(), Play(retries=False), Play(compressed=True)])
def test_each_step_is_one_node_whatever_the_attempts(play: Play, training: PipelineFile) -> None:
    """With the numbers of attempts, as since 2.17, without them, and compressed."""
    tasks = (
        Node("ingest", "SUCCEEDED", BEGAN, ENDED, attempts=2),
        Node("infer-contract", "SUCCEEDED", ENDED, ENDED, cached=True),
        Node("validate", "RUNNING", ENDED),
    )
    found = workflows.read(document(training, *tasks, play=play))
    nodes = by_name(found)
    assert nodes["ingest"].path == ("root", "ingest")
    assert [nodes[name].phase for name in ("ingest", "infer-contract", "validate")] == [
        "Succeeded",
        "Succeeded",
        "Running",
    ]
    assert (nodes["ingest"].ended - nodes["ingest"].began, nodes["validate"].ended) == (10.0, 0.0)
    assert found.is_cached(("root", "infer-contract"))
    assert not found.is_cached(("root", "ingest"))
    assert not found.has_ended
    assert len({node.path for node in found.nodes or ()}) == len(found.nodes or ())


def test_a_condition_that_was_false_is_a_node_that_was_left_out(training: PipelineFile) -> None:
    """What lies inside it has no node at all."""
    tasks = [Node(step.name, "SUCCEEDED", BEGAN, ENDED) for step in training.steps.values() if not step.groups]
    nodes = by_name(workflows.read(document(training, *tasks, phase="Succeeded")))
    assert nodes["condition-branches-1"].phase == "Skipped"
    assert "publish" not in nodes
    assert nodes["condition-branches-1"].message == ""


def test_a_node_says_why_whichever_of_its_attempts_did(training: PipelineFile) -> None:
    """Words that say no more than that something failed are none."""
    why = "OOMKilled (exit code 137)"
    failed = document(training, Node("ingest", "FAILED", BEGAN, ENDED, message=why), phase="Failed")
    assert workflows.read(failed).trouble() == why
    plain = document(training, Node("ingest", "FAILED", BEGAN, ENDED), phase="Failed", message="child 'x-1' failed")
    assert workflows.read(plain).trouble() == ""
    account = 'error looking up service account kubeflow/x: serviceaccounts "x" not found'
    assert workflows.read(argo.workflow(NAME, "r", {}, phase="Error", message=account)).trouble() == account


def test_a_node_whose_attempt_waits_waits(training: PipelineFile) -> None:
    """The node over all attempts is said to run; why it waits stands at the attempt."""
    why = "ImagePullBackOff: no such image"
    step = by_name(workflows.read(document(training, Node("ingest", "PENDING", BEGAN, driver=why))))
    assert (step["ingest-driver"].phase, step["ingest-driver"].message) == ("Pending", why)
    nodes = workflows.read(document(training, Node("ingest", "PENDING", BEGAN, message=why))).nodes or ()
    assert {(node.phase, node.message) for node in nodes if node.path[-2:] == ("ingest", "executor")} == {
        ("Pending", why)
    }


def test_who_ended_it_is_told_by_its_deadline(training: PipelineFile) -> None:
    """Kubeflow Pipelines ends a Workflow by a deadline of no seconds; Argo by a word."""
    assert workflows.read(document(training, stopped=True)).stopped
    assert not workflows.read(document(training)).stopped
    assert workflows.read({"spec": {"shutdown": "Terminate"}}).stopped


def test_nodes_that_lie_elsewhere_are_not_none(training: PipelineFile) -> None:
    """Such as those in Argo's database, or bytes that nobody can read: nothing is known of them."""
    assert workflows.read({"status": {"offloadNodeStatusVersion": "fnv:1"}}).nodes is None
    assert workflows.read({"status": {"compressedNodes": "H4sIAAAA"}}).nodes is None
    assert workflows.read({"status": {"compressedNodes": "?"}}).nodes is None
    assert workflows.read({}).nodes == ()
    whole = document(training, play=Play(compressed=True))["status"]["compressedNodes"]
    assert workflows.read({"status": {"compressedNodes": whole[:-20]}}).nodes is None


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ("wf.root.train.executor", ("root", "train", "executor")),
        ("wf(0).root(0).train(1).executor(2)", ("root", "train", "executor")),
        (
            "wf(0).root(0).for-loop-1(0).iteration-iterations(3:3)(0).train(0)",
            ("root", "for-loop-1", "iteration-iterations(3:3)", "train"),
        ),
        ("wf", ()),
    ],
)
def test_a_node_is_named_by_its_way(node: str, path: tuple[str, ...]) -> None:
    """Numbers of attempts are no part of it; those of a loop are."""
    assert path_of(node) == path
