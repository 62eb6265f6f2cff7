"""Pipelines: their decorator and parameters, conditions and loops, compilation and the client."""

import ast

from headrace.core.base.errors import quote
from headrace.migration.pipelines.component_rules import add_type, default_of
from headrace.migration.pipelines.v1_file import V1File

_ARCHIVES = (".tar.gz", ".tgz", ".zip")
_RUN_CALLS = {"create_run_from_pipeline_func", "create_run_from_pipeline_package", "run_pipeline"}
_GONE_KEYWORDS = {"pipeline_conf", "mode", "launcher_image"}
_IDS = {
    "create_experiment": "experiment_id", "get_experiment": "experiment_id", "run_pipeline": "run_id",
    "get_run": "run_id", "upload_pipeline": "pipeline_id", "get_pipeline": "pipeline_id",
}  # fmt: skip


def rewrite_pipelines(file: V1File) -> None:
    """Rewrite each ``@dsl.pipeline``, its control flow, and what compiles and starts it."""
    for function in file.pipelines():
        _rewrite_decorator(file, function)
        arguments = function.args
        for parameter in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if parameter.annotation is None:
                add_type(file, function, parameter, default_of(function, parameter))
            elif isinstance(parameter.annotation, ast.Constant | ast.Call):
                file.note_remaining(
                    parameter,
                    f"type of the parameter {parameter.arg}",
                    "KFP 2 takes Python's types",
                    "Write str, int, float, bool, list or dict.",
                )
    made = _find_client_results(file)
    for node in file.walk(ast.expr):
        if isinstance(node, ast.Call):
            _rewrite_control_flow(file, node)
            if isinstance(node.func, ast.Attribute):
                _rewrite_compilation(file, node, node.func.attr)
        elif (
            isinstance(node, ast.Attribute)
            and node.attr == "id"
            and isinstance(node.value, ast.Name)
            and node.value.id in made
        ):
            end = file.edits.end(node)
            file.edits.replace(end - 2, end, made[node.value.id])
            file.note_rewriting(node, f".id is .{made[node.value.id]}")
    _find_future(file)


def _find_future(file: V1File) -> None:
    for node in file.walk(ast.ImportFrom):
        if node.module == "__future__" and any(one.name == "annotations" for one in node.names):
            file.note_remaining(
                node,
                "from __future__ import annotations",
                "KFP 2 cannot read annotations that are texts",
                "Remove the import.",
            )


def _rewrite_decorator(file: V1File, function: ast.FunctionDef) -> None:
    """Name the decorator's arguments: KFP 2 takes the first one for the function."""
    decorator = file.pipeline_decorator(function)
    if not isinstance(decorator, ast.Call):
        return
    for name, argument in zip(("name", "description", "pipeline_root"), decorator.args, strict=False):
        start = file.edits.start(argument)
        file.edits.replace(start, start, f"{name}=")
        file.note_rewriting(argument, f"@dsl.pipeline takes {name}= by name")


def _rewrite_control_flow(file: V1File, call: ast.Call) -> None:
    path = file.path(call.func)
    renamed = {"kfp.dsl.ParallelFor": ("loop_args", "items"), "kfp.dsl.ExitHandler": ("exit_op", "exit_task")}.get(path)
    for keyword in call.keywords if renamed else []:
        if renamed and keyword.arg == renamed[0]:
            start = file.edits.start(keyword)
            file.edits.replace(start, start + len(renamed[0]), renamed[1])
            file.note_rewriting(keyword, f"{renamed[0]}= is {renamed[1]}=")
    if path == "kfp.dsl.ParallelFor" and len(call.args) == 2:
        start = file.edits.start(call.args[1])
        file.edits.replace(start, start, "parallelism=")
        file.note_rewriting(call, "parallelism= is named")
    if path == "kfp.dsl.Condition" and call.args and isinstance(call.args[0], ast.BoolOp):
        file.note_remaining(
            call,
            "a condition with and/or",
            "Python keeps one side of it, in v1 and in KFP 2",
            "Nest one dsl.If in another, or compute it in a component.",
        )


def _rewrite_compilation(file: V1File, call: ast.Call, method: str) -> None:
    gone = [one.arg for one in call.keywords if one.arg in _GONE_KEYWORDS]
    if method in {"compile", *_RUN_CALLS} and gone:
        file.note_remaining(
            call,
            f"{', '.join(map(str, gone))} of .{method}",
            "KFP 2 has no such argument",
            "Settings are those of tasks, of dsl.PipelineConfig and of kfp.kubernetes.",
        )
    if method in {"compile", "create_run_from_pipeline_func"}:
        _check_function(file, call)
    if method == "compile" or method in _RUN_CALLS | {"upload_pipeline", "upload_pipeline_version"}:
        for argument in [*call.args, *(one.value for one in call.keywords)]:
            _rewrite_package(file, argument)


def _check_function(file: V1File, call: ast.Call) -> None:
    """Report a pipeline without its decorator, which v1 took."""
    given = (
        call.args[0] if call.args else next((one.value for one in call.keywords if one.arg == "pipeline_func"), None)
    )
    functions = {node.name: node for node in file.tree.body if isinstance(node, ast.FunctionDef)}
    function = functions.get(given.id) if isinstance(given, ast.Name) else None
    if function is not None and not function.decorator_list:
        file.note_remaining(
            function,
            f"pipeline {function.name}",
            "KFP 2 wants its decorator",
            "Write @dsl.pipeline(name=…) above it, and check it again by headrace migrate.",
        )


def _rewrite_package(file: V1File, argument: ast.expr) -> None:
    """Name a compiled pipeline ``.yaml``: KFP 2 writes no archives."""
    for node in ast.walk(argument):
        value = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(value, str) or not value.endswith(_ARCHIVES) or isinstance(file.parents[node], ast.JoinedStr):
            continue
        suffix = next(one for one in _ARCHIVES if value.endswith(one))
        start, end = file.edits.start(node), file.edits.end(node)
        text = file.edits.between(start, end)
        if text.count(suffix) == 1:
            place = start + len(text[: text.index(suffix)].encode())
            file.edits.replace(place, place + len(suffix), ".yaml")
            file.note_rewriting(node, f"{quote(value)} is a .yaml")


def _find_client_results(file: V1File) -> dict[str, str]:
    """Return the variables that hold what a client returned, with the attribute that is its id in KFP 2."""
    found: dict[str, set[str]] = {}
    for node in file.walk(ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                call = node.value.func if isinstance(node.value, ast.Call) else None
                name = _IDS.get(call.attr, "") if isinstance(call, ast.Attribute) else ""
                found.setdefault(target.id, set()).add(name)
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1 and "" not in ids}
