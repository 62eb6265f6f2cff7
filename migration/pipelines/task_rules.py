"""Tasks of pipelines: how they are called, ask for outputs, and are set up."""

import ast
import re
from collections.abc import Sequence

from headrace.core.base.errors import quote
from headrace.migration.pipelines.component_rules import Operation, v2_output_name
from headrace.migration.pipelines.gone import TASK_ATTRIBUTES, TASK_METHODS
from headrace.migration.pipelines.v1_file import V1File

# Methods of v1 that are functions of kfp.kubernetes: its name, and its parameters by those of v1.
_KUBERNETES = {
    "add_node_selector_constraint": ("add_node_selector", {"label_name": "label_key", "value": "label_value"}),
    "add_pod_label": ("add_pod_label", {"name": "label_key", "value": "label_value"}),
    "add_pod_annotation": ("add_pod_annotation", {"name": "annotation_key", "value": "annotation_value"}),
    "set_timeout": ("set_timeout", {"seconds": "seconds"}),
    "set_image_pull_policy": ("set_image_pull_policy", {"image_pull_policy": "policy"}),
}
_APPLIED = {
    "kfp.onprem.use_k8s_secret": (
        "use_secret_as_env", {"secret_name": "secret_name", "k8s_secret_key_to_env": "secret_key_to_env"},
    ),
}  # fmt: skip
_NATIVE = {
    "set_cpu_limit",
    "set_cpu_request",
    "set_memory_limit",
    "set_memory_request",
    "set_gpu_limit",
    "set_retry",
    "set_display_name",
}
_RETRY_KEYWORDS = {"num_retries", "backoff_duration", "backoff_factor", "backoff_max_duration"}
# Methods whose names no other library has.
_OF_TASKS_ALONE = {"set_gpu_limit", "add_node_selector_constraint", "add_pod_label", "add_pvolumes"}


def rewrite_tasks(file: V1File, operations: dict[str, Operation]) -> None:
    """Rewrite calls, outputs and settings of tasks in the file's pipelines."""
    tasks = _tasks(file, operations)
    for node in file.walk(ast.expr):
        in_pipeline = file.owner(node) is not None
        if isinstance(node, ast.Call):
            operation = operations.get(node.func.id) if isinstance(node.func, ast.Name) else None
            if operation is not None and in_pipeline:
                _rewrite_call(file, node, operation)
            if isinstance(node.func, ast.Attribute) and not file.path(node.func):
                _rewrite_method(file, node, node.func, in_pipeline=in_pipeline)
        elif isinstance(node, ast.Subscript) and in_pipeline:
            _rewrite_output(file, node, operations, tasks)
        elif isinstance(node, ast.Attribute) and in_pipeline and node.attr in TASK_ATTRIBUTES:
            file.note_remaining(
                node, f".{node.attr}", "tasks of KFP 2 have no such attribute", TASK_ATTRIBUTES[node.attr]
            )
    for statement in file.walk(ast.Assign):
        _rewrite_caching(file, statement)


def _root(node: ast.expr) -> ast.expr:
    """Return the innermost call or name of a chain of methods."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node


def _operation(node: ast.expr, operations: dict[str, Operation]) -> Operation | None:
    root = _root(node)
    is_call = isinstance(root, ast.Call) and isinstance(root.func, ast.Name)
    return operations.get(root.func.id) if is_call else None  # type: ignore[attr-defined]


def _tasks(file: V1File, operations: dict[str, Operation]) -> dict[tuple[ast.AST, str], Operation]:
    """Return the component of each variable that holds a task, by pipeline and name."""
    found: dict[tuple[ast.AST, str], Operation] = {}
    for node in file.walk(ast.Assign):
        owner = file.owner(node)
        operation = _operation(node.value, operations)
        if owner and operation:
            found |= {(owner, target.id): operation for target in node.targets if isinstance(target, ast.Name)}
    return found


def _rewrite_call(file: V1File, call: ast.Call, operation: Operation) -> None:
    """Name the arguments of a task; KFP 2 takes no others."""
    if any(isinstance(one, ast.Starred) for one in call.args):
        file.note_remaining(call, "arguments by *", "KFP 2 takes named arguments only", "Name each argument.")
    elif call.args and operation.parameters is None:
        file.note_remaining(
            call,
            "arguments without names",
            "KFP 2 takes named arguments only, and the component's file was not read",
            "Name each argument.",
        )
    elif len(call.args) > len(operation.parameters or []):
        file.note_remaining(
            call, "arguments without names", "there are more than the component has parameters", "Name each argument."
        )
    else:
        for name, argument in zip(operation.parameters or [], call.args, strict=False):
            start = file.edits.start(argument)
            if "(" in file.edits.between(file.edits.end(call.func), start)[1:]:
                file.note_remaining(
                    call,
                    "an argument in parentheses without a name",
                    "KFP 2 takes named arguments only",
                    "Name each argument.",
                )
                continue
            file.edits.replace(start, start, f"{name}=")
            file.note_rewriting(argument, f"argument {name} is named")
    for keyword in call.keywords:
        if keyword.arg in operation.v1_names:
            start, name = file.edits.start(keyword), operation.v1_names[keyword.arg]
            file.edits.replace(start, start + len(keyword.arg.encode()), name)
            file.note_rewriting(keyword, f"argument {keyword.arg} is {name}")


def _rewrite_output(
    file: V1File,
    node: ast.Subscript,
    operations: dict[str, Operation],
    tasks: dict[tuple[ast.AST, str], Operation],
) -> None:
    """Ask for an output by its name in KFP 2."""
    owner, name = node.value, node.slice
    if (
        not isinstance(owner, ast.Attribute)
        or owner.attr != "outputs"
        or not isinstance(name, ast.Constant)
        or not isinstance(name.value, str)
    ):
        return
    pipeline = file.owner(node)
    operation = _operation(owner.value, operations)
    if operation is None and isinstance(owner.value, ast.Name) and pipeline is not None:
        operation = tasks.get((pipeline, owner.value.id))
    if operation is None:
        return
    new = v2_output_name(operation, name.value)
    if new != name.value:
        file.edits.replace(file.edits.start(name), file.edits.end(name), repr(new))
        file.note_rewriting(node, f"output {quote(name.value)} is {new}")


def _rewrite_method(file: V1File, call: ast.Call, method: ast.Attribute, *, in_pipeline: bool) -> None:
    """Rewrite a setting of a task; names that other libraries have too count in pipelines only."""
    name, receiver = method.attr, method.value
    if any(file.path(one) == "kfp.dsl.get_pipeline_conf" for one in ast.walk(receiver)):
        return  # no task; its name is reported
    if isinstance(receiver, ast.Attribute) and receiver.attr == "container" and in_pipeline:
        receiver = receiver.value
        if name in _NATIVE:
            file.edits.replace(file.edits.end(receiver), file.edits.end(method.value), "")
            file.note_rewriting(method, ".container is gone")
    if not in_pipeline and name not in _OF_TASKS_ALONE:
        return
    rules = {"set_gpu_limit": _rewrite_gpu, "add_env_variable": _rewrite_variable, "apply": _rewrite_apply}
    if name in _KUBERNETES:
        _rewrite_to_kubernetes(file, call, receiver, name)
    elif name in rules:
        rules[name](file, call, receiver)
    elif name == "set_retry" and (len(call.args) > 1 or {one.arg for one in call.keywords} - _RETRY_KEYWORDS):
        remedy = "Write .set_retry(num_retries=…, backoff_duration=…)."
        file.note_remaining(call, ".set_retry with a policy", "KFP 2 has no retry policies", remedy)
    elif name in TASK_METHODS:
        file.note_remaining(call, f".{name}", "tasks of KFP 2 have no such method", TASK_METHODS[name])


def _pair_arguments(names: Sequence[str], call: ast.Call) -> list[tuple[str, ast.expr, ast.keyword | None]] | None:
    """Return a call's arguments by the names that v1 has for them; None if there are others."""
    if len(call.args) > len(names) or any(isinstance(one, ast.Starred) for one in call.args):
        return None
    found: list[tuple[str, ast.expr, ast.keyword | None]] = [
        *((name, one, None) for name, one in zip(names, call.args, strict=False))
    ]
    found += [(one.arg or "", one.value, one) for one in call.keywords]
    return found if {name for name, _, _ in found} == set(names) and len(found) == len(names) else None


def _rewrite_to_kubernetes(file: V1File, call: ast.Call, receiver: ast.expr, name: str) -> None:
    """Write ``task.method(x)`` as ``kubernetes.function(task, x)``, which returns the task too."""
    function, names = _KUBERNETES[name]
    arguments = _pair_arguments([*names], call)
    if arguments is None or not _wrap(file, call, receiver, function, names, arguments, call):
        file.note_remaining(
            call,
            f".{name}",
            "tasks of KFP 2 have no such method",
            f"kfp.kubernetes.{function}(task, {', '.join(f'{one}=…' for one in names.values())}).",
        )


def _wrap(
    file: V1File,
    call: ast.Call,
    receiver: ast.expr,
    function: str,
    names: dict[str, str],
    arguments: list[tuple[str, ast.expr, ast.keyword | None]],
    inner: ast.Call,
) -> bool:
    """Edit a call so that its receiver is the first argument of a function; False if its form is not plain."""
    edits = file.edits
    first = arguments[0][2] or arguments[0][1]
    start, end, head = edits.start(call), edits.end(receiver), edits.start(first)
    between, tail = (
        edits.between(end, head),
        edits.between(edits.end(inner.keywords[-1] if inner.keywords else inner.args[-1]), edits.end(call)),
    )
    if (
        edits.start(receiver) != start
        or not re.fullmatch(r"[\s\\.\w]*\(\s*([\w.]+\s*\(\s*)?", between)
        or not re.fullmatch(r"[\s,)]*", tail)
    ):
        return False
    edits.replace(start, start, f"{file.kubernetes_name()}.{function}(")
    for place, (name, value, keyword) in enumerate(arguments):
        begin = edits.start(keyword or value)
        stop = begin + len(name.encode()) if keyword else begin
        if place == 0:
            edits.replace(end, stop, f", {names[name]}" + ("" if keyword else "="))
        else:
            edits.replace(begin, stop, names[name] + ("" if keyword else "="))
    if inner is not call:
        edits.replace(edits.end(inner), edits.end(call), "")
    file.note_rewriting(call, f"kubernetes.{function} sets up the task")
    return True


def _rewrite_gpu(file: V1File, call: ast.Call, _receiver: ast.expr) -> None:
    vendor: object = "nvidia"
    given = _pair_arguments(["gpu", "vendor"], call) if len(call.args) + len(call.keywords) == 2 else None
    if given:
        vendor = given[1][1].value if isinstance(given[1][1], ast.Constant) else None
    if (
        vendor not in {"nvidia", "amd"}
        or len(call.args) + len(call.keywords) not in {1, 2}
        or (call.keywords and not given)
    ):
        file.note_remaining(call, ".set_gpu_limit", "KFP 2 sets the type and the number of accelerators",
                     "Write .set_accelerator_type('nvidia.com/gpu').set_accelerator_limit(1).")  # fmt: skip
        return
    end = file.edits.end(call.func)
    file.edits.replace(
        end - len("set_gpu_limit"), end, f"set_accelerator_type('{vendor}.com/gpu').set_accelerator_limit"
    )
    if given:
        count = given[0][2] or given[0][1]
        last = given[1][2] or given[1][1]
        if given[0][2]:
            file.edits.replace(file.edits.start(count), file.edits.start(given[0][1]), "")
        file.edits.replace(file.edits.end(count), file.edits.end(last), "")
    file.note_rewriting(call, "set_gpu_limit is set_accelerator_type and set_accelerator_limit")


def _rewrite_variable(file: V1File, call: ast.Call, receiver: ast.expr) -> None:
    """Write an ``add_env_variable(V1EnvVar(name=…, value=…))`` as ``set_env_variable(name=…, value=…)``."""
    inner = call.args[0] if len(call.args) == 1 and not call.keywords else None
    method = call.func
    if (
        isinstance(inner, ast.Call)
        and file.edits.between(file.edits.start(inner.func), file.edits.end(inner.func)).endswith("V1EnvVar")
        and not inner.args
        and [one.arg for one in inner.keywords] in (["name", "value"], ["value", "name"])
    ):
        file.edits.replace(file.edits.end(receiver), file.edits.end(method), ".set_env_variable")
        file.edits.replace(file.edits.start(inner), file.edits.start(inner.keywords[0]), "")
        file.edits.replace(file.edits.end(inner.keywords[-1]), file.edits.end(inner), "")
        file.note_rewriting(call, "add_env_variable is set_env_variable")
        return
    file.note_remaining(call, ".add_env_variable", "tasks of KFP 2 have no such method",
                 "Write .set_env_variable(name, value) or kfp.kubernetes.use_secret_as_env(task, …).")  # fmt: skip


def _rewrite_apply(file: V1File, call: ast.Call, receiver: ast.expr) -> None:
    inner = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if isinstance(inner, ast.Call) and (form := _APPLIED.get(file.path(inner.func))):
        function, names = form
        arguments = _pair_arguments([*names], inner)
        if arguments and _wrap(file, call, receiver, function, names, arguments, inner):
            file.handled.update(node for node in ast.walk(inner.func) if isinstance(node, ast.Name | ast.Attribute))
            return
    file.note_remaining(call, ".apply", "tasks of KFP 2 have no such method",
                 "Functions of kfp.kubernetes, such as mount_pvc, take the task first.")  # fmt: skip


def _rewrite_caching(file: V1File, statement: ast.Assign) -> None:
    """Write ``max_cache_staleness = "P0D"`` as ``set_caching_options(False)``."""
    if len(statement.targets) != 1:
        return
    target = statement.targets[0]
    text = file.edits.between(file.edits.start(target), file.edits.end(target))
    suffix = ".execution_options.caching_strategy.max_cache_staleness"
    if not text.endswith(suffix):
        return
    if not isinstance(statement.value, ast.Constant) or statement.value.value != "P0D":
        file.note_remaining(
            statement,
            "max_cache_staleness",
            "KFP 2 reuses earlier results of a task or not, whatever their age",
            "Write .set_caching_options(True or False).",
        )
        return
    file.edits.replace(file.edits.end(target) - len(suffix), file.edits.end(statement), ".set_caching_options(False)")
    file.note_rewriting(statement, "max_cache_staleness is set_caching_options")
