"""A Python file of the v1 SDK as its syntax tree, with what its names stand for."""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import TypeVar

from headrace.core.base.errors import InputError
from headrace.migration.differences import Difference
from headrace.migration.pipelines.source_edits import SourceEdits

Node = TypeVar("Node", bound=ast.AST)


class V1File:
    """A file that is rewritten.

    Attributes:
        tree: Its syntax tree.
        edits: What is to be changed.
        bindings: What each imported name stands for, such as ``kfp.dsl`` for ``dsl``.
        differences: What is different in v2, as it is found.
        rewritten: What was rewritten, with lines.
        in_f_strings: Nodes in f-strings, whose positions are not reliable before Python 3.12.
        handled: References to names of v1 that a rule has dealt with.
        needs: Names that the rewritten file uses and does not import yet, each with its import statement.
    """

    def __init__(self, data: bytes, *, source: str) -> None:
        """Parse a file; it is never run.

        Raises:
            InputError: If it is no UTF-8 or no Python 3.
        """
        try:
            data.decode("utf-8")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.tree = ast.parse(data, filename=source)
        except UnicodeDecodeError as error:
            raise InputError(f"{source} must be Python in UTF-8; byte {error.start} is not.") from error
        except SyntaxError as error:
            raise InputError(f"{source} must be Python 3; line {error.lineno}: {error.msg}.") from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise InputError(
                f"{source} must be Python 3, and cannot be parsed: {error or type(error).__name__}."
            ) from error
        self.source = source
        self.edits = SourceEdits(data)
        self.differences: list[Difference] = []
        self.rewritten: list[tuple[int, str]] = []
        self.handled: set[ast.AST] = set()
        self.needs: dict[str, str] = {}
        strings = [node for node in ast.walk(self.tree) if isinstance(node, ast.JoinedStr)]
        self.in_f_strings = {inner for node in strings for inner in ast.walk(node) if inner is not node}
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self._starts = self._find_starts()
        self.bindings, self._rebound = self._read_bindings()
        self.dsl = next((name for name, path in self.bindings.items() if path == "kfp.dsl" and "." not in name), "")

    def _read_bindings(self) -> tuple[dict[str, str], set[str]]:
        bindings: dict[str, str] = {}
        rebound = {
            node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else node.name
            for node in ast.walk(self.tree)
            if (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
            or isinstance(node, ast.arg | ast.FunctionDef | ast.ClassDef)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    path = alias.name if alias.asname else alias.name.partition(".")[0]
                    bindings[alias.asname or path] = path
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    bindings[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        bindings = {name: re.sub(r"^kfp\.v2\b(?=\.)", "kfp", path) for name, path in bindings.items()}
        return {name: path for name, path in bindings.items() if name not in rebound}, rebound

    @property
    def uses_kfp(self) -> bool:
        """Whether the file imports the SDK."""
        return any(
            (isinstance(node, ast.Import) and any(alias.name.partition(".")[0] == "kfp" for alias in node.names))
            or (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "kfp")
            for node in ast.walk(self.tree)
        )

    def is_free(self, name: str) -> bool:
        """Whether nothing in the file has a name."""
        return name not in self.bindings and name not in self._rebound

    def path(self, node: ast.AST | None) -> str:
        """Return what a name or an attribute stands for, such as ``kfp.dsl.Condition``; empty if it is not imported."""
        if isinstance(node, ast.Name):
            return self.bindings.get(node.id, "")
        if isinstance(node, ast.Attribute):
            owner = self.path(node.value)
            return re.sub(r"^kfp\.v2\.", "kfp.", f"{owner}.{node.attr}") if owner else ""
        return ""

    def walk(self, kind: type[Node]) -> Iterator[Node]:
        """Yield the nodes of a kind, outer ones first; not those in f-strings."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kind) and node not in self.in_f_strings)

    def dsl_name(self) -> str:
        """Return the name of ``kfp.dsl`` in the rewritten file; it is imported if it was not."""
        if not self.dsl:
            self.dsl = "dsl" if self.is_free("dsl") else "kfp_dsl"
            self.needs[self.dsl] = "from kfp import dsl" + ("" if self.dsl == "dsl" else f" as {self.dsl}")
        return self.dsl

    def kubernetes_name(self) -> str:
        """Return the name of ``kfp.kubernetes`` in the rewritten file."""
        name = "kubernetes" if self.is_free("kubernetes") else "kfp_kubernetes"
        self.needs[name] = "from kfp import kubernetes" + ("" if name == "kubernetes" else f" as {name}")
        return name

    def note_rewriting(self, node: ast.AST, what: str) -> None:
        """Note that a place was rewritten."""
        self.rewritten.append((node.lineno, what))  # type: ignore[attr-defined]

    def note_change(self, node: ast.AST, what: str, why: str, remedy: str = "") -> None:
        """Note that something behaves differently."""
        self._add(Difference(node.lineno, "changed", what, why, remedy))  # type: ignore[attr-defined]

    def note_loss(self, node: ast.AST, what: str, why: str) -> None:
        """Note that something is gone, and nothing depends on it."""
        self._add(Difference(node.lineno, "dropped", what, why))  # type: ignore[attr-defined]

    def note_remaining(self, node: ast.AST, what: str, why: str, remedy: str = "") -> None:
        """Note that a person must change something, here and in a comment above it."""
        difference = Difference(node.lineno, "remains", what, why, remedy)  # type: ignore[attr-defined]
        if self._add(difference):
            self.edits.mark(self._line_of_statement(node), f"{what}: {why}." + (f" {remedy}" if remedy else ""))

    def _add(self, difference: Difference) -> bool:
        if difference in self.differences:
            return False
        self.differences.append(difference)
        return True

    def _line_of_statement(self, node: ast.AST) -> int:
        """Return the first line of the innermost statement around a node that stands on a line where one starts."""
        while True:
            if isinstance(node, ast.stmt) and _first_line(node) in self._starts:
                return _first_line(node)
            if node not in self.parents:
                return 1
            node = self.parents[node]

    def _find_starts(self) -> set[int]:
        """Return the lines that start with a statement, and do not go on from the line before."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.stmt):
                line = _first_line(node)
                is_continued = line > 1 and self.edits.before_line(line - 1).rstrip("\r\n").endswith("\\")
                if not self.edits.before_line(line)[: node.col_offset].strip() and not is_continued:
                    found.add(line)
        return found

    def pipelines(self) -> list[ast.FunctionDef]:
        """Return the functions that ``@dsl.pipeline`` decorates."""
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef) and self.pipeline_decorator(node) is not None
        ]

    def pipeline_decorator(self, function: ast.FunctionDef) -> ast.expr | None:
        """Return a function's ``@dsl.pipeline``, or None."""
        for one in function.decorator_list:
            if self.path(one.func if isinstance(one, ast.Call) else one) == "kfp.dsl.pipeline":
                return one
        return None

    def owner(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the pipeline function around a node, or None."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef) and self.pipeline_decorator(node) is not None:
                return node
        return None


def _first_line(node: ast.stmt) -> int:
    """Return a statement's first line, that of its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])
