"""The Workflow of a run, from wherever it can be had."""

from dataclasses import replace
from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import WORKFLOWS
from headrace.cluster.kfp import workflow as workflows
from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.workflow import Workflow, WorkflowNode
from headrace.core.base.errors import ClusterError, MissingError
from headrace.pipelines.kubeflow.run_workflow import WorkflowSource, with_workflow
from tests.cluster import argo
from tests.cluster.api_server import account

RUN = PipelineRun("0f3c", "tiny", "RUNNING")


def test_a_run_has_the_nodes_of_its_workflow() -> None:
    """Exact ones, with what was taken from an earlier run, and why one waits; executors are a part of their steps."""
    nodes = (
        WorkflowNode(("root", "a"), "Succeeded", 1.0, 2.0),
        WorkflowNode(("root", "a", "executor"), "Skipped", 1.0, 1.0),
        WorkflowNode(("root", "b"), "Running", 2.0),
        WorkflowNode(("root", "b", "executor"), "Pending", 2.0, message="Unschedulable: 0/1 nodes are available"),
        WorkflowNode(("root", "c"), "Omitted", 2.0, 2.0),
    )
    found = with_workflow(RUN, Workflow("wf", "kubeflow", "Running", nodes=nodes))
    assert [(task.name, task.state, task.cached, task.message) for task in found.tasks] == [
        ("a", "SUCCEEDED", True, ""),
        ("b", "RUNNING", False, "Unschedulable: 0/1 nodes are available"),
        ("c", "SKIPPED", False, ""),
    ]


@pytest.mark.parametrize(("stopped", "state"), [(True, "CANCELED"), (False, "FAILED")])
def test_a_run_that_somebody_ended_is_cancelled(stopped: bool, state: str) -> None:
    """Though the server says that it failed."""
    ended = replace(RUN, state="FAILED")
    assert with_workflow(ended, Workflow("wf", "kubeflow", "Failed", stopped=stopped)).state == state


def test_a_workflow_that_is_behind_the_run_leaves_open_what_runs() -> None:
    """The one that the server keeps is as old as its last look."""
    nodes = (WorkflowNode(("root", "a"), "Running", 1.0),)
    ended = replace(RUN, state="SUCCEEDED")
    assert with_workflow(ended, Workflow("wf", "kubeflow", "Running", nodes=nodes)).stale
    assert not with_workflow(ended, Workflow("wf", "kubeflow", "Succeeded", nodes=nodes)).stale
    assert with_workflow(replace(ended, stale=True), Workflow("wf", "kubeflow", "Succeeded", nodes=None)).stale


def test_a_place_that_will_never_answer_is_asked_once() -> None:
    """An older API that is gone; one that is only busy is asked again."""
    asked: list[str] = []
    errors: list[Any] = [ClusterError("it is busy.", "busy"), MissingError("there is none.")]

    def kept(run: str) -> Workflow | None:
        asked.append(run)
        raise errors[min(len(asked), 2) - 1]

    source = WorkflowSource(None, (), kept)
    assert [source.of(RUN) for _ in range(4)] == [None] * 4
    assert len(asked) == 2
    assert source.problems == ["it is busy.", "there is none."]
    assert not source.is_gone()


@pytest.mark.kubernetes
def test_the_cluster_is_asked_first_and_tells_what_was_deleted(cluster: Cluster) -> None:
    """A Workflow that was there and is not any more has been deleted; an account without rights asks Kubeflow."""
    kept = Workflow("kept", "kubeflow")
    source = WorkflowSource(cluster, ("default", cluster.namespace), lambda _: kept)
    assert source.of(RUN) == kept
    assert (source.is_gone(), source.is_absent()) == (False, True)
    node = {"id": "wf-1", "name": "wf(0).root(0).a", "displayName": "a", "phase": "Succeeded"}
    made = argo.workflow("wf", RUN.id, {"wf-1": node}, phase="Running", play=argo.Play(compressed=True))
    made["metadata"]["namespace"] = cluster.namespace
    cluster.create(made)
    ended = replace(RUN, state="FAILED")  # which is asked anew each time
    found = source.of(ended)
    assert found is not None
    assert (found.name, [node.path for node in found.nodes or ()]) == ("wf", [("root", "a")])
    assert not source.is_absent()
    stranger = WorkflowSource(account(cluster, "stranger"), (cluster.namespace,), lambda _: kept)
    assert stranger.of(RUN) == kept
    assert "cannot list resource" in stranger.problems[0]
    assert (stranger.is_gone(), stranger.is_absent()) == (False, False)
    cluster.delete(WORKFLOWS, "wf")
    assert source.of(ended) == kept
    assert source.is_gone()
    assert workflows.of_run(cluster, RUN.id, namespace=cluster.namespace) is None
