"""A migrated component starts its program by the same command line as in v1, for any arguments."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.migration.components.compile_component import compile_component
from headrace.migration.components.convert import V2Component, convert_component
from headrace.migration.components.python_source import component_source
from headrace.migration.components.read_component import read_component
from tests.migration.v1_rules import argument_text, v1_command
from tests.migration.v2_command import TASK_ROOT, artifact, v2_command
from tests.properties import examples

_NAMES = ["Training data", "a-b", "a b", "A_b", "lambda", "1st", "größe", "x", "x_2", "X", "dsl", "path", "name"]
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Integer": st.integers(-(2**53), 2**53),
    "Boolean": st.booleans(),
    "Float": st.floats(allow_nan=False, allow_infinity=False),
    "JsonObject": st.dictionaries(st.text("ab", max_size=2), st.integers(-9, 9) | st.booleans(), max_size=2),
    "JsonArray": st.lists(st.integers(-9, 9) | st.text("a'", max_size=2), max_size=2),
}
_TEXT = st.text(st.sampled_from("abZ09 -_=:/.,'\"\\\n\t$%#&|;<>()[]{}*?~`é語"), max_size=8).filter(
    lambda text: "{{" not in text and not text.startswith('{"')
)
_EXACT = ["String", "Integer", "GCSPath", "", "URI"]


@st.composite
def parts(
    draw: st.DrawFn, values: list[str], paths: list[str], optional: list[str], outputs: list[str], depth: int
) -> Any:
    """Draw one argument of a command line."""
    kinds = ["text"] + ["value"] * bool(values) + ["path"] * bool(paths) + ["output"] * bool(outputs)
    kinds += ["concat", "known"] * (depth > 0) + ["if"] * (2 * bool(depth and (values or paths)))
    kind = draw(st.sampled_from(kinds))
    inner = st.lists(parts(values, paths, optional, outputs, depth - 1), max_size=3)
    if kind == "value":
        return {"inputValue": draw(st.sampled_from(values))}
    if kind == "path":
        return {"inputPath": draw(st.sampled_from(paths))}
    if kind == "output":
        return {"outputPath": draw(st.sampled_from(outputs))}
    if kind == "concat":
        return {"concat": draw(inner)}
    if kind in {"if", "known"}:
        condition = {"isPresent": draw(st.sampled_from(values + paths))} if kind == "if" else draw(st.booleans())
        branch: dict[str, Any] = {"cond": condition, "then": draw(inner)}
        if draw(st.booleans()):
            branch["else"] = draw(inner)
        return {"if": branch}
    return draw(_TEXT)


@st.composite
def components(draw: st.DrawFn, types: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a v1 component and arguments for it, by the names of its inputs."""
    names = draw(st.lists(st.sampled_from(_NAMES), unique=True, max_size=5))
    inputs, arguments, values, paths = [], {}, [], []
    for name in names:
        type_name, is_file, optional = draw(st.sampled_from(types)), draw(st.integers(0, 3)) == 0, draw(st.booleans())
        one: dict[str, Any] = {"name": name, "optional": optional}
        if type_name:
            one["type"] = type_name
        value = draw(_VALUES.get(type_name, _TEXT))
        if not is_file and draw(st.integers(0, 2)) == 0:
            one["default"] = argument_text(draw(_VALUES.get(type_name, _TEXT)))
        if draw(st.booleans()) or not (optional or "default" in one):
            arguments[name] = value
        inputs.append(one)
        (paths if is_file else values).append(name)
    outputs = draw(st.lists(st.sampled_from(["Model", "x", "a b"]), unique=True, max_size=2))
    line = st.lists(parts(values, paths, [], outputs, 2), max_size=4)
    written = [{"outputPath": name} for name in outputs]
    container = {"image": "python:3.11", "command": ["program", *draw(line)], "args": [*draw(line), *written]}
    component = {
        "name": "Try it",
        "inputs": inputs,
        "outputs": [{"name": name, "type": draw(st.sampled_from(["Model", "String"]))} for name in outputs],
        "implementation": {"container": container},
    }
    return component, arguments


def migrated(v1: dict[str, Any], *, keep_text: bool = False) -> tuple[V2Component, str]:
    """Return a component and its compiled form."""
    text = yaml.safe_dump(v1, allow_unicode=True, sort_keys=False)
    component = convert_component(read_component(text, source="it.yaml"), keep_text=keep_text)
    assert component.writable, component.differences
    return component, compile_component(component, component_source(component, source_name="it.yaml"), source="it.yaml")


def both_commands(
    v1: dict[str, Any], arguments: dict[str, Any], *, keep_text: bool = False
) -> tuple[list[str], list[str]]:
    """Return the command lines of v1 and of what it became."""
    component, compiled = migrated(v1, keep_text=keep_text)
    names = {one.v1_name: one for one in component.inputs}
    outputs = {one.v1_name: one.name for one in component.outputs}
    old = v1_command(
        v1,
        arguments,
        input_path=lambda name: f"/in/{names[name].name}",
        output_path=lambda name: f"{TASK_ROOT}/{outputs[name]}",
    )
    new = {}
    for name, value in arguments.items():
        one = names[name]
        is_text = one.type_name == "str" and not isinstance(value, str)
        new[one.name] = artifact(one.name) if one.is_artifact else argument_text(value) if is_text else value
    return old, v2_command(compiled, new)


@given(components(_EXACT))
@examples(25)
@example(
    (
        {
            "inputs": [{"name": "bucket", "optional": True}],
            "implementation": {
                "container": {
                    "image": "i",
                    "command": [
                        {"inputValue": "bucket"},
                        {
                            "concat": [
                                "--x=",
                                {"inputValue": "bucket"},
                                {"if": {"cond": {"isPresent": "bucket"}, "then": []}},
                            ]
                        },
                        {"if": {"cond": {"isPresent": "bucket"}, "then": ["y"], "else": ""}},
                    ],
                }
            },
        },
        {},
    )
)
def test_texts_and_integers_are_the_same(drawn: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Word for word, whatever is optional, left out, joined or nested."""
    old, new = both_commands(*drawn)
    assert new == old


@given(components(["String", *_VALUES]))
@examples(15)
def test_all_types_are_the_same_if_texts_are_kept(drawn: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """With ``--keep-text``, and the texts of v1 as arguments."""
    old, new = both_commands(*drawn, keep_text=True)
    assert new == old


@pytest.mark.parametrize(
    ("type_name", "value", "v1_text", "v2_text"),
    [
        ("Boolean", True, "True", "true"),
        ("Float", 1.0, "1.0", "1.0"),
        ("Float", 1e-7, "1e-07", "1e-07"),
        ("JsonObject", {"b": 1, "a": [True, "é"]}, '{"a": [true, "\\u00e9"], "b": 1}', None),
        ("JsonArray", [1, "a"], '[1, "a"]', None),
    ],
)
def test_other_types_have_the_same_value(type_name: str, value: Any, v1_text: str, v2_text: str | None) -> None:
    """The text may be another one, and the report says so."""
    v1 = {
        "inputs": [{"name": "x", "type": type_name}],
        "implementation": {"container": {"image": "i", "command": [{"inputValue": "x"}]}},
    }
    (old,), (new,) = both_commands(v1, {"x": value})
    assert old == v1_text
    assert json.loads(new) == value
    assert v2_text is None or new == v2_text
    component, _ = migrated(v1)
    assert any(difference.kind == "changed" and difference.what == "input 'x'" for difference in component.differences)


@pytest.mark.parametrize(
    "text", ["True", "yes", "007", "0.10", "[1", "nan", '{"a": NaN}', "9007199254740993", " 5", ""]
)
@pytest.mark.parametrize("type_name", ["Integer", "Float", "Boolean", "JsonObject", "JsonArray", "String"])
def test_a_default_keeps_its_value(type_name: str, text: str) -> None:
    """One that its type does not hold makes the input a text, as it was in v1; none is lost or rounded."""
    v1 = {
        "inputs": [{"name": "x", "type": type_name, "default": text}],
        "implementation": {"container": {"image": "i", "command": [{"inputValue": "x"}]}},
    }
    (old,), (new,) = both_commands(v1, {})
    numbers = {"Integer": int, "Float": float}.get(type_name)
    if new != old and numbers:
        assert numbers(new) == numbers(old)
    elif new != old:
        assert new == old.lower() if type_name == "Boolean" else json.loads(new) == json.loads(old)
