"""The monitoring pipeline: run here by the runner, and submitted as a recurring run."""

import json
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.runtime.processes import lease
from headrace.pipelines.kubeflow.submit import SubmitOptions, arguments, read_pipeline, trigger
from headrace.pipelines.local.run_folder import run_folder
from headrace.pipelines.local.runner import run_pipeline
from tests.made_bundle import copy_bundle

MODEL = f"s3://headrace/models/tips/{'a' * 64}/"


@pytest.mark.slow
def test_a_window_is_decided_once_however_often_it_runs(tmp_path: Path) -> None:
    """Without any row nothing is known, which is a warning; a second run on the same day changes nothing."""
    bundle = copy_bundle(tmp_path / "made")
    given = {
        "model": str(bundle.folder),
        "store": str(tmp_path / "store"),
        "trained": "2026-01-01T00:00:00Z",
        "now": "2026-02-01T06:00:00Z",
    }
    documents = []
    for now in ("2026-02-01T06:00:00Z", "2026-02-01T18:00:00Z"):
        with run_folder(tmp_path / f"run-{now[11:13]}") as folder, lease(folder.lease):
            ended = run_pipeline(
                "monitoring", {**given, "now": now}, folder=folder, environment={}, watch=lambda _: None
            )
            assert ended.error is None
            assert [step.name for step in ended.steps] == ["monitor", "decide"]
            documents.append(json.loads(next(folder.steps.glob("*/**/decide/decision")).read_text()))
    first, second = documents
    assert first == second
    assert (first["outcome"], first["time"]) == ("warn", "2026-02-01T06:00:00Z")
    assert first["unknown"]
    for folder_name in ("reports", "decisions"):
        (stored,) = (tmp_path / "store").glob(f"*/{folder_name}/*.json")
        assert stored.name == "2026-01-31T00:00:00Z--2026-02-01T00:00:00Z.json"


@pytest.mark.parametrize("name", ["monitoring", "retraining"])
def test_it_can_be_submitted_on_a_schedule(name: str) -> None:
    """The model and the store must be given, and every other parameter has a default; Kubeflow gets an interval."""
    file = read_pipeline(SubmitOptions(name))
    given = {"model": MODEL, "store": "s3://monitoring/models", "policy": "s3://monitoring/monitoring.yaml"}
    assert arguments(file, given)["model"] == MODEL
    with pytest.raises(InputError, match="store"):
        arguments(file, {"model": MODEL})
    assert trigger(every="24h") == {"periodic_schedule": {"interval_second": "86400"}}
