"""Whoever calls a function with arrays reads their shapes in its docstring."""

import ast
import re
from collections.abc import Iterator

from tests.test_names import parsed_modules

_ARRAY_TYPES = frozenset({"NDArray", "ndarray", "ArrayLike"})
# An alias with one of these is no array, or not only one.
_NO_ARRAYS = frozenset({"Callable", "Mapping", "Sequence"})
# (n,), (n, p), (b, n + m), (n, 2), (m, ...), (SLAB,), (groups,): a letter, number or constant for each axis, or sums.
_AXIS = r"(?:[a-z]\d?|[A-Z][A-Z_]+|\d+|\.\.\.)"
_AXES = rf"{_AXIS}(?: ?[+*-] ?{_AXIS})*"
_SHAPE = re.compile(rf"\((?:[a-z]+,|{_AXES},|{_AXES}(?:, {_AXES})+|[a-z])\)")
_ANY_SHAPE = "of any shape"


def _words(annotation: ast.expr | None) -> set[str]:
    return set(re.findall(r"\w+", ast.unparse(annotation))) if annotation else set()


def array_names() -> frozenset[str]:
    """Names of types that are arrays: NumPy's, and the aliases that modules give them."""
    aliases = {
        node.targets[0].id
        for _, tree in parsed_modules()
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and _words(node.value) & _ARRAY_TYPES
        and not _words(node.value) & _NO_ARRAYS
    }
    return _ARRAY_TYPES | aliases


def _has_shape(text: str) -> bool:
    return bool(_SHAPE.search(text)) or _ANY_SHAPE in text


def _section(docstring: str, name: str) -> str:
    found = re.search(rf"^{name}:\n((?:    .*\n|\n)*)", docstring, re.MULTILINE)
    return found[1] if found else ""


def _without(docstring: str, section: str) -> str:
    entries = _section(docstring, section)
    return docstring.replace(entries, "") if entries else docstring


def _entry_has_shape(docstring: str, section: str, name: str) -> bool:
    """Whether the entry of an argument or attribute gives a shape, or a docstring without that section does."""
    pattern = rf"^    {re.escape(name)}:(.*\n(?:     .*\n|\n)*)"
    entry = re.search(pattern, _section(docstring, section), re.MULTILINE)
    return _has_shape(entry[1]) if entry else _has_shape(_without(docstring, section))


def _of_function(function: ast.FunctionDef | ast.AsyncFunctionDef, arrays: frozenset[str]) -> Iterator[str]:
    docstring = (ast.get_docstring(function) or "") + "\n"
    given = function.args
    if function.name.startswith("_"):
        return
    for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs):
        if _words(argument.annotation) & arrays and not _entry_has_shape(docstring, "Args", argument.arg):
            yield f"{function.name}({argument.arg})"
    if function.returns and _words(function.returns) & arrays and not _has_shape(_without(docstring, "Args")):
        yield f"{function.name}() -> {ast.unparse(function.returns)}"


def missing_shapes(tree: ast.Module, arrays: frozenset[str]) -> Iterator[str]:
    """Parameters and results of public functions, and fields of public classes, whose docstring gives no shape."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _of_function(node, arrays)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            docstring = (ast.get_docstring(node) or "") + "\n"
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from (f"{node.name}.{one}" for one in _of_function(member, arrays))
                elif isinstance(member, ast.AnnAssign) and _words(member.annotation) & arrays:
                    name = ast.unparse(member.target)
                    if not _entry_has_shape(docstring, "Attributes", name):
                        yield f"{node.name}.{name}"


def test_the_guard_finds_missing_shapes() -> None:
    """By NumPy's names and by aliases, in parameters, results and fields."""
    tree = ast.parse(
        '''
def scores(values: NDArray[np.float64]) -> float:
    """Return the mean (which, by the way, is no shape)."""
def weights() -> Floats:
    """Return weights."""
def good(values: Floats, more: Matrix) -> None:
    """Compare n values (n,) with a matrix (n, p)."""
def one_of_two(values: Floats, more: Matrix) -> Floats:
    """Add things.

    Args:
        values: Values (n,).
        more: More values.
    """
def _private(values: Floats) -> None: ...
class Sample:
    """A sample."""
    rows: Floats
    async def score(self, values: "np.ndarray") -> None:
        """Score values."""
class Described:
    """A sample.

    Attributes:
        rows: Rows, an array (n,).
    """
    rows: Floats
'''
    )
    assert list(missing_shapes(tree, frozenset({"NDArray", "ndarray", "Floats", "Matrix"}))) == [
        "scores(values)",
        "weights() -> Floats",
        "one_of_two(more)",
        "one_of_two() -> Floats",
        "Sample.rows",
        "Sample.score(values)",
    ]


def test_array_shapes_are_given() -> None:
    """Each public function that takes or returns arrays, and each public class that holds some, gives their shapes."""
    arrays = array_names()
    assert {"Floats", "Flags", "Matrix", "Target", "Indices"} <= arrays
    assert [f"{path}: {one}" for path, tree in parsed_modules() for one in missing_shapes(tree, arrays)] == []
