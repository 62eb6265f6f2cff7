"""Ending runs, and recurring ones with what they have under way."""

from collections.abc import Iterator

import pytest

from headrace.cluster.kfp import client, pipeline_spec
from headrace.cluster.kfp.client import KfpClient, RunRequest
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.core.base.errors import ClusterError, InputError
from headrace.pipelines.kubeflow.cancel import cancel, cancel_recurring
from tests.cluster.kfp_server import KfpServer, kubeflow_pipelines
from tests.pipelines import tiny


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """A server that takes runs and does not run them."""
    monkeypatch.setattr(KfpServer, "_work", lambda *_: None)
    monkeypatch.setattr("headrace.pipelines.kubeflow.cancel._EVERY_SECONDS", 0.01)
    with kubeflow_pipelines() as played:
        yield played


@pytest.fixture
def api(server: KfpServer) -> KfpClient:
    """A way to it."""
    return client.connect(server.settings)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> PipelineFile:
    """What is run."""
    return pipeline_spec.read(tiny.compiled(tmp_path_factory.mktemp("tiny") / "tiny.yaml"))


def hourly(api: KfpClient, server: KfpServer, pipeline: PipelineFile) -> tuple[str, str]:
    """A recurring run, and its run that is under way."""
    trigger = {"periodic_schedule": {"interval_second": "3600"}}
    made = api.schedule(RunRequest("hourly", pipeline, {"x": 0.5, "result": "r"}), trigger=trigger)
    started = server.tick(made)
    assert started is not None
    server.runs[started].to("RUNNING")
    return made, started


def test_a_run_that_is_ending_is_left_to_it(api: KfpClient, server: KfpServer, pipeline: PipelineFile) -> None:
    """One that has ended cannot be ended; the sentence says how it ended."""
    run = api.start(RunRequest("one", pipeline, {"x": 0.5, "result": "r"}))
    cancel(api, run)
    cancel(api, run)
    assert api.run(run).state == "CANCELING"
    server.runs[run].to("FAILED")
    with pytest.raises(InputError, match="one has ended, canceled"):
        cancel(api, run)


def test_a_recurring_run_with_nothing_under_way_is_deleted(
    api: KfpClient, server: KfpServer, pipeline: PipelineFile
) -> None:
    """Runs of others do not count."""
    made, started = hourly(api, server, pipeline)
    server.runs[started].to("SUCCEEDED")
    api.start(RunRequest("another", pipeline, {"x": 0.5, "result": "r"}))
    assert "it had no active runs" in cancel_recurring(api, made, with_runs=False)
    assert not server.recurring


def test_what_does_not_end_keeps_the_recurring_run(api: KfpClient, server: KfpServer, pipeline: PipelineFile) -> None:
    """It is disabled all the same, so that it starts nothing more."""
    made, _ = hourly(api, server, pipeline)
    with pytest.raises(ClusterError, match="was given 0 s to end and did not; the recurring run is disabled and kept"):
        cancel_recurring(api, made, with_runs=True, seconds=0)
    assert server.recurring[made]["status"] == "DISABLED"


def test_a_run_whose_workflow_is_gone_holds_nothing_up(
    api: KfpClient, server: KfpServer, pipeline: PipelineFile
) -> None:
    """The API calls it running for ever."""
    made, started = hourly(api, server, pipeline)
    server.runs[started].deleted = True
    assert "It is deleted" in cancel_recurring(api, made, with_runs=True, seconds=5)
    assert not server.recurring
