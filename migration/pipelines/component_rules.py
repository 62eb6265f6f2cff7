"""Components that a v1 file makes of functions, and how they are called."""

import ast
from dataclasses import dataclass, field

from headrace.core.base.errors import quote
from headrace.migration.names import pythonic_name
from headrace.migration.pipelines.gone import CREATORS, LOADERS
from headrace.migration.pipelines.v1_file import V1File

_POSITIONS = {
    "kfp.components.create_component_from_func": [
        "func", "output_component_file", "base_image", "packages_to_install", "annotations",
    ],
    "kfp.components.func_to_container_op": [
        "func", "output_component_file", "base_image", "extra_code", "packages_to_install", "modules_to_capture",
        "use_code_pickling", "annotations",
    ],
}  # fmt: skip
_KEPT = {"func", "output_component_file", "base_image", "packages_to_install"}
_TYPE_NAMES = {"str": "str", "int": "int", "float": "float", "bool": "bool", "list": "list", "dict": "dict"}
_V2_TEXT_TYPES = {"String", "Integer", "Float", "Double", "Boolean", "Bool", "List", "Dict", "JsonObject", "JsonArray"}
_PARAMETER_NAMES = {"str", "int", "float", "bool", "list", "dict"}
_UNTYPED = "KFP 2 takes no parameter without a type"


@dataclass
class Operation:
    """A component as pipelines call it.

    Attributes:
        parameters: Names of its parameters in KFP 2, in order; None if its file must be read to know them.
        v1_names: The name in KFP 2 of each input and output whose name in v1 was another.
    """

    parameters: list[str] | None = None
    v1_names: dict[str, str] = field(default_factory=dict)


def rewrite_components(file: V1File) -> dict[str, Operation]:
    """Rewrite what makes components of functions; return the components by their names."""
    functions = {node.name: node for node in file.tree.body if isinstance(node, ast.FunctionDef)}
    known: dict[ast.FunctionDef, Operation] = {}
    operations = _rewrite_decorated(file, [*functions.values()], known)
    for node in file.walk(ast.Call):
        path, name = file.path(node.func), _assigned_name(file, node)
        operation = None
        if path in CREATORS and _rewrite_arguments(file, node, node.func, 0):
            operation = _rewrite_made(file, node, functions, known)
        elif path in LOADERS:
            _report_loading(file, node, path)
            operation = Operation()
        if operation and name:
            operations[name] = operation
    return operations


def _rewrite_decorated(
    file: V1File, functions: list[ast.FunctionDef], known: dict[ast.FunctionDef, Operation]
) -> dict[str, Operation]:
    """Rewrite components that are made by decorators, bare or in ``functools.partial``."""
    operations = {}
    for function in functions:
        for decorator in function.decorator_list:
            creator: ast.expr = decorator
            is_partial = isinstance(decorator, ast.Call) and file.path(decorator.func) == "functools.partial"
            if is_partial and isinstance(decorator, ast.Call) and decorator.args:
                creator = decorator.args[0]
            if file.path(creator) in CREATORS and (not is_partial or _rewrite_arguments(file, decorator, creator, 1)):
                _rewrite_creator(file, creator)
                operations[function.name] = known[function] = _rewrite_function(file, function)
    return operations


def _rewrite_made(
    file: V1File, call: ast.Call, functions: dict[str, ast.FunctionDef], known: dict[ast.FunctionDef, Operation]
) -> Operation:
    """Rewrite a call that makes a component, and once the function of which it makes one."""
    _rewrite_creator(file, call.func)
    made = next((one.value for one in call.keywords if one.arg == "func"), call.args[0] if call.args else None)
    function = functions.get(made.id) if isinstance(made, ast.Name) else None
    if function is None:
        what, why = "a component of a function that is not in this file", "its parameters were not checked"
        file.note_remaining(call, what, why, "KFP 2 wants a type for each parameter.")
        return Operation()
    if function not in known:
        known[function] = _rewrite_function(file, function)
    return known[function]


def _assigned_name(file: V1File, node: ast.Call) -> str:
    parent = file.parents.get(node)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        return parent.targets[0].id
    return ""


def _rewrite_creator(file: V1File, node: ast.expr) -> None:
    file.handled.add(node)
    file.edits.replace(file.edits.start(node), file.edits.end(node), f"{file.dsl_name()}.component")
    file.note_rewriting(node, f"{file.path(node).rpartition('.')[2]} is dsl.component")


def _rewrite_arguments(file: V1File, call: ast.expr, creator: ast.expr, skipped: int) -> bool:
    """Rewrite the arguments of a call that makes a component; False if it has arguments without a form in KFP 2."""
    if not isinstance(call, ast.Call):
        return True
    names = _POSITIONS[file.path(creator)]
    names = ["", *names[1:]] if skipped else names
    given = [*zip(names, call.args, strict=False)]
    used = {name for name, _ in given} | {one.arg or "**" for one in call.keywords}
    if (
        used - _KEPT - {"", "annotations"}
        or len(call.args) > len(names)
        or any(isinstance(one, ast.Starred) for one in call.args)
    ):
        bad = ", ".join(sorted(used - _KEPT - {"", "annotations"}))
        what = f"{bad or 'arguments'} of {file.path(creator).rpartition('.')[2]}"
        file.note_remaining(call, what, "@dsl.component has no such argument",
                     "Put imports and helpers into the function, or into the image.")  # fmt: skip
        return False
    nodes = [(name, value, file.edits.start(value)) for name, value in given]
    nodes += [(one.arg or "", one.value, file.edits.start(one)) for one in call.keywords]
    previous = creator
    for place, (name, value, start) in enumerate(nodes):
        if name == "annotations":
            begin = file.edits.end(previous)
            if (previous is creator and not skipped) or "#" in file.edits.between(begin, file.edits.end(value)):
                file.note_remaining(call, "annotations of a component", "KFP 2 keeps none", "Remove the argument.")
                continue
            file.edits.replace(begin, file.edits.end(value), "")
            file.handled.update(ast.walk(value))
            file.note_loss(value, "annotations of a component", "KFP 2 keeps none")
        elif 0 < place < len(given):
            file.edits.replace(start, start, f"{name}=")
        previous = value
    return True


def _rewrite_function(file: V1File, function: ast.FunctionDef) -> Operation:
    """Give the parameters of a component's function the types that KFP 2 wants."""
    operation = Operation([])
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if arguments.vararg or arguments.kwarg:
        file.note_remaining(
            function, f"* or ** of {function.name}", "KFP 2 takes named parameters only", "Name each parameter."
        )
    for parameter in parameters:
        name, is_output = _rewrite_parameter(file, function, parameter)
        if name != parameter.arg:
            operation.v1_names[name] = parameter.arg
        if not is_output and operation.parameters is not None:
            operation.parameters.append(parameter.arg)
    _rewrite_returns(file, function)
    if any(
        name in file.edits.between(file.edits.start(function), file.edits.end(function))
        for name in ("UI_metadata", "mlpipeline_ui_metadata")
    ):
        file.note_remaining(function, f"UI metadata of {function.name}", "KFP 2 shows no mlpipeline_ui_metadata",
                     "Write dsl.Output[dsl.HTML], dsl.Output[dsl.Markdown] or their like.")  # fmt: skip
    return operation


def _rewrite_returns(file: V1File, function: ast.FunctionDef) -> None:
    """Let results of types that KFP 2 does not know be texts."""
    returns = function.returns
    fields = (
        [node.elts[1] for node in ast.walk(returns) if isinstance(node, ast.Tuple) and len(node.elts) == 2]
        if returns
        else []
    )
    for one in [returns, *fields]:
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value not in _V2_TEXT_TYPES:
            file.edits.replace(file.edits.start(one), file.edits.end(one), "str")
            file.note_rewriting(one, f"a result of {function.name} is a str")
            file.note_change(
                one, f"result of type {quote(one.value)}", "KFP 2 has no such type; it is a str now, and no artifact"
            )


def _rewrite_parameter(file: V1File, function: ast.FunctionDef, parameter: ast.arg) -> tuple[str, bool]:
    """Return a parameter's name in v1 and whether it is an output."""
    annotation = parameter.annotation
    if annotation is None:
        add_type(file, function, parameter, default_of(function, parameter))
        return parameter.arg, False
    path = file.path(annotation.func if isinstance(annotation, ast.Call) else annotation)
    if path.rpartition(".")[2] in {"InputPath", "OutputPath"} and path.startswith("kfp."):
        is_output = path.endswith("OutputPath")
        if not isinstance(annotation, ast.Call):
            file.edits.replace(file.edits.end(annotation), file.edits.end(annotation), "()")
        kind = annotation.args[0] if isinstance(annotation, ast.Call) and annotation.args else None
        named = kind.id if isinstance(kind, ast.Name) else kind.value if isinstance(kind, ast.Constant) else ""
        if not is_output and named in _PARAMETER_NAMES | _V2_TEXT_TYPES:
            file.note_remaining(parameter, f"{parameter.arg}: InputPath({named})", "in KFP 2 a parameter is no file",
                         "Take it as a value, or let an artifact be its source and write InputPath().")  # fmt: skip
        for suffix in ("_path", "_file"):
            if parameter.arg.endswith(suffix) and parameter.arg != suffix:
                return parameter.arg.removesuffix(suffix), is_output
        return parameter.arg, is_output
    if (
        isinstance(annotation, ast.Constant)
        and isinstance(annotation.value, str)
        and annotation.value not in _V2_TEXT_TYPES
    ):
        file.edits.replace(file.edits.start(annotation), file.edits.end(annotation), "str")
        file.note_rewriting(annotation, f"{parameter.arg} has the type str")
        file.note_change(
            annotation,
            f"{parameter.arg}: {quote(annotation.value)}",
            "KFP 2 has no such type; it is a str now, and takes no artifact",
        )
    return parameter.arg, False


def default_of(function: ast.FunctionDef, parameter: ast.arg) -> ast.expr | None:
    """Return a parameter's default, or None."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(zip([one.arg for one in reversed(positional)], reversed(arguments.defaults), strict=False))
    defaults |= {
        one.arg: value for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value
    }
    return defaults.get(parameter.arg)


def add_type(file: V1File, function: ast.FunctionDef, parameter: ast.arg, default: ast.expr | None) -> None:
    """Give a parameter the type of its default, if it has one that is a literal."""
    try:
        type_name = type(ast.literal_eval(default)).__name__ if default is not None else ""
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        type_name = ""
    if type_name not in _TYPE_NAMES:
        file.note_remaining(
            parameter,
            f"parameter {parameter.arg} of {function.name}",
            _UNTYPED,
            "Write its type, such as str, int, float or dsl.Input[dsl.Dataset].",
        )
        return
    end = file.edits.end(parameter)
    file.edits.replace(end, end, f": {type_name}")
    file.note_rewriting(parameter, f"{parameter.arg} has the type {type_name}")
    file.note_change(
        parameter,
        f"parameter {parameter.arg} of {function.name}",
        f"it had no type; it has {type_name} now, as its default, and takes nothing else",
    )


def _report_loading(file: V1File, call: ast.Call, path: str) -> None:
    name = path.rpartition(".")[2]
    argument = call.args[0] if call.args else next((one.value for one in call.keywords), None)
    text = argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else ""
    if name == "load_component_from_file":
        what = f"load_component_from_file({quote(text) if text else '…'})"
        why = "a v2 component must lie there, since KFP 2 reads v1 files otherwise or not at all"
        file.note_change(call, what, why, f"headrace migrate {text or 'FILE'}")
    elif name == "load_component_from_url":
        why = "what is at the address was not read; KFP 2 reads v1 files otherwise or not at all"
        file.note_remaining(call, "load_component_from_url", why,
                     "Download it, migrate it by headrace migrate, and load the result.")  # fmt: skip
    elif name == "load_component_from_text" and ("implementation" in text or not text):
        file.note_remaining(call, "load_component_from_text", "KFP 2 reads v1 components otherwise or not at all",
                     "Put the text into a file, migrate it by headrace migrate, and load the result.")  # fmt: skip


def v2_output_name(operation: Operation, name: str) -> str:
    """Return the name by which KFP 2 knows an output."""
    return operation.v1_names.get(name, name if operation.parameters is not None else pythonic_name(name) or name)
