"""Modules import one another in one direction only, whether at the top, inside a function or for a type."""

import ast
import graphlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
_NOT_OF_THE_SUITE = {"tests", "benchmarks", "images"}


def _modules() -> dict[str, Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    paths = [Path(name) for name in listed if "/" in name and Path(name).parts[0] not in _NOT_OF_THE_SUITE]
    return {
        ".".join(["headrace", *path.with_suffix("").parts]).removesuffix(".__init__"): REPOSITORY / path
        for path in paths
        if (REPOSITORY / path).is_file()
    }


def _imports(path: Path) -> Iterator[str]:
    """Names that a module imports anywhere: a module, or a module and a name of it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """No circle of imports, those counted that happen inside a function and those that serve a type checker alone."""
    modules = _modules()
    assert len(modules) > 400
    graph = {
        name: {
            found
            for target in _imports(path)
            if (found := target if target in modules else target.rpartition(".")[0]) in modules and found != name
        }
        for name, path in modules.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        raise AssertionError("a circle of imports: " + " -> ".join(error.args[1])) from error
