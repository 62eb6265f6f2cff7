"""What a v1 component becomes in v2: types, names and the command line, as plain values."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from headrace.core.base.errors import quote
from headrace.migration.components.v1_component import (
    IfPart,
    InputPart,
    OutputPart,
    V1Component,
    V1Input,
    V1Output,
    walk_parts,
)
from headrace.migration.differences import Difference
from headrace.migration.names import pythonic_name, unique_names

ParameterType = Literal["str", "int", "float", "bool", "dict", "list"]

_PARAMETER_TYPES: dict[str, ParameterType] = {
    "string": "str", "str": "str", "text": "str", "integer": "int", "int": "int", "float": "float", "double": "float",
    "bool": "bool", "boolean": "bool", "dict": "dict", "jsonobject": "dict", "list": "list", "jsonarray": "list",
}  # fmt: skip
# Types of v1 for small texts that have no counterpart in v2.
_TEXT_TYPES = frozenset(
    {"gcspath", "gcrpath", "gcpregion", "gcpprojectid", "localpath", "uri", "url", "s3path", "date", "datetime"}
)
_ARTIFACT_TYPES = {
    "model": "Model", "dataset": "Dataset", "metrics": "Metrics", "classificationmetrics": "ClassificationMetrics",
    "html": "HTML", "markdown": "Markdown",
}  # fmt: skip
_EXACT = 2**53
_LONGEST_NAME = 100  # KFP takes 128 characters
_TEXT_CHANGES = {
    "bool": "KFP 2 writes true and false where v1 wrote True and False",
    "float": "KFP 2 may write the same number otherwise, such as 1 for 1.0",
    "dict": "KFP 2 writes the same JSON otherwise: order of keys, 1.0 for 1",
    "list": "KFP 2 writes the same JSON otherwise, such as 1.0 for 1",
}


@dataclass(frozen=True)
class V2Input:
    """An input of the v2 component.

    Attributes:
        v1_name: Its name in v1.
        name: Its name in Python.
        type_name: ``str``, ``int``, ``float``, ``bool``, ``dict``, ``list`` of a parameter, or an artifact's class.
        is_artifact: Whether it is an artifact.
        optional: Whether it may be left out and has no default.
        default: The default, of the parameter's type; None if it has none.
    """

    v1_name: str
    name: str
    type_name: str
    is_artifact: bool
    optional: bool
    default: Any
    description: str


@dataclass(frozen=True)
class V2Output:
    """An output of the v2 component: a parameter, or an artifact of a class."""

    v1_name: str
    name: str
    type_name: str
    is_artifact: bool
    description: str


@dataclass(frozen=True)
class V2Component:
    """A v2 component, before it is written.

    Attributes:
        name: Name of its function.
        v1: The component that it was; its command line stands there.
        writable: Whether nothing prevents the component, whatever else remains to be done where it is used.
    """

    name: str
    v1: V1Component
    inputs: tuple[V2Input, ...]
    outputs: tuple[V2Output, ...]
    differences: tuple[Difference, ...]
    writable: bool

    def input(self, v1_name: str) -> V2Input:
        """Return an input by its name in v1."""
        return next(one for one in self.inputs if one.v1_name == v1_name)

    def output(self, v1_name: str) -> V2Output:
        """Return an output by its name in v1."""
        return next(one for one in self.outputs if one.v1_name == v1_name)


def convert_component(v1: V1Component, *, keep_text: bool = False) -> V2Component:
    """Decide what each input and output becomes.

    Args:
        v1: The component.
        keep_text: Whether parameters but integers are ``str``, so that the program gets the very texts of v1.
    """
    differences = [Difference(line, "remains", what, why, remedy) for line, what, why, remedy in v1.problems]
    name = unique_names([v1.name or "component"], fallback="component")[v1.name or "component"]
    name = name[:_LONGEST_NAME].rstrip("_")
    inputs = sorted(v1.inputs, key=lambda one: one.optional or one.default is not None)
    input_names = unique_names(one.name for one in inputs)
    output_names = unique_names((one.name for one in v1.outputs), taken=input_names.values())
    new_inputs = tuple(
        _convert_input(one, input_names[one.name], v1, differences, keep_text=keep_text) for one in inputs
    )
    new_outputs = tuple(_convert_output(one, output_names[one.name], v1, differences) for one in v1.outputs)
    differences += _name_differences(v1, name, {**input_names}, output_names)
    writable = not any(difference.kind == "remains" for difference in differences)
    differences += _metadata_differences(v1)
    differences.sort(key=lambda difference: difference.line)
    return V2Component(name, v1, new_inputs, new_outputs, tuple(differences), writable)


def _usages(v1: V1Component, name: str) -> set[str]:
    parts = [*walk_parts(v1.command + v1.args)]
    used: set[str] = {part.usage for part in parts if isinstance(part, InputPart) and part.name == name}
    return used | {"present" for part in parts if isinstance(part, IfPart) and part.input_name == name}


def _convert_input(
    v1_input: V1Input, name: str, v1: V1Component, differences: list[Difference], *, keep_text: bool
) -> V2Input:
    what = f"input {quote(v1_input.name)}"
    usages = _usages(v1, v1_input.name)
    key = v1_input.type_name.lower()
    is_file = bool(usages & {"path", "uri"})
    is_artifact = is_file or (
        not usages & {"value", "present"} and bool(key) and key not in _PARAMETER_TYPES | dict.fromkeys(_TEXT_TYPES)
    )

    def find(kind: Literal["changed", "dropped", "remains"], why: str, remedy: str = "") -> None:
        differences.append(Difference(v1_input.line, kind, what, why, remedy))

    if v1_input.type_properties:
        find("dropped", f"KFP 2 has no properties of types; those of {v1_input.type_name} are not checked")
    if is_file and "value" in usages:
        find("remains", "it is passed as a value and as a file; in KFP 2 it is a parameter or an artifact, never both",
             "Make two inputs of it, or let the program read the file.")  # fmt: skip
    if is_artifact:
        if v1_input.default is not None:
            default = quote(v1_input.default)
            find("remains", f"it is read from a file and has a default, {default}; an artifact of KFP 2 has none",
                 "Make it optional and let the program fall back, or pass it as a value.")  # fmt: skip
        if key in _PARAMETER_TYPES:
            why = f"it was a {v1_input.type_name} read from a file; it is an artifact now, and takes no value"
            find("changed", why,
                 "Pass the output of a component that writes an artifact, or dsl.importer(...).output.")  # fmt: skip
        class_name = _ARTIFACT_TYPES.get(key, "Artifact")
        return V2Input(v1_input.name, name, class_name, True, v1_input.optional, None, v1_input.description)
    type_name: ParameterType = _PARAMETER_TYPES.get(key, "str")
    if key and key not in _PARAMETER_TYPES:
        find("changed", f"KFP 2 has no type {v1_input.type_name}; it is a str now, and takes no artifact")
    type_name, default = _choose_type(v1_input, type_name, find, keep_text=keep_text)
    optional = v1_input.optional and v1_input.default is None
    return V2Input(v1_input.name, name, type_name, False, optional, default, v1_input.description)


def _choose_type(
    v1_input: V1Input, type_name: ParameterType, find: Any, *, keep_text: bool
) -> tuple[ParameterType, Any]:
    """Return the parameter's type and its default; both a text where another type would change what v1 did."""
    text = v1_input.default
    if keep_text and type_name not in {"str", "int"}:
        find("changed", f"it was a {v1_input.type_name}; it is a str now, so that the program gets the same text",
             'Pass texts, such as "True" or json.dumps(...).')  # fmt: skip
        return "str", text
    value = None if text is None else typed_value(text, type_name)
    if text is not None and value is None:
        find(
            "changed",
            f"its default {quote(text)} is no {v1_input.type_name}; it is a str now, as v1 took it",
            "Pass texts.",
        )
        return "str", text
    if type_name in _TEXT_CHANGES:
        find("changed", _TEXT_CHANGES[type_name], "--keep-text keeps v1's texts.")
    return type_name, value


def typed_value(text: str, type_name: ParameterType) -> Any:
    """Return a text of v1 as a value of a type; None if KFP 2 would not keep it."""
    if type_name == "str":
        return text
    if type_name == "int":
        return int(text) if re.fullmatch(r"-?[0-9]{1,16}", text.strip()) and abs(int(text)) <= _EXACT else None
    if type_name == "bool":
        return {"true": True, "false": False}.get(text.strip().lower())
    try:
        value = float(text) if type_name == "float" else json.loads(text)
    except (ValueError, RecursionError):
        return None
    if type_name == "float":
        return value if math.isfinite(value) else None
    kind = dict if type_name == "dict" else list
    return value if isinstance(value, kind) and _finite(value) else None


def _finite(value: object) -> bool:
    """Whether JSON holds no NaN, no infinity and no integer that a double rounds."""
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return (
        not isinstance(value, int | float) or (math.isfinite(value) and abs(value) <= _EXACT) or isinstance(value, bool)
    )


def _convert_output(v1_output: V1Output, name: str, v1: V1Component, differences: list[Difference]) -> V2Output:
    what = f"output {quote(v1_output.name)}"
    usages = {
        part.usage
        for part in walk_parts(v1.command + v1.args)
        if isinstance(part, OutputPart) and part.name == v1_output.name
    }
    key = v1_output.type_name.lower()
    is_artifact = "uri" in usages or key not in _PARAMETER_TYPES | dict.fromkeys(_TEXT_TYPES)
    if v1_output.type_properties:
        differences.append(
            Difference(
                v1_output.line,
                "dropped",
                what,
                f"KFP 2 has no properties of types; those of {v1_output.type_name} are not checked",
            )
        )
    if not usages and v1_output.name not in v1.file_outputs:
        why = "the command line passes no path for it, so nothing can be written there"
        differences.append(Difference(v1_output.line, "remains", what, why,
                                "Pass {outputPath: " + v1_output.name + "}, or remove the output."))  # fmt: skip
    if is_artifact:
        return V2Output(v1_output.name, name, _ARTIFACT_TYPES.get(key, "Artifact"), True, v1_output.description)
    if key in _TEXT_TYPES:
        why = f"KFP 2 has no type {v1_output.type_name}; it is a str now, and no artifact"
        differences.append(Difference(v1_output.line, "changed", what, why))
    return V2Output(v1_output.name, name, _PARAMETER_TYPES.get(key, "str"), False, v1_output.description)


def _name_differences(v1: V1Component, name: str, inputs: dict[str, str], outputs: dict[str, str]) -> list[Difference]:
    """Report names by which callers must ask otherwise."""
    found = []
    if v1.name and pythonic_name(v1.name) != name:
        found.append(
            Difference(
                v1.line,
                "changed",
                f"name {quote(v1.name)}",
                f"KFP 2 takes a to z, digits and _, up to 128 of them; it is {name} now",
            )
        )
    lines = {("input", one.name): one.line for one in v1.inputs} | {
        ("output", one.name): one.line for one in v1.outputs
    }
    for v1_name, new_name in inputs.items():
        if new_name != _v1_keyword(v1_name):
            found.append(
                Difference(
                    lines["input", v1_name], "changed", f"input {quote(v1_name)}", f"its keyword is {new_name} now"
                )
            )
    for v1_name, new_name in outputs.items():
        if new_name != v1_name:
            why = f"a pipeline asks for .outputs[{new_name!r}] now"
            found.append(Difference(lines["output", v1_name], "changed", f"output {quote(v1_name)}", why))
    return found


def _v1_keyword(name: str) -> str:
    """Return the keyword by which v1 passed an input, letters of all scripts included."""
    words = re.sub(r"[\W_]+", " ", name.lower()).strip()
    return ("n" + words if re.match(r"\d", words) else words).replace(" ", "_")


def _metadata_differences(v1: V1Component) -> list[Difference]:
    found = []
    for key, (value, line) in v1.annotations.items():
        if key.endswith(".volatile_component") and str(value).lower() == "true":
            why = "v1 never reused an earlier run of it; in KFP 2 that is a setting of a task"
            found.append(
                Difference(
                    line, "remains", f"metadata.{key}", why, "Call .set_caching_options(False) on each task of it."
                )
            )
        else:
            found.append(Difference(line, "dropped", f"metadata.{key}", "KFP 2 keeps no metadata of components"))
    return found
