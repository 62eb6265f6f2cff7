"""Names of the v1 SDK, where they are used and where they are imported."""

import ast
import importlib

from headrace.core.base.errors import quote
from headrace.migration.pipelines.gone import CREATORS, HINTS, MODULES, MOVED
from headrace.migration.pipelines.pipeline_file import PipelineFile


def rewrite_references(file: PipelineFile) -> None:
    """Rewrite names that only moved, and tell of those that are gone; names in ``file.handled`` are left."""
    for node in file.walk(ast.expr):
        if not isinstance(node, ast.Name | ast.Attribute) or node in file.handled:
            continue
        if isinstance(file.parents.get(node), ast.Attribute) and file.path(file.parents[node]):
            continue  # a part of a longer name
        path = file.path(node)
        if path in CREATORS:
            file.remains(
                node,
                path,
                "KFP 2 has no such function, and this use of it has no plain form",
                "Decorate the function with @dsl.component.",
            )
        elif path in MOVED:
            _replace(file, node, MOVED[path])
        elif hint := find_hint(path):
            file.remains(node, *hint)
    _find_placeholders(file)


def _replace(file: PipelineFile, node: ast.Name | ast.Attribute, name: str) -> None:
    file.handled.add(node)
    start, end = file.edits.start(node), file.edits.end(node)
    if isinstance(node, ast.Attribute) and file.path(node.value) == "kfp.dsl":
        file.edits.replace(end - len(node.attr.encode()), end, name)
    else:
        file.edits.replace(start, end, f"{file.dsl_name()}.{name}")
    file.rewrote(node, f"{file.path(node).rpartition('.')[2]} is dsl.{name}")
    if name == "PIPELINE_JOB_ID_PLACEHOLDER":
        file.changed(node, "dsl.RUN_ID_PLACEHOLDER", "it was the id of Argo's workflow; it is the id of the run now")


def find_hint(path: str) -> tuple[str, str, str] | None:
    """Return what is gone, that it is gone, and what to write instead; None if the name is in KFP 2."""
    if path.partition(".")[0] != "kfp":
        return None
    words = path.split(".")
    for length in range(len(words), 1, -1):
        name = ".".join(words[:length])
        if name in HINTS:
            return name, "KFP 2 has no such name", HINTS[name]
    owner = ".".join(words[:2]) if ".".join(words[:2]) in MODULES else words[0]
    rest = words[len(owner.split(".")) :]
    if rest and not _has(owner, rest[0]):
        return f"{owner}.{rest[0]}", "KFP 2 has no such name", ""
    return None


def _has(module: str, name: str) -> bool:
    """Whether the KFP that is installed has a name."""
    try:
        if hasattr(importlib.import_module(module), name):
            return True
        importlib.import_module(f"{module}.{name}")
    except ImportError:
        return False
    return True


def _find_placeholders(file: PipelineFile) -> None:
    for node in file.walk(ast.Constant):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and any(name in value for name in ("{{workflow.", "{{pod.", "{{inputs.", "{{tasks.")):
            why = "Argo replaced {{…}} in v1, and KFP 2 leaves it as it is"
            file.remains(node, quote(value, 50), why, "dsl.PIPELINE_JOB_ID_PLACEHOLDER is the id of a run.")


def rewrite_imports(file: PipelineFile) -> None:
    """Rewrite the imports of the SDK, after all uses are known; what the rewritten file needs is imported beside them."""
    anchor = next((node for node in file.tree.body if _is_kfp_import(node)), None)
    for node in file.walk(ast.stmt):
        if isinstance(node, ast.Import):
            _rewrite_module_import(file, node)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "kfp" and not node.level:
            _rewrite_from_import(file, node, is_anchor=node is anchor)
    new = list(file.needs.values())
    if any("kubernetes" in line for line in new):
        why = "they are functions of the package kfp-kubernetes now"
        file.changed(anchor or file.tree.body[0], "settings for Kubernetes", why, "Install kfp[kubernetes].")
    if new and isinstance(anchor, ast.Import):
        end = file.edits.end(anchor)
        file.edits.replace(end, end, "".join(f"\n{line}" for line in new))
    elif new and anchor is None:
        body = [node for node in file.tree.body if not _is_docstring(node) and not _is_future(node)]
        start = file.edits.start(body[0]) if body else len(file.edits.data)
        file.edits.replace(start, start, "".join(f"{line}\n" for line in new))


def _is_kfp_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] == "kfp" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "kfp"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _rewrite_module_import(file: PipelineFile, node: ast.Import) -> None:
    for alias in node.names:
        if alias.name.startswith("kfp.v2.") and alias.asname:
            start = file.edits.start(alias)
            file.edits.replace(start, start + len("kfp.v2."), "kfp.")
            file.rewrote(node, f"{alias.name} is {alias.name.replace('kfp.v2.', 'kfp.')}")
        elif alias.name.startswith("kfp.") and (hint := find_hint(alias.name)):
            file.remains(node, *hint)


def _rewrite_from_import(file: PipelineFile, node: ast.ImportFrom, *, is_anchor: bool) -> None:
    module = node.module or ""
    new_module = "kfp" if module == "kfp.v2" else module.replace("kfp.v2.", "kfp.", 1)
    kept, gone = [], []
    for alias in node.names:
        name = alias.asname or alias.name
        path = f"{new_module}.{alias.name}"
        uses = [use for use in file.walk(ast.Name) if isinstance(use, ast.Name) and use.id == name]
        is_gone = path in MOVED or (alias.name != "*" and find_hint(path) is not None)
        if is_gone and all(use in file.handled for use in uses) and name in file.bindings:
            gone.append(alias.name)
            continue
        kept.append(alias)
        if alias.name == "*":
            file.remains(
                node,
                f"from {module} import *",
                "names that come by * cannot be followed",
                "Import what is used by name.",
            )
        elif is_gone:
            hint = find_hint(path)
            file.remains(node, path, "KFP 2 has no such name", hint[2] if hint else "")
    if not gone and new_module == module and not (is_anchor and file.needs):
        return
    start, end = file.edits.start(node), file.edits.end(node)
    old = file.edits.between(start, end)
    lines = [f"from {new_module} import {', '.join(_alias(one) for one in kept)}"] if kept else []
    if not gone and new_module == module:
        lines = [old]
    elif "#" in old:
        lines = [*(line[line.index("#") :].strip() for line in old.splitlines() if "#" in line), *lines]
    if is_anchor:
        lines += [line for line in file.needs.values() if line not in lines]
    if not lines and _is_alone(file, node):
        lines = ["pass"]
    indent = " " * node.col_offset
    text = f"\n{indent}".join(lines)
    if not lines:
        after = file.edits.data[end : end + 2]
        end += 2 if after == b"\r\n" else 1 if after[:1] == b"\n" else 0
    file.edits.replace(start, end, text)
    if gone or new_module != module:
        file.rewrote(node, f"the import of {', '.join(gone) or module}")


def _alias(alias: ast.alias) -> str:
    return alias.name + (f" as {alias.asname}" if alias.asname else "")


def _is_alone(file: PipelineFile, node: ast.stmt) -> bool:
    """Whether a statement is the only one of its block, or shares its line."""
    text = file.edits.before_line(node.lineno)
    if text[: node.col_offset].strip() or text.rstrip().endswith(";") or node.col_offset:
        return True
    parent = file.parents[node]
    return any(getattr(parent, block, None) == [node] for block in ("body", "orelse", "finalbody")) and not isinstance(
        parent, ast.Module
    )
