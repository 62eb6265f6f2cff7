"""What the tests of the library share: one run of the pipeline, and a runner that gives its results again."""

import contextlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headrace.api import local_run
from headrace.core.base.errors import HeadraceError
from headrace.pipelines.local.run_folder import PipelinePaths
from headrace.pipelines.local.runner import RunOutcome, StepEvent
from headrace.pipelines.local.summary import StepSummary
from tests.conftest import Line


@pytest.fixture
def folder(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which ``headrace run customers.csv --target churn`` has been run."""
    shutil.copy(line.table, tmp_path / "customers.csv")
    shutil.copytree(line.home, tmp_path / "headrace-out" / "customers", ignore=shutil.ignore_patterns("searches"))
    shutil.copy(line.home / "catalog.db", tmp_path / "headrace-out" / "catalog.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass
class RunnerRecord:
    """What the runner was called with.

    Attributes:
        arguments: Arguments of the pipeline, of each call.
        error: How the next run fails; None if it ends well.
        inspect: Called with the arguments while the pipeline runs.
    """

    arguments: list[dict[str, Any]] = field(default_factory=list)
    error: HeadraceError | None = None
    inspect: Callable[[Mapping[str, Any]], None] = lambda _: None


@pytest.fixture
def runner(line: Line, monkeypatch: pytest.MonkeyPatch) -> RunnerRecord:
    """In place of the pipeline's steps, which take ten seconds: what they left when they really ran."""
    record = RunnerRecord()

    def run_pipeline(
        name: str,
        arguments: Mapping[str, Any],
        *,
        folder: PipelinePaths,
        watch: Callable[[StepEvent], None],
        **_: object,
    ) -> RunOutcome:
        assert name == "training"
        record.arguments.append(dict(arguments))
        record.inspect(arguments)
        watch(StepEvent(event="start", step="ingest"))
        if record.error:
            return RunOutcome(error=record.error)
        shutil.copytree(line.home / "steps", folder.steps)
        for endpoint in folder.steps.rglob("deploy/endpoint"):
            endpoint.write_text(json.dumps({**json.loads(endpoint.read_text()), "pid": 0}))
        watch(StepEvent(event="end", step="ingest", seconds=0.5, text="400 rows"))
        return RunOutcome(steps=(StepSummary(name="ingest", status="succeeded", seconds=0.5),))

    @contextlib.contextmanager
    def object_store(_: object) -> Any:
        yield local_run.settings.StoreSettings(endpoint="http://127.0.0.1:9", access_key="a", secret_key="b")

    monkeypatch.setattr(local_run, "run_pipeline", run_pipeline)
    monkeypatch.setattr(local_run, "object_store", object_store)
    return record
