"""A trial that is a run of a pipeline on Kubeflow: the Job's own process against a real object store.

Kubeflow Pipelines is played (see ``tests.cluster.kfp_server``); the pipeline is really run.
"""

import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.cluster.kfp import client
from headrace.cluster.kfp.client import KfpClient, RunRequest
from headrace.core.base.environment_values import TrialSettings
from headrace.core.base.settings import StoreSettings
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.trial_job import Reporter, record_key
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners import katib_spec
from headrace.experiments.tuners.katib_spec import TrialPod
from headrace.pipelines import trial_job
from headrace.pipelines.tuning import factory
from headrace.stores.bundles import folder_store
from headrace.stores.objects.object_store import ObjectStore, connect
from tests import fork_server
from tests.cluster.kfp_server import KfpServer, kubeflow_pipelines
from tests.experiments import jobs
from tests.experiments.collector import collected
from tests.pipelines import tiny
from tests.stores.conftest import minio_settings, rclone_settings, settings, store

__all__ = ["minio_settings", "rclone_settings", "settings", "store"]

METRICS = ("score", "depth")


@pytest.fixture
def server(rclone_settings: StoreSettings) -> Iterator[KfpServer]:
    """Kubeflow Pipelines, whose steps reach the store."""
    with kubeflow_pipelines(store=rclone_settings, environment=rclone_settings.environment()) as played:
        yield played


def stored(folder: Path, store: ObjectStore, made: dict[str, Any] | None = None, **arguments: Any) -> tuple[Any, str]:
    """An Experiment with its pipeline, and the address at which trials find both."""
    trial = pipeline_trial.load(tiny.written(folder / "given", made, **arguments))
    assert isinstance(trial, PipelineTrial)
    pipeline_trial.write(trial, folder / "stored")
    return trial, folder_store.put(folder / "stored", store, "studies/tiny")


def job(trial: PipelineTrial, uri: str, **values: str) -> dict[str, Any]:
    """The Job that Katib makes for a trial."""
    pod = TrialPod("headrace/headrace-python:0", **factory.pod())  # type: ignore[arg-type]  # by their names
    document = katib_spec.build(trial.experiment, suffix="0a1b2c3d", study=uri, pod=pod)
    return jobs.substituted(document, "tiny-0a1b2c3d-x7", values)


def record(store: ObjectStore, uri: str) -> Trial:
    """What the trial has kept."""
    return Trial.from_json(json.loads(store.get_bytes(record_key(uri, "tiny-0a1b2c3d-x7"))))


def test_the_job_has_the_pipeline_run_and_prints_what_it_reports(
    server: KfpServer, rclone_settings: StoreSettings, tmp_path: Path
) -> None:
    """Exactly as the Job says; Katib's collector reads the metrics, and nothing else, from its output."""
    store = connect(rclone_settings)
    trial, uri = stored(tmp_path, store)
    ended = jobs.run_here(job(trial, uri, x="0.5", depth="4"), rclone_settings, HEADRACE_KFP_ENDPOINT=server.address)
    assert ended.returncode == 0, ended.stdout
    assert [(name, value) for _, name, value in collected(ended.stdout, METRICS)] == [("score", 0.96), ("depth", 4.0)]
    assert "headrace: measure ended after" in ended.stdout
    (run,) = server.runs.values()
    assert run.facts["display_name"] == "tiny-0a1b2c3d-x7"
    assert run.facts["runtime_config"]["parameters"]["x"] == 0.5
    assert run.facts["runtime_config"]["parameters"]["result"] == f"{uri}results/tiny-0a1b2c3d-x7.json"
    found = record(store, uri)
    assert (found.status, found.score, found.parameters) == ("succeeded", 0.96, {"x": 0.5, "depth": 4})
    assert rclone_settings.secret_key not in ended.stdout + json.dumps(run.facts)


def test_a_step_that_fails_fails_the_trial_with_its_sentence(
    server: KfpServer, rclone_settings: StoreSettings, tmp_path: Path
) -> None:
    """The API does not say why: the step's log in the object store does."""
    store = connect(rclone_settings)
    trial, uri = stored(tmp_path, store, kind="bad")
    ended = jobs.run_here(job(trial, uri, x="0.5", depth="4"), rclone_settings, HEADRACE_KFP_ENDPOINT=server.address)
    assert ended.returncode == 1, ended.stdout
    assert collected(ended.stdout, METRICS) == []
    assert record(store, uri).error == "measure: x must be liked; got 0.5 instead."


def test_a_pipeline_that_reports_nothing_has_no_metrics(
    server: KfpServer, rclone_settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended well, so the Job does too; Katib calls that unavailable metrics."""
    for name, value in rclone_settings.environment().items():
        monkeypatch.setenv(name, value)
    store = connect(rclone_settings)
    _, uri = stored(tmp_path, store, dirty=True)
    told = TrialSettings(uri, "tiny-0a1b2c3d-x7", '{"x": "0.5", "depth": "4"}')
    stream = io.StringIO()
    api = client.connect(server.settings)
    found = trial_job.run(told, rclone_settings, api, Reporter(stream), poll_seconds=0.2)
    assert found.status == record(store, uri).status == "metrics_unavailable"
    assert stream.getvalue() == ""


@pytest.mark.usefixtures("default_signals")
def test_a_trial_that_is_ended_ends_its_run(server: KfpServer, rclone_settings: StoreSettings, tmp_path: Path) -> None:
    """Kubernetes sends SIGTERM, and the run's pods would go on without it."""
    store = connect(rclone_settings)
    trial, uri = stored(tmp_path, store, kind="slow")
    made = jobs.container(job(trial, uri, x="0.5", depth="4"))
    variables = jobs.environment(made, rclone_settings.environment())
    process = subprocess.Popen(
        [fork_server.python(), *made["command"][1:]],
        env={**variables, "HEADRACE_KFP_ENDPOINT": server.address, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not any(run.nodes for run in server.runs.values()):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143, out
    (run,) = server.runs.values()
    server.wait()
    assert run.history[-2:] == ["CANCELING", "FAILED"]


@pytest.mark.usefixtures("default_signals")
def test_a_trial_that_is_ended_while_its_run_begins_ends_it(
    server: KfpServer, rclone_settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose name is not known yet must not go on without the trial."""
    for name, value in rclone_settings.environment().items():
        monkeypatch.setenv(name, value)
    _, uri = stored(tmp_path, connect(rclone_settings), kind="slow")
    told = TrialSettings(uri, "tiny-0a1b2c3d-x7", '{"x": "0.5", "depth": "4"}')
    start = KfpClient.start

    def interrupted(self: KfpClient, job: RunRequest) -> str:
        run_id = start(self, job)
        os.kill(os.getpid(), signal.SIGTERM)
        return run_id

    monkeypatch.setattr(KfpClient, "start", interrupted)
    with pytest.raises(SystemExit):
        trial_job.run(told, rclone_settings, client.connect(server.settings), Reporter(io.StringIO()))
    (run,) = server.runs.values()
    server.wait()
    assert run.history[-2:] == ["CANCELING", "FAILED"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"HEADRACE_KFP_ENDPOINT": ""}, "set HEADRACE_KFP_ENDPOINT"),
        ({"HEADRACE_KFP_ENDPOINT": "ml-pipeline:8888"}, "HEADRACE_KFP_ENDPOINT must be a URL"),
        ({"HEADRACE_KFP_ENDPOINT": "http://127.0.0.1:9"}, "Kubeflow Pipelines at http://127.0.0.1:9 is not reachable"),
        ({"HEADRACE_TRIAL_PARAMETERS": '{"x": "0.5"}'}, "must be given ['depth', 'x']"),
        ({"HEADRACE_S3_ENDPOINT": ""}, "set HEADRACE_S3_ENDPOINT"),
    ],
)
def test_what_is_wrong_ends_a_trial_in_one_sentence(
    rclone_settings: StoreSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    says: str,
) -> None:
    """With exit code 2, and after long enough for Katib's collector to have seen it."""
    trial, uri = stored(tmp_path, connect(rclone_settings))
    made = jobs.container(job(trial, uri, x="0.5", depth="4"))
    for name, value in {**jobs.environment(made, rclone_settings.environment()), **changes}.items():
        monkeypatch.setenv(name, value)
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    assert trial_job.main() == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert says in told.err
    assert slept[-1] > 0
