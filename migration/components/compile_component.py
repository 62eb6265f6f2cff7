"""Compiles a component file that was written here, and compares it with what it must be."""

import contextlib
import io
import warnings
from types import ModuleType
from typing import Any

import yaml

from headrace.core.base.errors import InputError, InternalError
from headrace.migration.components.convert import V2Component, V2Input, V2Output
from headrace.migration.components.v1_component import ConcatPart, IfPart, InputPart, OutputPart, Part

_IR_TYPES = {
    "str": "STRING", "int": "NUMBER_INTEGER", "float": "NUMBER_DOUBLE", "bool": "BOOLEAN", "dict": "STRUCT",
    "list": "LIST",
}  # fmt: skip


def compile_component(component: V2Component, code: str, *, source: str) -> str:
    """Compile the Python file of a component.

    Its text is our own and holds literals only, so running it runs nothing of the v1 file.

    Args:
        component: What the file must define.
        code: The file.
        source: Name of the v1 file, for messages.

    Returns:
        The compiled component, YAML.

    Raises:
        InputError: If KFP refuses the component.
        InternalError: If the compiled component differs from the one that it must be.
    """
    module = ModuleType("migrated")
    try:
        program = compile(code, f"<migrated from {source}>", "exec")
    except (SyntaxError, ValueError) as error:
        raise InternalError(f"{source} became what is not Python ({error}); nothing was written.") from error
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from google.protobuf import json_format  # noqa: PLC0415 - KFP takes a second to import
        from kfp.compiler import Compiler  # noqa: F401, PLC0415 - without it KFP 2.17 cannot make the specification

        try:
            exec(program, module.__dict__)  # noqa: S102 - see above
            made = getattr(module, component.name)
            spec = json_format.MessageToDict(made.pipeline_spec)
            # The text of KFP's own compiler cannot be read if a default has several lines: they leave its comment.
            text = _head(made.name, made.description or "") + yaml.safe_dump(spec, sort_keys=True)
            made_again = yaml.safe_load(text)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{source} cannot be a component of KFP 2: {type(error).__name__}: {reason}.") from error
    difference = find_difference(component, made_again)
    if difference:
        raise InternalError(f"{source} was compiled with another {difference} than it must have; nothing was written.")
    return text


def _head(name: str, description: str) -> str:
    """Return the comment from which KFP takes a component's description."""
    lines = ["".join(one if one.isprintable() else " " for one in line) for line in description.splitlines()]
    head = ["# PIPELINE DEFINITION", f"# Name: {name}"]
    if lines:
        head += [f"# Description: {lines[0]}", *(f"#              {line}" for line in lines[1:])]
    return "".join(f"{line.rstrip()}\n" for line in head)


def find_difference(component: V2Component, spec: dict[str, Any]) -> str:
    """Return what differs between a component and its compiled form; empty if nothing."""
    executor = next(iter(spec["deploymentSpec"]["executors"].values()))["container"]
    v1 = component.v1
    expected: dict[str, object] = {
        "image": v1.image,
        "command": [_element(part, component, given=frozenset()) for part in v1.command],
        "args": [_element(part, component, given=frozenset()) for part in v1.args],
        "env": v1.env,
        "inputs": {one.name: _input(one) for one in component.inputs},
        "outputs": {one.name: _output(one) for one in component.outputs},
    }
    found: dict[str, object] = {
        "image": executor["image"],
        "command": [_parse_element(one) for one in executor.get("command", [])],
        "args": [_parse_element(one) for one in executor.get("args", [])],
        "env": {one["name"]: one.get("value", "") for one in executor.get("env", [])},
        "inputs": _definitions(spec["root"].get("inputDefinitions", {})),
        "outputs": _definitions(spec["root"].get("outputDefinitions", {})),
    }
    return next((key for key, value in expected.items() if found[key] != value), "")


def _parse_element(element: str) -> Any:
    return yaml.safe_load(element) if element.startswith(('{"Concat": ', '{"IfPresent": ')) else element


def _definitions(definitions: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    parameters: dict[str, tuple[object, ...]] = {
        name: (one["parameterType"], one.get("isOptional", False), one.get("defaultValue"))
        for name, one in definitions.get("parameters", {}).items()
    }
    artifacts: dict[str, tuple[object, ...]] = {
        name: (one["artifactType"]["schemaTitle"], one.get("isOptional", False), None)
        for name, one in definitions.get("artifacts", {}).items()
    }
    return parameters | artifacts


def _input(one: V2Input) -> tuple[object, ...]:
    type_name = f"system.{one.type_name}" if one.is_artifact else _IR_TYPES[one.type_name]
    return type_name, one.optional or one.default is not None, one.default


def _output(one: V2Output) -> tuple[object, ...]:
    return f"system.{one.type_name}" if one.is_artifact else _IR_TYPES[one.type_name], False, None


def _element(part: Part, component: V2Component, *, given: frozenset[str], is_joined: bool = False) -> Any:
    """Return a part as KFP's compiler writes it, conditions and concatenations as mappings."""
    if isinstance(part, str):
        return part
    if isinstance(part, OutputPart):
        output = component.output(part.name)
        where = (
            f"artifacts['{output.name}'].{part.usage}"
            if output.is_artifact
            else f"parameters['{output.name}'].output_file"
        )
        return "{{$.outputs." + where + "}}"
    if isinstance(part, ConcatPart):
        return {"Concat": [_element(item, component, given=given, is_joined=True) for item in part.items]}
    if isinstance(part, InputPart):
        one = component.input(part.name)
        where = f"artifacts['{one.name}'].{part.usage}" if one.is_artifact else f"parameters['{one.name}']"
        value = "{{$.inputs." + where + "}}"
        if not one.optional or part.name in given:
            return value
        return {"IfPresent": {"InputName": one.name, "Then": value if is_joined else [value]}}
    return _condition(part, component, given=given, is_joined=is_joined)


def _condition(part: IfPart, component: V2Component, *, given: frozenset[str], is_joined: bool) -> Any:
    def side(parts: tuple[Part, ...], known: frozenset[str]) -> Any:
        items = [_element(item, component, given=known, is_joined=is_joined) for item in parts]
        if not is_joined:
            return items
        return items[0] if len(items) == 1 else {"Concat": items}

    condition = {"InputName": component.input(part.input_name).name, "Then": side(part.then, given | {part.input_name})}
    otherwise = side(part.otherwise, given) if part.otherwise else None
    if otherwise:  # KFP leaves out what is empty
        condition["Else"] = otherwise
    return {"IfPresent": condition}
