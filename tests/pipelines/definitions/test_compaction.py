"""Compiled pipelines are small, and mean what KFP's compiler wrote."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp.compiler import Compiler

from headrace.components.base import COMMAND
from headrace.pipelines.definitions.catalogue import PIPELINES, pipeline
from headrace.pipelines.definitions.compaction import compact
from headrace.pipelines.definitions.compile import NativeObjects, compile_text
from tests.conftest import REPOSITORY
from tests.pipelines.workflow_size import LIMIT, Size

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")

COMPILED = REPOSITORY / "pipelines" / "compiled"
_BEFORE_BYTES = 182_000  # what the training pipeline was when each task carried its component's source


def _needed(component: dict[str, Any], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """A component without what its parameters mean, and without those that no task gives."""
    given = {name for task in tasks for name in task.get("inputs", {}).get("parameters", {})}
    found = _without(component, {"description"})
    parameters = found.get("inputDefinitions", {}).pop("parameters", {})
    kept = {name: _without(one, {"defaultValue", "isOptional"}) for name, one in parameters.items() if name in given}
    return {**found, "parameters": kept}


def _resolved(spec: dict[str, Any], platform: dict[str, Any]) -> dict[str, Any]:
    """What each task runs: its component, container and settings, however the file names them."""
    settings = platform.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
    found = {}
    for graph in (spec["root"], *spec["components"].values()):
        for name, task in graph.get("dag", {}).get("tasks", {}).items():
            component = copy.deepcopy(spec["components"][task["componentRef"]["name"]])
            label = component.pop("executorLabel", "")
            rest = {key: value for key, value in task.items() if key != "componentRef"}
            executor = spec["deploymentSpec"]["executors"].get(label)
            graph_of_it = {} if "dag" in component else _needed(component, [task])
            found[name] = (rest, graph_of_it, executor, settings.get(label))
    return found


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, names) for key, one in value.items() if key not in names}
    return value


def _documents(text: str) -> list[dict[str, Any]]:
    return [*yaml.safe_load_all(text), {}][:2]


@pytest.mark.parametrize("name", PIPELINES)
def test_a_compact_pipeline_says_the_same(name: str, tmp_path: Path) -> None:
    """Each task has the inputs, the component, the container and the settings that KFP's compiler gave it."""
    path = tmp_path / "whole.yaml"
    Compiler().compile(pipeline(name), str(path))
    whole, short = (_documents(text) for text in (path.read_text(), compact(path.read_text())))
    assert _resolved(*short) == _resolved(*whole)
    root = _without(whole[0]["root"], {"description"})
    assert short[0]["root"] | {"dag": None} == root | {"dag": None}
    assert len(short[0]["deploymentSpec"]["executors"]) <= len(whole[0]["deploymentSpec"]["executors"])


def test_a_person_reads_what_the_parameters_mean() -> None:
    """In the file's comments, which no Workflow holds."""
    said = "#    country: str [Default: '']  ISO 3166 code of the country whose public holidays and notation matter"
    assert said in compile_text("training")


def test_kubernetes_own_objects_are_compact_too() -> None:
    """A PipelineVersion holds the pipeline that is uploaded otherwise."""
    spec, platform = _documents(compile_text("training"))
    _, version = _documents(compile_text("training", native=NativeObjects("v1")))
    assert version["spec"]["pipelineSpec"] == spec
    assert version["spec"]["platformSpec"] == platform


def test_the_training_pipeline_is_a_third_of_what_it_was() -> None:
    """No component's source is in it, and none is in it twice."""
    text = compile_text("training")
    assert len(text.encode()) <= _BEFORE_BYTES / 3
    assert "def " not in text


def test_the_workflow_of_a_run_is_kept_as_it_is() -> None:
    """Argo compresses the nodes of a larger one, and Kubeflow's API stands still: with the retries that 2.17 ships."""
    assert _size(copies=2) < LIMIT
    assert _size(copies=1) < 0.55 * LIMIT


def _size(*, copies: int) -> int:
    """Of a run that serves its model."""
    spec, platform = _documents(compile_text("training"))
    groups = {name: one["dag"]["tasks"] for name, one in spec["components"].items() if "dag" in one}
    left_out = {name.removeprefix("comp-") for name, tasks in groups.items() if "branches" not in name}
    left_out -= {name.removeprefix("comp-") for name, tasks in groups.items() if "deploy" in tasks}
    asked = {"source": "s3://lake/" + "x" * 200, "target": "y"}
    return Size(spec, platform, asked, copies, frozenset(left_out)).bytes()


@pytest.mark.parametrize("name", PIPELINES)
def test_steps_are_started_by_one_line_that_stays(name: str) -> None:
    """A pipeline that was compiled today is to run on a later image: what it says to it never changes."""
    spec, _ = _documents((COMPILED / f"{name}.yaml").read_text())
    for executor in spec["deploymentSpec"]["executors"].values():
        container = executor["container"]  # no importer either: it reads KFP's own store only
        assert tuple(container["command"]) == COMMAND
        assert (  # written out: a change of it breaks every pipeline that lies on a cluster
            *("env", "_KFP_RUNTIME=true", "python3", "-m", "headrace.components.run", "kfp.dsl.executor_main"),
        ) == COMMAND
        assert container["args"][:3] == ["--executor_input", "{{$}}", "--function_to_execute"]
