"""The command line of a v1 component by the rules of its documentation, apart from the code that migrates.

Each argument is a text. A list of arguments is resolved one by one: a text stands for itself, ``inputValue`` for the
argument's text, ``inputPath`` and ``outputPath`` for a path. An optional input that was not given, and has no default,
stands for nothing, and so does a condition without the side that is taken. ``concat`` joins what its items stand for.
``isPresent`` asks whether an input was given or has a default.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any


def argument_text(value: Any) -> str:
    """Return the text as which v1 passes a value on."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)


def v1_command(
    component: Mapping[str, Any],
    arguments: Mapping[str, Any],
    *,
    input_path: Callable[[str], str],
    output_path: Callable[[str], str],
) -> list[str]:
    """Return command and args of a v1 component for arguments by the names of its inputs."""
    inputs = {one["name"]: one for one in component.get("inputs", [])}
    given = {name: argument_text(one["default"]) for name, one in inputs.items() if one.get("default") is not None}
    given |= {name: argument_text(value) for name, value in arguments.items()}

    def resolve(part: Any) -> list[str]:
        if isinstance(part, str):
            return [part]
        if isinstance(part, list):
            return [text for item in part for text in resolve(item)]
        ((kind, inner),) = part.items()
        if kind in {"inputValue", "inputPath"} and inner not in given:
            assert inputs[inner].get("optional"), f"v1 refuses a call without {inner}"
            return []
        if kind not in {"concat", "if"}:
            return [{"inputValue": given.get, "inputPath": input_path, "outputPath": output_path}[kind](inner)]
        if kind == "concat":
            return ["".join(resolve(inner))]
        condition = inner["cond"]
        holds = condition["isPresent"] in given if isinstance(condition, dict) else str(condition).lower() == "true"
        return resolve(inner["then"] if holds else inner.get("else", []))

    container = component["implementation"]["container"]
    return resolve(container.get("command", [])) + resolve(container.get("args", []))
