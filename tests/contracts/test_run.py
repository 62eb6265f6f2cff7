"""The one line by which a pipeline starts a component of the suite."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import headrace.components as shelf
from headrace.components.base import COMMAND


def _started(name: str, asked: dict[str, Any], **environment: str) -> subprocess.CompletedProcess[str]:
    """A step as a container starts it."""
    line = [sys.executable if word == "python3" else word for word in COMMAND]
    given = ["--executor_input", json.dumps(asked), "--function_to_execute", name]
    return subprocess.run(
        [*line, *given], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_the_line_runs_a_component(tmp_path: Path) -> None:
    """With what KFP's launcher gives it, and no more of KFP than a step needs."""
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n3,4\n")
    artifact = {
        "name": "table",
        "type": {"schemaTitle": "system.Dataset"},
        "uri": str(tmp_path / "out"),
        "metadata": {},
    }
    asked = {
        "inputs": {"parameterValues": {"source": str(table)}},
        "outputs": {"artifacts": {"table": {"artifacts": [artifact]}}, "outputFile": str(tmp_path / "told.json")},
    }
    ended = _started("ingest", asked)
    assert ended.returncode == 0, ended.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["artifacts"]["table"]["artifacts"][0]["metadata"]["rows"] == 2
    assert "headrace: ingest: 2 rows, 2 columns" in ended.stderr
    assert "executor_input" in ended.stdout


def test_a_component_that_this_image_does_not_have_is_one_sentence(tmp_path: Path) -> None:
    """As when a pipeline is newer than the image that it runs on; whoever follows the run is told, with exit code 2."""
    events = tmp_path / "events.jsonl"
    ended = _started("foresee", {}, HEADRACE_EVENTS=str(events))
    assert ended.returncode == 2
    assert ended.stderr.startswith("a step must be one of the suite's components, collect, ")
    assert ended.stderr.endswith(
        "got 'foresee': run the pipeline on an image of the version that compiled it, or compile it again.\n"
    )
    last = json.loads(events.read_text().splitlines()[-1])
    assert (last["event"], last["step"], last["kind"]) == ("fail", "foresee", "user")


@pytest.mark.parametrize("name", shelf.__all__)
def test_a_component_carries_no_source(name: str) -> None:
    """Its specification names it, and nothing else; the image holds the rest."""
    container = getattr(shelf, name).component_spec.implementation.container
    assert container.command == list(COMMAND)
    assert container.args[-1] == name
