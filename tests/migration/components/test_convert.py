"""What becomes of each part of a v1 component, and what stops it."""

from typing import Any

import pytest
import yaml

from headrace.core.base.errors import InputError
from headrace.migration.components.convert import V2Component, convert_component
from headrace.migration.components.read_component import read_component
from headrace.migration.names import unique_names


def convert(command: list[Any], **rest: Any) -> V2Component:
    """Convert a component with a command line."""
    container = {"image": "i", "command": command, **rest.pop("container", {})}
    document = {"name": "a", **rest, "implementation": {"container": container}}
    return convert_component(read_component(yaml.safe_dump(document, sort_keys=False), source="a.yaml"))


@pytest.mark.parametrize(
    ("one", "part", "type_name", "is_artifact"),
    [
        ({"type": "String"}, "inputValue", "str", False),
        ({}, "inputValue", "str", False),
        ({"type": "GCSPath"}, "inputValue", "str", False),
        ({"type": {"GCSPath": {"data_type": "CSV"}}}, "inputPath", "Artifact", True),
        ({"type": "Integer"}, "inputValue", "int", False),
        ({"type": "Integer"}, "inputPath", "Artifact", True),
        ({"type": "Bool"}, "inputValue", "bool", False),
        ({"type": "JsonObject"}, "inputValue", "dict", False),
        ({"type": "JsonArray"}, "inputValue", "list", False),
        ({"type": "Dataset"}, "inputPath", "Dataset", True),
        ({"type": "Model"}, "inputUri", "Model", True),
        ({"type": "CSV"}, None, "Artifact", True),
        ({"type": "URI"}, None, "str", False),
        ({}, None, "str", False),
    ],
)
def test_an_input_is_what_it_is_used_as(
    one: dict[str, Any], part: str | None, type_name: str, is_artifact: bool
) -> None:
    """Its use decides, then its type."""
    component = convert([{part: "x"}] if part else ["p"], inputs=[{"name": "x", **one}])
    assert (component.inputs[0].type_name, component.inputs[0].is_artifact) == (type_name, is_artifact)
    assert component.writable


@pytest.mark.parametrize(
    ("command", "rest", "what", "why"),
    [
        ([{"inputValue": "x"}, {"inputPath": "x"}], {"inputs": [{"name": "x"}]}, "input 'x'", "never both"),
        (
            [{"inputPath": "x"}],
            {"inputs": [{"name": "x", "default": "a"}]},
            "input 'x'",
            "an artifact of KFP 2 has none",
        ),
        (
            [{"if": {"cond": {"inputValue": "x"}, "then": ["a"]}}],
            {"inputs": [{"name": "x"}]},
            "{if: {cond: {inputValue: …}}}",
            "the value of 'x'",
        ),
        ([{"executorInput": None}], {}, "{executorInput}", "another form"),
        (["{{workflow.uid}}"], {}, "'{{workflow.uid}}'", "Argo"),
        (["{{$.inputs}}"], {}, "'{{$.inputs}}'", "Argo"),
        (['{"Concat": ["a"]}'], {}, '\'{"Concat": ["a"]}\'', "placeholder"),
        (["p"], {"outputs": [{"name": "o"}]}, "output 'o'", "no path"),
        (
            ["p"],
            {"outputs": [{"name": "o"}], "container": {"fileOutputs": {"o": "/o"}}},
            "fileOutputs.o",
            "chooses the path",
        ),
    ],
)
def test_what_has_no_form_stops_the_component(command: list[Any], rest: dict[str, Any], what: str, why: str) -> None:
    """Nothing is written that would start the program otherwise; the report says where and why."""
    component = convert(command, **rest)
    assert not component.writable
    (difference,) = [one for one in component.differences if one.kind == "remains"]
    assert difference.what == what
    assert why in difference.why
    assert difference.remedy


def test_a_graph_is_reported() -> None:
    """KFP 2 has no component files of graphs."""
    text = "name: a\nimplementation:\n  graph: {tasks: {}}\n"
    component = convert_component(read_component(text, source="a.yaml"))
    assert not component.writable
    assert (component.differences[0].line, component.differences[0].what) == (3, "implementation.graph")


def test_caching_that_is_switched_off_remains_for_the_pipeline() -> None:
    """The component can be written; its tasks must be told."""
    component = convert(
        ["p"], metadata={"annotations": {"volatile_component": "true", "author": "me"}, "labels": {"a": "b"}}
    )
    assert component.writable
    assert [(one.kind, one.what) for one in component.differences] == [
        ("remains", "metadata.annotations.volatile_component"),
        ("dropped", "metadata.annotations.author"),
        ("dropped", "metadata.labels.a"),
    ]


def test_an_input_and_an_output_may_share_a_name() -> None:
    """One function cannot have both, so the output's is another, and the report says so."""
    line = [{"inputPath": "data"}, {"outputPath": "data"}]
    component = convert(line, inputs=[{"name": "data", "type": "CSV"}], outputs=[{"name": "data", "type": "CSV"}])
    assert component.outputs[0].name == "data_2"
    assert [difference.what for difference in component.differences] == ["output 'data'"]


def test_names_are_those_of_v1() -> None:
    """Callers keep their keywords; names that need no change come first."""
    assert unique_names(["Train it", "train_it", "a__b", "1st", "lambda", "größe", "語"]) == {
        "Train it": "train_it_2", "train_it": "train_it", "a__b": "a_b", "1st": "n1st", "lambda": "lambda_",
        "größe": "gr_e", "語": "value",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("implementation: 5", "`implementation` must be a mapping"),
        ("implementation: {container: {}}", "`image` must name the container's image"),
        ("implementation: {container: {image: i, command: p}}", "`command` must be a list"),
        ("implementation: {container: {image: i, args: [5]}}", "line 1: an argument must be a text or a placeholder"),
        (
            "implementation: {container: {image: i, args: [{inputValue: x}]}}",
            "names the input 'x', which is not among the inputs",
        ),
        ("implementation: {container: {image: i, args: [{value: x}]}}", "'value' is no placeholder of v1"),
        ("implementation: {container: {image: i, args: [{if: {cond: true}}]}}", "`if` must have `cond`, `then`"),
        ("implementation: {container: {image: i, args: [{if: {cond: maybe, then: a}}]}}", "`cond` must be true, false"),
        ("implementation: {container: {image: i, args: [{concat: a}]}}", "`concat` must be a list"),
        ("implementation: {container: {image: i, env: {A: 5}}}", "`env` must map texts to texts, and A: 5 does not"),
        (
            "implementation: {container: {image: i, fileOutputs: {o: /o}}}",
            "`fileOutputs` names 'o', which is no output",
        ),
        ("inputs: {a: 1}\nimplementation: {container: {image: i}}", "`inputs` must be a list"),
        ("inputs: [a]\nimplementation: {container: {image: i}}", "a mapping with a `name`"),
        ("inputs: [{name: a}, {name: a}]\nimplementation: {container: {image: i}}", "inputs must have different names"),
        ("inputs: [{name: a, type: [x]}]\nimplementation: {container: {image: i}}", "a type must be a name"),
        (
            "inputs: [{name: a, default: [x]}]\nimplementation: {container: {image: i}}",
            "the default of 'a' must be a text",
        ),
        (
            "inputs: [{name: a, optional: 'no'}]\nimplementation: {container: {image: i}}",
            "`optional` of 'a' must be true or false",
        ),
        ("name: 5\nimplementation: {container: {image: i}}", "`name` must be a text; got 5 instead; quote it"),
    ],
)
def test_what_v1_refused_is_refused(document: str, sentence: str) -> None:
    """With the line, and what was expected."""
    with pytest.raises(InputError) as refused:
        read_component(document, source="a.yaml")
    assert sentence in str(refused.value)
