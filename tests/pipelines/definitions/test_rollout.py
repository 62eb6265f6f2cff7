"""The pipeline of a rollout, run as a laptop's runner runs it."""

import json
from pathlib import Path

import pytest
from kfp import local

from headrace.core.runtime.processes import lease
from headrace.pipelines.definitions.catalogue import pipeline
from tests.rollouts.local import made


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_pipeline_sends_back_what_is_worse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its step ends well and says what became of the candidate; the record is its artifact."""
    folder = made(tmp_path / "versions", "strict")
    with lease(tmp_path / "lease") as held:
        monkeypatch.setenv("HEADRACE_LEASE", str(held))
        monkeypatch.setenv("HEADRACE_EVENTS", str(tmp_path / "events.jsonl"))
        local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "root"))
        bundles = {key: str(folder / one / "bundle") for key, one in (("stable", "stable"), ("candidate", "strict"))}
        pipeline("rollout")(**bundles, table=str(folder / "traffic.csv"), platform="local", steps=[50, 100])
    (path,) = (tmp_path / "root").glob("*/rollout/record")
    assert json.loads(path.read_text())["status"] == "rolled_back"
    events = [json.loads(row) for row in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert events[-1]["event"] == "end"
    assert events[-2]["text"].startswith("rolled back: at 50 % requests that failed")
