"""The examples of the docstrings and of the guide work as they are written."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import headrace.api as hr
from tests.api.conftest import RunnerRecord

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "notebooks.md"
_FUNCTIONS = ("open_bundle", "open_run", "run", "score", "serve", "tune")


def _failures(test: doctest.DocTest) -> str:
    told: list[str] = []
    doctest.DocTestRunner().run(test, out=told.append)
    return "".join(told)


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_the_example_of_a_function_works(folder: Path, runner: RunnerRecord, name: str) -> None:
    """In a folder with a table and one run of it; the steps of the pipeline are not run again."""
    function = getattr(hr, name)
    module = importlib.import_module(function.__module__)
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name=name, module=module, globs={})
    assert test.examples
    assert not _failures(test)


def test_the_examples_of_the_guide_work(folder: Path, runner: RunnerRecord) -> None:
    """One after another, as a reader types them."""
    text = re.sub(r"^```.*$", "", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, GUIDE.name, str(GUIDE), 0)
    assert len(test.examples) > 20
    assert not _failures(test)
    assert len(runner.arguments) == 4


def test_the_guide_names_every_function() -> None:
    """A function that nobody can find is not there."""
    text = GUIDE.read_text(encoding="utf-8")
    functions = [name for name in hr.__all__ if name.islower()]
    assert [name for name in functions if f"hr.{name}(" not in text] == []
