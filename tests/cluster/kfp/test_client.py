"""The client of Kubeflow Pipelines, against a played API server over real HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headrace.cluster.api import transport as api_transport
from headrace.cluster.kfp import client as kfp
from headrace.cluster.kfp import pipeline_spec, transport
from headrace.cluster.kfp import run as kfp_run
from headrace.cluster.kfp.client import KfpClient, RunRequest
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun
from headrace.core.base.environment_values import KfpSettings
from headrace.core.base.errors import ClusterError, InputError, MissingError
from tests.cluster.argo import Node
from tests.cluster.kfp_server import EPOCH, KfpServer, PlayedRun, kubeflow_pipelines
from tests.conftest import REPOSITORY

COMPILED = REPOSITORY / "pipelines" / "compiled"


@pytest.fixture
def preparation() -> PipelineFile:
    """A shipped pipeline."""
    return pipeline_spec.read(COMPILED / "preparation.yaml")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """A server that takes runs and does not run them."""
    monkeypatch.setattr(KfpServer, "_work", lambda *_: None)
    with kubeflow_pipelines() as played:
        yield played


@pytest.fixture
def api(server: KfpServer) -> KfpClient:
    """A way to it."""
    return kfp.connect(server.settings)


def test_a_version_is_uploaded_once(api: KfpClient, server: KfpServer, preparation: PipelineFile) -> None:
    """The same version again is the one that is there; another is added to the same pipeline."""
    first = api.upload(preparation, name="preparation", version="1")
    again = api.upload(preparation, name="preparation", version="1")
    second = api.upload(preparation, name="preparation", version="2")
    assert (first.new, again.new, second.new) == (True, False, True)
    assert (first.pipeline, first.id) == (again.pipeline, again.id)
    assert second.pipeline == first.pipeline
    assert second.id != first.id
    assert len(server.pipelines) == 1
    (one,) = [version for version in server.versions.values() if version["name"] == "1"]
    assert one["pipeline_spec"]["pipeline_spec"] == json.loads(json.dumps(preparation.spec))


def test_a_pipeline_travels_with_its_platforms_part(api: KfpClient, server: KfpServer) -> None:
    """Secrets of the steps stand there; both ways to start a run keep them."""
    training = pipeline_spec.read(COMPILED / "training.yaml")
    arguments = {"source": "s3://lake/t.csv", "target": "y"}
    version = api.upload(training, name="training", version="1")
    for what in (training, version):
        run = api.run(api.start(RunRequest("one", what, arguments, root="s3://headrace/runs", service_account="line")))
        found = api.pipeline_of(run)
        assert found.spec == training.spec
        assert found.platform == training.platform
        assert (run.name, run.root, run.state, run.has_ended) == ("one", "s3://headrace/runs", "PENDING", False)
        assert run.facts["service_account"] == "line"
        assert run.ended == 0.0


def test_an_unknown_argument_is_told_in_the_servers_words(api: KfpClient, preparation: PipelineFile) -> None:
    """Without the stack of Go below them."""
    with pytest.raises(ClusterError, match="not required by pipeline: nope") as caught:
        api.start(RunRequest("one", preparation, {"nope": 1}))
    assert caught.value.reason == "invalid"
    assert "/go/src" not in str(caught.value)


def test_runs_are_listed_page_by_page(api: KfpClient, preparation: PipelineFile) -> None:
    """The latest first, and no more than were asked for."""
    for number in range(7):
        api.start(RunRequest(f"run-{number}", preparation, {}))
    assert [run.name for run in api.runs(3)] == ["run-6", "run-5", "run-4"]
    assert [run.name for run in api.runs(5)] == [f"run-{number}" for number in (6, 5, 4, 3, 2)]
    assert len(api.runs()) == 7


def test_a_run_is_ended_and_one_that_has_ended_is_not(
    api: KfpClient, server: KfpServer, preparation: PipelineFile
) -> None:
    """It counts as cancelled, though the server calls it failed."""
    run = api.start(RunRequest("one", preparation, {}))
    api.end(run)
    assert api.run(run).state == "CANCELING"
    server.runs[run].to("FAILED")
    assert api.run(run).state == "CANCELED"
    with pytest.raises(ClusterError, match="Row not found") as caught:
        api.end(run)
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("doing", ["run", "end", "pause", "unschedule"])
def test_a_run_that_is_not_there_is_missing(api: KfpClient, doing: str) -> None:
    """Whatever is done with it."""
    with pytest.raises(MissingError, match="not found"):
        getattr(api, doing)("00000000-0000-0000-0000-000000000000")


def test_recurring_runs(api: KfpClient, server: KfpServer, preparation: PipelineFile) -> None:
    """They are made, listed, deleted; a trigger that is none is refused."""
    version = api.upload(preparation, name="preparation", version="1")
    made = api.schedule(RunRequest("nightly", version, {}), trigger={"cron_schedule": {"cron": "0 0 2 * * *"}})
    api.schedule(RunRequest("hourly", version, {}), trigger={"periodic_schedule": {"interval_second": "3600"}})
    assert [one["display_name"] for one in api.recurring()] == ["nightly", "hourly"]
    assert server.recurring[made]["no_catchup"] is True
    with pytest.raises(ClusterError, match="cron is not a supported format"):
        api.schedule(RunRequest("never", version, {}), trigger={"cron_schedule": {"cron": "daily"}})
    assert server.tick(made)
    api.pause(made)
    assert server.tick(made) is None
    api.unschedule(made)
    assert [one["display_name"] for one in api.recurring()] == ["hourly"]


def test_a_group_of_runs_is_made_once(api: KfpClient, server: KfpServer, preparation: PipelineFile) -> None:
    """With several users there is always one, in the user's namespace."""
    for _ in range(2):
        api.start(RunRequest("one", preparation, {}, experiment_name="line"))
    assert [one["display_name"] for one in server.experiments.values()] == ["line"]
    mine = KfpClient(api.transport, namespace="ann")
    mine.start(RunRequest("one", preparation, {}))
    assert [(one["display_name"], one["namespace"]) for one in server.experiments.values()][1:] == [("Default", "ann")]


def test_the_token_is_read_anew(tmp_path: Path, preparation: PipelineFile) -> None:
    """The kubelet renews it; a wrong one is told without showing it."""
    file = tmp_path / "token"
    with kubeflow_pipelines(token="right-token") as server:
        api = kfp.connect(KfpSettings(server.address, token_file=str(file)))
        file.write_text("wrong-token\n")
        with pytest.raises(ClusterError, match="HEADRACE_KFP_TOKEN") as caught:
            api.runs()
        assert caught.value.reason == "unauthorized"
        assert "wrong-token" not in str(caught.value)
        file.write_text("right-token\n")
        assert api.runs() == []
        assert kfp.connect(server.settings).runs() == []
        file.unlink()
        with pytest.raises(ClusterError, match="cannot be read"):
            api.runs()
    assert "right-token" not in repr(server.settings)


def test_a_busy_server_is_asked_again_and_a_run_is_not_started_twice(
    api: KfpClient, server: KfpServer, preparation: PipelineFile
) -> None:
    """Only what does no harm is sent again when it is unknown whether it was done."""
    server.broken = [503, 502]
    assert api.runs() == []
    server.broken = [503]
    with pytest.raises(ClusterError, match="overloaded"):
        api.start(RunRequest("one", preparation, {}))
    server.broken = [429]
    api.start(RunRequest("two", preparation, {}))
    assert [run.facts["display_name"] for run in server.runs.values()] == ["two"]


def _html() -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Log in</html>")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def test_a_login_page_is_no_answer() -> None:
    """The remedy is a token or a cookie."""
    with _html() as page:
        threading.Thread(target=page.serve_forever, args=(0.02,), daemon=True).start()
        with pytest.raises(ClusterError, match="login page's: set HEADRACE_KFP_TOKEN") as caught:
            kfp.connect(KfpSettings(f"http://127.0.0.1:{page.server_port}")).runs()
        page.shutdown()
    assert caught.value.reason == "unauthorized"


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that reaches the usual one."""
    monkeypatch.setattr(api_transport, "_PAUSE_SECONDS", 0.01)
    with pytest.raises(ClusterError, match="kubectl port-forward") as caught:
        kfp.connect(KfpSettings("http://127.0.0.1:9")).run("x")
    assert caught.value.reason == "unreachable"


def test_nothing_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the variable."""
    monkeypatch.delenv("HEADRACE_KFP_ENDPOINT", raising=False)
    with pytest.raises(InputError, match="set HEADRACE_KFP_ENDPOINT"):
        kfp.connect()
    monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", "ml-pipeline:8888")
    with pytest.raises(InputError, match="HEADRACE_KFP_ENDPOINT must be a URL"):
        kfp.connect()


def test_a_pods_token_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where KFP's own SDK looks for it."""
    monkeypatch.setattr(transport, "POD_TOKEN", tmp_path / "token")
    (tmp_path / "token").write_text("of-the-pod")
    with kubeflow_pipelines(token="of-the-pod") as server:
        assert kfp.connect(KfpSettings(server.address)).runs() == []


def told(**facts: Any) -> PipelineRun:
    """A run as it is read."""
    return kfp_run.read({"run_id": "r", **facts})


def test_a_run_is_read_as_the_server_tells_it() -> None:
    """States may be missing or unspecified, times of 1970 mean never, and tasks may have no name."""
    assert told().state == told(state="RUNTIME_STATE_UNSPECIFIED").state == "PENDING"
    assert told(state="RUNNING", finished_at=EPOCH).ended == 0.0
    assert told(state="SUCCEEDED", finished_at="2026-01-01T00:00:10Z").ended > 0
    details = [
        {"state": "RUNNING"},
        {"display_name": "train", "state": None, "start_time": EPOCH},
        {"display_name": "train-driver", "state": "FAILED", "end_time": "2026-01-01T00:00:00Z"},
    ]
    found = told(run_details={"task_details": details}).tasks
    assert [(task.name, task.step, task.is_driver, task.state) for task in found] == [
        ("train", "train", False, "PENDING"),
        ("train-driver", "train", True, "FAILED"),
    ]


def test_a_step_from_the_cache_is_known_by_its_executor(server: KfpServer, preparation: PipelineFile) -> None:
    """The step itself only says that it succeeded, and nothing says whose an executor is: their times do."""
    training = pipeline_spec.read(COMPILED / "training.yaml")
    run = PlayedRun({"run_id": "r", "runtime_config": {}}, training, state="SUCCEEDED")
    run.nodes["ingest"] = Node("ingest", "SUCCEEDED", "2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z")
    run.nodes["validate"] = Node("validate", "SUCCEEDED", "2026-01-01T00:00:20Z", "2026-01-01T00:00:20Z", cached=True)
    found = kfp_run.read(server._told(run))
    assert {task.name: found.is_cached(task) for task in found.tasks if task.name in run.nodes} == {
        "ingest": False,
        "validate": True,
    }
    assert not any(task.pod for task in found.tasks)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_official_sdk_understands_the_played_server(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What plays the platform is asked by the platform's own client too, and told apart from it by nothing."""
    from kfp import Client

    monkeypatch.setenv("HOME", str(tmp_path))
    client = Client(host=server.address)
    package = str(COMPILED / "preparation.yaml")
    made = client.create_run_from_pipeline_package(
        package, arguments={"source": "a.csv", "contract": "b.yaml"}, run_name="theirs", experiment_name="line"
    )
    server.runs[made.run_id].to("SUCCEEDED")
    ended = client.wait_for_run_completion(made.run_id, timeout=30)
    assert (ended.state, ended.display_name) == ("SUCCEEDED", "theirs")
    assert [run.display_name for run in client.list_runs(sort_by="created_at desc").runs] == ["theirs"]
    api = kfp.connect(server.settings)
    assert [run.name for run in api.runs()] == ["theirs"]
    version = api.upload(pipeline_spec.read(COMPILED / "preparation.yaml"), name="preparation", version="1")
    listed = client.list_pipeline_versions(version.pipeline).pipeline_versions
    assert [(one.pipeline_version_id, one.display_name) for one in listed] == [(version.id, "1")]
    assert client.terminate_run(api.start(RunRequest("mine", version, {}))) is not None
