"""The Python file of a v2 component."""

from headrace.migration.components.convert import V2Component, V2Input, V2Output
from headrace.migration.components.v1_component import ConcatPart, InputPart, OutputPart, Part

_INDENT = "    "


def component_source(component: V2Component, *, source_name: str) -> str:
    """Return the text of a module that defines the component by ``@dsl.container_component``.

    Args:
        component: The component.
        source_name: Name of the v1 file, for the docstring.
    """
    v1 = component.v1
    lines = [f"{_docstring(f'Migrated from {source_name} of KFP v1.')}", ""]
    if any(one.optional for one in component.inputs):
        lines += ["from typing import Optional", ""]
    lines += ["from kfp import dsl", "", "", "@dsl.container_component"]
    required = [_parameter(one) for one in component.inputs if not one.optional and one.default is None]
    outputs = [_output(one) for one in component.outputs]
    rest = [_parameter(one) for one in component.inputs if one.optional or one.default is not None]
    parameters = [*required, *outputs, *rest]
    if parameters:
        lines += [f"def {component.name}(", *(f"{_INDENT}{one}," for one in parameters), ") -> dsl.ContainerSpec:"]
    else:
        lines.append(f"def {component.name}() -> dsl.ContainerSpec:")
    lines.append(_indent(_docstring(_description(component)), 1))
    lines += [f"{_INDENT}return dsl.ContainerSpec(", f"{_INDENT * 2}image={literal(v1.image)},"]
    for key, parts in (("command", v1.command), ("args", v1.args)):
        if parts:
            lines.append(f"{_INDENT * 2}{key}=[")
            lines += [_indent(f"{_expression(part, component)},", 3) for part in parts]
            lines.append(f"{_INDENT * 2}],")
    lines.append(f"{_INDENT})")
    if v1.env:
        lines += ["", "", "# dsl.ContainerSpec takes no environment; the compiled component does."]
        lines.append(f"{component.name}.component_spec.implementation.container.env = {{")
        lines += [f"{_INDENT}{literal(key)}: {literal(value)}," for key, value in v1.env.items()]
        lines.append("}")
    return "\n".join(lines) + "\n"


def literal(value: object) -> str:
    """Return a Python literal, texts in double quotes where they hold none."""
    text = repr(value)
    if isinstance(value, str) and '"' not in text and not text.startswith('"') and "\\'" not in text:
        return f'"{text[1:-1]}"'
    return text


def _indent(text: str, levels: int) -> str:
    return "\n".join(_INDENT * levels + line if line else line for line in text.split("\n"))


def _docstring(text: str) -> str:
    """Return a docstring in triple quotes, or as a plain literal if it holds what cannot stand there."""
    if not all(character.isprintable() or character == "\n" for character in text):
        return literal(text)
    body = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if body.endswith('"'):
        body = body[:-1] + '\\"'
    return f'"""{body}\n"""' if "\n" in body else f'"""{body}"""'


def _description(component: V2Component) -> str:
    """Return the component's description, then that of each input and output that has one."""
    text = component.v1.description.strip() or component.v1.name.strip() or component.name
    interface: list[V2Input | V2Output] = [*component.inputs, *component.outputs]
    described = [
        f"{_INDENT}{one.name}: {' '.join(one.description.split())}" for one in interface if one.description.strip()
    ]
    return "\n".join([text, "", "Args:", *described]) if described else text


def _parameter(one: V2Input) -> str:
    annotation = f"dsl.Input[dsl.{one.type_name}]" if one.is_artifact else one.type_name
    if one.optional:
        return f"{one.name}: Optional[{annotation}] = None"
    return f"{one.name}: {annotation}" + ("" if one.default is None else f" = {literal(one.default)}")


def _output(one: V2Output) -> str:
    return f"{one.name}: " + (
        f"dsl.Output[dsl.{one.type_name}]" if one.is_artifact else f"dsl.OutputPath({one.type_name})"
    )


def _expression(
    part: Part, component: V2Component, *, given: frozenset[str] = frozenset(), is_joined: bool = False
) -> str:
    """Return a part of a command line as an expression.

    Args:
        part: The part.
        component: What it belongs to.
        given: Inputs of which a condition around it says that they were given.
        is_joined: Whether it stands in a concatenation, where KFP takes single values only.
    """
    if isinstance(part, str):
        return _text(part)
    if isinstance(part, OutputPart):
        output = component.output(part.name)
        return output.name + (f".{part.usage}" if output.is_artifact else "")
    if isinstance(part, ConcatPart):
        items = [_expression(item, component, given=given, is_joined=True) for item in part.items]
        return _call("dsl.ConcatPlaceholder", [_list(items)])
    if isinstance(part, InputPart):
        one = component.input(part.name)
        value = one.name + (f".{part.usage}" if one.is_artifact else "")
        if not one.optional or part.name in given:
            return value
        # v1 left an argument out whose optional input was not given; KFP 2 would write null.
        return _call(
            "dsl.IfPresentPlaceholder", [f'input_name="{one.name}"', f"then={value if is_joined else f'[{value}]'}"]
        )
    then = _branch(part.then, component, given | {part.input_name}, is_joined=is_joined)
    arguments = [f'input_name="{component.input(part.input_name).name}"', f"then={then}"]
    if part.otherwise:
        arguments.append(f"else_={_branch(part.otherwise, component, given, is_joined=is_joined)}")
    return _call("dsl.IfPresentPlaceholder", arguments)


def _branch(parts: tuple[Part, ...], component: V2Component, given: frozenset[str], *, is_joined: bool) -> str:
    """Return the arguments of one side of a condition: a list, or one value in a concatenation."""
    items = [_expression(part, component, given=given, is_joined=is_joined) for part in parts]
    if not is_joined:
        return _list(items)
    return items[0] if len(items) == 1 else _call("dsl.ConcatPlaceholder", [_list(items)])


def _text(text: str) -> str:
    """Return a text as a literal; a program of several lines as one literal a line."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return literal(text)
    return "\n".join(["(", *(_INDENT + literal(line) for line in lines), ")"])


def _list(items: list[str]) -> str:
    return _wrap("[", items, "]")


def _call(function: str, arguments: list[str]) -> str:
    return _wrap(f"{function}(", arguments, ")")


def _wrap(start: str, items: list[str], end: str) -> str:
    """Return items between brackets: on one line if they fit, else one a line."""
    line = start + ", ".join(items) + end
    if "\n" not in line and len(line) <= 90:
        return line
    return "\n".join([start, *(_indent(item, 1) + "," for item in items), end])
