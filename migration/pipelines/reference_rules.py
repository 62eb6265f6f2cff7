"""Names of the v1 SDK, where they are used and where they are imported."""

import ast
import importlib

from headrace.core.base.errors import quote
from headrace.migration.pipelines.gone import CREATORS, HINTS, MODULES, MOVED
from headrace.migration.pipelines.v1_file import V1File


def rewrite_references(file: V1File) -> None:
    """Rewrite names that only moved, and report those that are gone; names in ``file.handled`` are left."""
    for node in file.walk(ast.expr):
        if not isinstance(node, ast.Name | ast.Attribute) or node in file.handled:
            continue
        if isinstance(file.parents.get(node), ast.Attribute) and file.path(file.parents[node]):
            continue  # a part of a longer name
        path = file.path(node)
        if path in CREATORS:
            file.note_remaining(
                node,
                path,
                "KFP 2 has no such function, and this use of it has no plain form",
                "Decorate the function with @dsl.component.",
            )
        elif path in MOVED:
            _replace(file, node, MOVED[path])
        elif hint := find_hint(path):
            file.note_remaining(node, *hint)
    _find_placeholders(file)
    for inner in file.in_f_strings:
        path = file.path(inner)
        if path in MOVED or find_hint(path):
            file.note_remaining(inner, f"{path} in an f-string", "names in f-strings are not rewritten", "Rewrite it.")


def _replace(file: V1File, node: ast.Name | ast.Attribute, name: str) -> None:
    file.handled.add(node)
    start, end = file.edits.start(node), file.edits.end(node)
    if isinstance(node, ast.Attribute) and file.path(node.value) == "kfp.dsl":
        file.edits.replace(end - len(node.attr.encode()), end, name)
    else:
        file.edits.replace(start, end, f"{file.dsl_name()}.{name}")
    file.note_rewriting(node, f"{file.path(node).rpartition('.')[2]} is dsl.{name}")
    if name == "PIPELINE_JOB_ID_PLACEHOLDER":
        file.note_change(
            node, "dsl.RUN_ID_PLACEHOLDER", "it was the id of Argo's workflow; it is the id of the run now"
        )


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


def _find_placeholders(file: V1File) -> None:
    for node in ast.walk(file.tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and any(name in value for name in ("{{workflow.", "{{pod.", "{{inputs.", "{{tasks.")):
            why = "Argo replaced {{…}} in v1, and KFP 2 leaves it as it is"
            file.note_remaining(node, quote(value, 50), why, "dsl.PIPELINE_JOB_ID_PLACEHOLDER is the id of a run.")


def rewrite_imports(file: V1File) -> None:
    """Rewrite the imports of the SDK, after all uses are known, and import what the new file needs beside them."""
    anchor = next((node for node in file.tree.body if _is_kfp_import(node)), None)
    for node in file.walk(ast.stmt):
        if isinstance(node, ast.Import):
            _rewrite_module_import(file, node)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "kfp" and not node.level:
            _rewrite_from_import(file, node, is_anchor=node is anchor)
    new = list(file.needs.values())
    if any("kubernetes" in line for line in new):
        why = "they are functions of the package kfp-kubernetes now"
        file.note_change(anchor or file.tree.body[0], "settings for Kubernetes", why, "Install kfp[kubernetes].")
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


def _rewrite_module_import(file: V1File, node: ast.Import) -> None:
    for alias in node.names:
        if alias.name.startswith("kfp.v2.") and alias.asname:
            start = file.edits.start(alias)
            file.edits.replace(start, start + len("kfp.v2."), "kfp.")
            file.note_rewriting(node, f"{alias.name} is {alias.name.replace('kfp.v2.', 'kfp.')}")
        elif alias.name.startswith("kfp.") and (hint := find_hint(alias.name)):
            file.note_remaining(node, *hint)


def _rewrite_from_import(file: V1File, node: ast.ImportFrom, *, is_anchor: bool) -> None:
    module = node.module or ""
    new_module = "kfp" if module == "kfp.v2" else module.replace("kfp.v2.", "kfp.", 1)
    gone = [alias for alias in node.names if _is_done_with(file, alias, f"{new_module}.{alias.name}")]
    kept = [alias for alias in node.names if alias not in gone]
    for alias in kept:
        _report_import(file, node, alias, f"{new_module}.{alias.name}")
    needs = [*file.needs.values()] if is_anchor else []
    indent = " " * node.col_offset
    start, end = file.edits.start(node), file.edits.end(node)
    if not gone and new_module == module:
        file.edits.replace(end, end, "".join(f"\n{indent}{line}" for line in needs))
        return
    old = file.edits.between(start, end)
    lines = [line[line.index("#") :].strip() for line in old.splitlines() if "#" in line]
    lines += [f"from {new_module} import {', '.join(_alias(one) for one in kept)}"] if kept else []
    lines += [line for line in needs if line not in lines]
    if all(line.startswith("#") for line in lines) and _is_needed(file, node):
        lines.append("pass")
    if not lines:
        after = file.edits.data[end : end + 2]
        end += 2 if after == b"\r\n" else 1 if after[:1] == b"\n" else 0
    file.edits.replace(start, end, f"\n{indent}".join(lines))
    file.note_rewriting(node, f"the import of {', '.join(alias.name for alias in gone) or module}")


def _is_done_with(file: V1File, alias: ast.alias, path: str) -> bool:
    """Whether a name is gone in KFP 2, and all its uses are rewritten."""
    name = alias.asname or alias.name
    is_gone = path in MOVED or (alias.name != "*" and find_hint(path) is not None)
    uses = [use for use in ast.walk(file.tree) if isinstance(use, ast.Name) and use.id == name]
    return is_gone and name in file.bindings and all(use in file.handled for use in uses)


def _report_import(file: V1File, node: ast.ImportFrom, alias: ast.alias, path: str) -> None:
    if alias.name == "*":
        why = "names that come by * cannot be followed"
        file.note_remaining(node, f"from {node.module} import *", why, "Import what is used by name.")
    elif hint := find_hint(path):
        file.note_remaining(node, path, hint[1], hint[2])


def _alias(alias: ast.alias) -> str:
    return alias.name + (f" as {alias.asname}" if alias.asname else "")


def _is_needed(file: V1File, node: ast.stmt) -> bool:
    """Whether a statement is the only one of its block, or shares its line."""
    text = file.edits.before_line(node.lineno)
    if text[: node.col_offset].strip() or text.rstrip().endswith(";") or node.col_offset:
        return True
    parent = file.parents[node]
    return any(getattr(parent, block, None) == [node] for block in ("body", "orelse", "finalbody")) and not isinstance(
        parent, ast.Module
    )
