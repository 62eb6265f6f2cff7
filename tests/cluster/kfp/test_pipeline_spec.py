"""Compiled pipelines as files."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kfp import components

from headrace.cluster.kfp import pipeline_spec
from headrace.cluster.kfp.pipeline_spec import PipelineFile, PipelineParameter
from headrace.core.base.errors import InputError, MissingError
from tests.conftest import REPOSITORY

COMPILED = REPOSITORY / "pipelines" / "compiled"
KINDS = ("STRING", "NUMBER_INTEGER", "NUMBER_DOUBLE", "BOOLEAN", "LIST", "STRUCT")


@pytest.fixture(scope="module")
def training() -> PipelineFile:
    """The training line, as it is shipped."""
    return pipeline_spec.read(COMPILED / "training.yaml")


def test_a_pipeline_is_read_as_kfp_reads_it(training: PipelineFile) -> None:
    """Name, parameters, and which of them must be given."""
    loaded = components.load_component_from_file(str(COMPILED / "training.yaml"))
    inputs = loaded.component_spec.inputs
    assert training.name == loaded.name == "headrace-training"
    assert set(training.parameters) == set(inputs)
    assert {name for name, one in training.parameters.items() if one.required} == {
        name for name, one in inputs.items() if not one.optional
    }
    assert training.platform["platforms"]["kubernetes"]


def test_steps_inside_conditions_are_steps_too(training: PipelineFile) -> None:
    """Each is known by its name in the pipeline, and by what it runs."""
    runs = {task.name: task.runs for task in training.steps.values()}
    assert runs["infer-contract"] == "infer_contract"
    assert {name for name, function in runs.items() if function == "report"} == {
        "report",
        "report-2",
        "report-3",
    }
    assert not [name for name in runs if name.startswith("condition")]
    assert training.steps["train"].artifacts == {"model": "system.Model"}
    assert training.steps["train"].groups == ()
    assert training.steps["publish"].groups[0] == "condition-branches-1"


def test_steps_come_after_those_that_they_wait_for(training: PipelineFile) -> None:
    """The compiler writes them by the alphabet; a person is told of them as they run."""
    names = list(training.steps)
    tasks = training.spec["root"]["dag"]["tasks"]
    for name in names[: names.index("package")]:
        assert all(names.index(before) < names.index(name) for before in tasks[name].get("dependentTasks", []))
    assert names.index("package") < names.index("publish")


@pytest.mark.parametrize(
    ("kind", "given_value", "taken"),
    [
        ("STRING", "3", "3"),
        ("NUMBER_INTEGER", 3, 3),
        ("NUMBER_INTEGER", 3.0, 3),
        ("NUMBER_DOUBLE", 3, 3.0),
        ("NUMBER_DOUBLE", 0.5, 0.5),
        ("BOOLEAN", True, True),
        ("LIST", [1], [1]),
        ("STRUCT", {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_is_cast_to_the_pipelines_type(kind: str, given_value: Any, taken: Any) -> None:
    """A whole number is a number, and a float without a fraction a whole number."""
    found = PipelineParameter("p", kind, required=True).value(given_value, "t.yaml")
    assert (found, type(found)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("STRING", 3),
        ("STRING", None),
        ("NUMBER_INTEGER", 3.5),
        ("NUMBER_INTEGER", True),
        ("NUMBER_INTEGER", "3"),
        ("NUMBER_DOUBLE", "0.5"),
        ("NUMBER_DOUBLE", float("nan")),
        ("BOOLEAN", 1),
        ("BOOLEAN", "true"),
        ("LIST", {"a": 1}),
        ("STRUCT", [1]),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: str, value: Any) -> None:
    """The sentence names parameter and pipeline."""
    with pytest.raises(InputError, match=r"p of t\.yaml must be .*; got .* instead\."):
        PipelineParameter("p", kind, required=True).value(value, "t.yaml")


@pytest.mark.parametrize(
    ("kind", "text", "taken"),
    [
        ("STRING", "true", "true"),
        ("STRING", "", ""),
        ("NUMBER_INTEGER", "4", 4),
        ("NUMBER_DOUBLE", "4", 4.0),
        ("NUMBER_DOUBLE", "1e-3", 0.001),
        ("BOOLEAN", "True", True),
        ("BOOLEAN", "false", False),
        ("LIST", '["a", "b"]', ["a", "b"]),
        ("STRUCT", '{"roc_auc": 0.8}', {"roc_auc": 0.8}),
    ],
)
def test_a_text_stands_for_a_value(kind: str, text: str, taken: Any) -> None:
    """What is typed on a command line becomes what the pipeline takes."""
    assert PipelineParameter("p", kind, required=True).value_of(text, "t.yaml") == taken


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "STRING"])
def test_a_text_that_stands_for_nothing_is_refused(kind: str) -> None:
    """Whatever else the pipeline takes there."""
    for text in ("heart.csv", "nan", "", "Infinity"):
        with pytest.raises(InputError):
            PipelineParameter("p", kind, required=True).value_of(text, "t.yaml")


@given(st.sampled_from(KINDS), st.from_type(type(None)) | st.booleans() | st.integers() | st.floats() | st.text())
def test_taking_a_value_twice_changes_nothing(kind: str, value: Any) -> None:
    """A value that was cast is of its kind."""
    parameter = PipelineParameter("p", kind, required=True)
    try:
        taken = parameter.value(value, "t.yaml")
    except InputError:
        return
    assert parameter.value(taken, "t.yaml") == taken


def test_arguments_must_be_known_and_whole(training: PipelineFile) -> None:
    """An unknown one and a missing one are named."""
    assert training.check_arguments({"source": "a.csv", "target": "y", "folds": 3.0})["folds"] == 3
    with pytest.raises(InputError, match="'sauce' instead"):
        training.check_arguments({"sauce": "a.csv", "target": "y"})
    with pytest.raises(InputError, match="must be given source too"):
        training.check_arguments({})


def _changed(change: Any) -> str:
    spec, *rest = yaml.safe_load_all((COMPILED / "preparation.yaml").read_text())
    made = copy.deepcopy(spec)
    change(made)
    return yaml.safe_dump_all([made, *rest])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "must be YAML"),
        ("", "must be a compiled pipeline"),
        ("- 1", "must be a compiled pipeline"),
        ("pipelineInfo: {name: x}", "must be a compiled pipeline"),
        ("apiVersion: pipelines.kubeflow.org/v2beta1\nkind: Pipeline", "compile it without --native"),
        (
            _changed(lambda s: s["root"]["inputDefinitions"].update({"artifacts": {"table": {}}})),
            r"takes the artifacts \['table'\]",
        ),
        (
            _changed(lambda s: s["root"]["inputDefinitions"]["parameters"]["seed"].update({"parameterType": "X"})),
            "the parameter seed of t.yaml must be one of",
        ),
    ],
)
def test_what_is_no_compiled_pipeline_is_refused(text: str, says: str) -> None:
    """In one sentence that names the file."""
    with pytest.raises(InputError, match=says) as caught:
        pipeline_spec.parse(text, source="t.yaml")
    assert "t.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """So is one that is no text."""
    with pytest.raises(MissingError, match=r"no\.yaml"):
        pipeline_spec.read(tmp_path / "no.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bytes\.yaml must be a YAML file"):
        pipeline_spec.read(tmp_path / "bytes.yaml")
