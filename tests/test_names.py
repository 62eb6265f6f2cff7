"""Names say what things are: functions by verbs, classes by words that only one of them has."""

import ast
import collections
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PACKAGES = sorted(PROJECT["tool"]["setuptools"]["package-dir"].values())
# Verbs, or nouns, that look like a participle.
_NO_PARTICIPLES = {
    "bound",
    "cut",
    "embed",
    "feed",
    "hit",
    "let",
    "put",
    "read",
    "reseed",
    "run",
    "seed",
    "set",
    "spread",
    "split",
}
_IRREGULAR = frozenset(
    re.findall(
        r"\w+",
        """
asked begun bound bought brought broken built chosen done drawn fed felt found given gone grown heard held
hidden kept known laid led left lent lost made meant met paid put read run said seen sent set shown sold spent
spoken split spread stood sworn taken taught thought thrown told understood won worn written
""",
    )
)

# Words that only this project's first authors understood in an identifier.
_PRIVATE_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
asked desk door heard homeless manys mine nowhere papers patiently said saying shortly speech spoken sworn tidy told
unheard wish wishes
""",
    )
)


@functools.cache
def parsed_modules() -> tuple[tuple[Path, ast.Module], ...]:
    """Modules of the packages, by their path in the repository."""
    paths = (path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py")))
    return tuple(
        (path.relative_to(REPOSITORY), ast.parse(path.read_text())) for path in paths if "migrations" not in path.parts
    )


def _is_participle(name: str) -> bool:
    word = name.strip("_")
    if "_" in word or word in _NO_PARTICIPLES:
        return False
    return word in _IRREGULAR or (word.endswith("ed") and len(word) > 3)


def test_the_guard_knows_a_participle() -> None:
    """A guard that finds nothing in anything would hold nothing."""
    names = ("told", "_found", "widened", "read_rows", "seed", "run", "compare")
    assert [name for name in names if _is_participle(name)] == ["told", "_found", "widened"]


def test_functions_are_verbs() -> None:
    """No function is called by what was done; a property may be, for it is what an object is."""
    found = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in parsed_modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _is_participle(node.name)
        and not any("property" in ast.unparse(one) for one in node.decorator_list)
    ]
    assert found == []


def _identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that a module binds: functions, classes, parameters, variables, attributes, aliases."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name


def private_words(tree: ast.Module) -> list[str]:
    """Names that a module binds with a word of the stop list, or with "put right", each with its line."""
    return [
        f"{line} {name}"
        for line, name in _identifiers(tree)
        if (
            _PRIVATE_WORDS & {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
            or "put_right" in name.lower()
        )
    ]


def test_the_guard_finds_private_words() -> None:
    """In functions, classes, parameters, variables, attributes and aliases; not in the names of other libraries."""
    tree = ast.parse("""
import json as told
class HeardThing:
    wish: str = ""
def put_right(asked, *, _mine=0):
    self.door = papers = asked
    for told_one in papers: told_one.spoken(_MOST_WISHES)
_MOST_WISHES = 3
""")
    names = "HeardThing _MOST_WISHES _mine asked door papers put_right told told_one wish"
    assert sorted(name.partition(" ")[2] for name in private_words(tree)) == names.split()


def test_no_identifier_has_a_private_word() -> None:
    """Identifiers are words of the field; the stop list holds those that were not."""
    found = [f"{path}:{one}" for path, tree in parsed_modules() for one in private_words(tree)]
    modules = [str(path) for path, _ in parsed_modules() if _PRIVATE_WORDS & set(path.stem.split("_"))]
    assert found + modules == []


def test_no_two_public_classes_have_one_name() -> None:
    """Whoever reads a name in a message or a stack trace knows which class it is."""
    places = collections.defaultdict(list)
    for path, tree in parsed_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
