"""What a run left in the object store, by the names that Kubeflow's launcher gives, and that later ones may."""

import uuid

import pytest

from headrace.cluster.kfp import pipeline_spec
from headrace.cluster.kfp.run import PipelineRun
from headrace.core.base.settings import StoreSettings
from headrace.pipelines.kubeflow.artifacts import RunArtifacts, TaskTrace, artifacts
from headrace.stores.objects.object_store import connect
from tests.conftest import REPOSITORY
from tests.stores.conftest import rclone_settings

__all__ = ["rclone_settings"]
COMPILED = REPOSITORY / "pipelines" / "compiled"
SALT = str(uuid.UUID(int=7))


@pytest.fixture
def left(rclone_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> RunArtifacts:
    """Objects of a run of the training pipeline, of which there are none yet."""
    for name, value in rclone_settings.environment().items():
        monkeypatch.setenv(name, value)
    connect(rclone_settings)
    run = PipelineRun(str(uuid.uuid4()), "one", "SUCCEEDED", root=f"s3://{rclone_settings.bucket}/runs")
    return artifacts(run, pipeline_spec.read(COMPILED / "training.yaml"))


def put(left: RunArtifacts, **logs: str) -> None:
    """Leave logs of ``train``; a name's ``__`` stands for a dash, ``_of_`` for a slash."""
    for name, text in logs.items():
        key = name.replace("__", "-").replace("_of_", "/")
        left.store.put_bytes(f"{left.home}train/{SALT}/{key}", text.encode())


@pytest.mark.parametrize(
    "logs",
    [
        {"executor__logs": "last"},  # 2.16
        {"executor__logs__0": "first", "executor__logs__9": "before", "executor__logs__10": "last"},  # 2.17
        {"step__log": "last"},  # nobody has seen these
        {"logs_of_2_of_main": "before", "logs_of_11_of_main": "last"},
    ],
)
def test_the_last_attempts_log_is_found_by_listing(logs: dict[str, str], left: RunArtifacts) -> None:
    """Whatever it is called, as long as it is a log and no artifact of the step's; numbers are numbers."""
    put(left, **logs, model_of_m="a model")
    assert left.log("train") == "last"
    assert left.log("tune") == ""


def test_traces_tell_logs_from_results(left: RunArtifacts) -> None:
    """A step that left one of the artifacts that it declares came to its end."""
    assert left.traces() == {}
    put(left, executor__logs__0="words")
    assert left.traces() == {"train": TaskTrace(log=True, outputs=False)}
    put(left, model_of_model="x")
    assert left.traces() == {"train": TaskTrace(log=True, outputs=True)}
