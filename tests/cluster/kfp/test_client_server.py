"""The played Kubeflow Pipelines does what a released one was seen to do (2.17.0 with Argo Workflows 4.0.5)."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from kfp import compiler, dsl

from headrace.cluster.kfp import client, pipeline_spec, workflow
from headrace.cluster.kfp.client import KfpClient, RunRequest
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.core.base.errors import ClusterError
from tests.cluster.argo import Node, Play
from tests.cluster.kfp_server import KfpServer, PlayedRun, kubeflow_pipelines
from tests.pipelines import tiny

BEGAN = "2026-01-01T00:00:00Z"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """A server that takes runs and does not run them."""
    monkeypatch.setattr(KfpServer, "_work", lambda *_: None)
    with kubeflow_pipelines() as played:
        yield played


@pytest.fixture
def api(server: KfpServer) -> KfpClient:
    """A way to it."""
    return client.connect(server.settings)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> PipelineFile:
    """Two steps, the second inside a condition."""
    return pipeline_spec.read(tiny.compiled(tmp_path_factory.mktemp("tiny") / "tiny.yaml"))


def started(api: KfpClient, server: KfpServer, pipeline: PipelineFile) -> PlayedRun:
    """A run at whose first step is worked."""
    found = server.runs[api.start(RunRequest("one", pipeline, {"x": 0.5, "result": "r"}))]
    found.to("RUNNING")
    found.nodes["measure"] = Node("measure", "RUNNING", BEGAN)
    return found


def test_nodes_have_attempts(api: KfpClient, server: KfpServer, pipeline: PipelineFile) -> None:
    """A name ends with the attempt's number, beside a node for all attempts (9)."""
    run = started(api, server, pipeline)
    names = {node["name"] for node in server.workflow(run)["status"]["nodes"].values()}
    wf = run.workflow_name
    assert f"{wf}(0).root(0).measure(0).executor(0)" in names
    assert f"{wf}(0).root(0).measure(0).executor" in names
    server.play = Play(retries=False)
    assert f"{wf}.root.measure.executor" in {node["name"] for node in server.workflow(run)["status"]["nodes"].values()}


def test_a_large_workflow_lets_the_states_stand_still(
    api: KfpClient, server: KfpServer, pipeline: PipelineFile
) -> None:
    """Its nodes are compressed, which the server does not read, while the run ends well (11)."""
    server.play = Play(compressed=True)
    run = started(api, server, pipeline)
    run.nodes["measure"].state = "SUCCEEDED"
    run.to("SUCCEEDED")
    found = api.run(run.facts["run_id"])
    assert (found.state, found.stale) == ("SUCCEEDED", True)
    assert {task.state for task in found.tasks if task.name == "measure"} == {"RUNNING"}
    kept = workflow.read_kept_workflow(api.transport, found.id)
    assert kept is not None
    assert {node.phase for node in kept.nodes or () if node.name == "measure"} == {"Succeeded"}
    assert "nodes" not in server.workflow(run)["status"]


def test_a_recurring_run_takes_what_it_owns_with_it(api: KfpClient, server: KfpServer, pipeline: PipelineFile) -> None:
    """A run that is under way when it is deleted is called running for ever (12); the first waits once (18)."""
    trigger = {"periodic_schedule": {"interval_second": "3600"}}
    made = api.schedule(RunRequest("hourly", pipeline, {"x": 0.5, "result": "r"}), trigger=trigger)
    assert not server.runs
    run = server.tick(made)
    assert run is not None
    assert api.run(run).name.startswith(f"hourly{made[:5]}")
    server.runs[run].to("RUNNING")
    api.unschedule(made)
    assert server.runs[run].deleted
    assert api.run(run).state == "RUNNING"


def test_what_was_left_out_has_no_state_and_no_node_a_pod(
    api: KfpClient, server: KfpServer, pipeline: PipelineFile
) -> None:
    """All of it is listed at once, in no order (17)."""
    run = started(api, server, pipeline)
    server._end(run, "FAILED")
    details = [one for one in server.run(run.facts["run_id"])["run_details"]["task_details"] if "display_name" in one]
    states = {one["display_name"]: one.get("state") for one in details}
    assert (states["measure"], states["condition-1"]) == ("FAILED", None)
    assert not any("pod_name" in one for one in details)
    children = [child["pod_name"] for one in details for child in one.get("child_tasks") or []]
    assert all(child.startswith(run.workflow_name) for child in children)
    orders = {
        tuple(one["display_name"] for one in server._told(run)["run_details"]["task_details"][1:]) for _ in range(9)
    }
    assert len(orders) > 1
    with pytest.raises(ClusterError, match="Row not found"):
        api.end(run.facts["run_id"])


@dsl.pipeline(name="importing")
def importing(table: str) -> None:
    """Import a table from an address."""
    dsl.importer(artifact_uri=table, artifact_class=dsl.Dataset)


@pytest.mark.parametrize(
    ("table", "root", "refused"),
    [
        ("s3://lake/t", "", True),
        ("s3://lake/t", "s3://lake/runs", False),
        ("minio://mlpipeline/t", "", False),
        ("minio://mlpipeline/t", "s3://lake/runs", True),
    ],
)
def test_an_importer_reads_the_launchers_own_store_only(table: str, root: str, refused: bool, tmp_path: Path) -> None:
    """Another one it cannot (13)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiler.Compiler().compile(importing, str(tmp_path / "p.yaml"))
    file = pipeline_spec.read(tmp_path / "p.yaml")
    config = {"parameters": {"table": table}, "pipeline_root": root}
    run = PlayedRun({"run_id": "r", "runtime_config": config}, file)
    server = KfpServer(folder=tmp_path / "home")
    if not refused:
        assert server.strange_import(run) == ""
        return
    server._work(run)
    assert (run.state, run.nodes["importer"].state) == ("FAILED", "FAILED")
    assert "Invalid region" in run.nodes["importer"].message


def test_logs_have_the_attempts_number(server: KfpServer) -> None:
    """As the launcher names them (10)."""
    assert server.log_name == "executor-logs-0"
    server.play = Play(retries=False)
    assert server.log_name == "executor-logs"
