"""``headrace submit --json`` and ``headrace runs RUN``: what a program reads that follows a run from outside.

Kubeflow Pipelines is played (see ``tests.cluster.kfp_server``); what is submitted is really run.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import app
from headrace.core.base.errors import InputError
from tests.cluster.kfp_server import KfpServer, kubeflow_pipelines
from tests.pipelines import tiny


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """Kubeflow Pipelines, without a store and without Kubernetes."""
    with kubeflow_pipelines() as played:
        monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", played.address)
        monkeypatch.setenv("KUBECONFIG", "/nowhere")
        monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
        yield played


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command in this process, and read all that it prints on standard output as one document."""
    capsys.readouterr()
    app(list(arguments), standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def _submit(capsys: pytest.CaptureFixture[str], folder: Path, kind: str) -> dict[str, Any]:
    arguments = [f"--argument={pair}" for pair in ("x=0.5", f"result={folder / 'result.json'}", f"kind={kind}")]
    file = tiny.compiled(folder / "tiny.yaml")
    answer: dict[str, Any] = _json(capsys, "submit", str(file), *arguments, "--name", f"{kind}-run", "--json")
    return answer


def test_a_run_is_started_and_its_end_is_told_as_json(
    server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output holds one document, whatever else there is to say; the failure's reason is in the status."""
    started = _submit(capsys, tmp_path, "bad")
    assert started == {"run_id": next(iter(server.runs)), "name": "bad-run"}
    server.wait()
    status = _json(capsys, "runs", started["run_id"], "--json")
    assert (status["id"], status["name"], status["state"]) == (started["run_id"], "bad-run", "failed")
    assert status["has_ended"]
    assert status["error"].startswith("measure: ")
    assert status["steps"]["measure"] == "failed"
    (listed,) = _json(capsys, "runs", "--json")
    assert {key: status[key] for key in listed} == listed


def test_what_keeps_a_run_from_starting_is_told(
    server: KfpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By step, with a word for its kind; by name as well as by id."""
    server.stuck = {"measure": "Unschedulable: 0/3 nodes are available"}
    started = _submit(capsys, tmp_path, "good")
    deadline = time.monotonic() + 60
    while "0/3 nodes" not in str((status := _json(capsys, "runs", "good-run", "--json"))["obstacles"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (status["id"], status["has_ended"], status["error"]) == (started["run_id"], False, "")
    assert [obstacle["step"] for obstacle in status["obstacles"]] == ["measure"]
    app(["runs", "good-run"], standalone_mode=False)
    assert "! measure: " in capsys.readouterr().out


def test_options_that_contradict_are_refused(server: KfpServer, tmp_path: Path) -> None:
    """In one sentence, before anything is started."""
    with pytest.raises(InputError, match="--json prints what was started"):
        app(["submit", str(tiny.compiled(tmp_path / "t.yaml")), "--json", "--follow"], standalone_mode=False)
    with pytest.raises(InputError, match="--recurring lists all"):
        app(["runs", "x", "--recurring"], standalone_mode=False)
    assert not server.runs
