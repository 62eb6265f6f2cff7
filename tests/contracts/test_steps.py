"""Each component is one call of its step, and each step is free of Kubeflow Pipelines."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import headrace.components as shelf
from tests.conftest import REPOSITORY

_GROUPS = ("data", "training", "release", "monitoring")
_STEPS = {path.stem: path.parent.name for group in _GROUPS for path in (REPOSITORY / "steps" / group).glob("[a-z]*.py")}


def _step_function(name: str) -> ast.FunctionDef:
    """The function of a component, as it is written."""
    path = Path(inspect.getfile(getattr(shelf, name).python_func))
    (function,) = (node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef))
    return function


def test_each_component_has_a_step_in_the_folder_of_its_name() -> None:
    """And no step is without a component."""
    folders = {name: Path(inspect.getfile(getattr(shelf, name).python_func)).parent.name for name in shelf.__all__}
    assert folders == _STEPS


@pytest.mark.parametrize("name", shelf.__all__)
def test_a_component_is_one_import_and_one_call(name: str) -> None:
    """Its body imports its step and passes each of its parameters by its name; only a tuple of outputs is made here."""
    docstring, imported, statement = _step_function(name).body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(imported) == f"from headrace.steps.{_STEPS[name]}.{name} import run_{name}"
    assert isinstance(statement, ast.Expr | ast.Return)
    call = statement.value
    assert isinstance(call, ast.Call)
    returned = _step_function(name).returns
    if isinstance(returned, ast.Name) and ast.unparse(call.func) == returned.id:  # a tuple of several outputs
        call = next(node for node in ast.walk(call) if isinstance(node, ast.Call) and node is not call)
    assert ast.unparse(call.func) == f"run_{name}"
    assert not call.args
    passed = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    assert passed == {parameter.arg: parameter.arg for parameter in _step_function(name).args.args}


@pytest.mark.parametrize("name", shelf.__all__)
def test_a_step_takes_what_its_component_takes(name: str) -> None:
    """By keyword only and without defaults, which are the component's; `as_step` made it a step."""
    step = getattr(import_module(f"headrace.steps.{_STEPS[name]}.{name}"), f"run_{name}")
    assert step.__module__ == f"headrace.steps.{_STEPS[name]}.{name}"
    _, *taken = inspect.signature(step.__wrapped__).parameters.values()
    assert {parameter.kind for parameter in taken} == {inspect.Parameter.KEYWORD_ONLY}
    assert {parameter.default for parameter in taken} == {inspect.Parameter.empty}
    assert {parameter.name for parameter in taken} == set(
        inspect.signature(getattr(shelf, name).python_func).parameters
    )


def test_steps_are_imported_without_kubeflow_pipelines() -> None:
    """A step can be called where KFP is not installed."""
    modules = [f"headrace.steps.{group}.{name}" for name, group in _STEPS.items()]
    code = f"import sys, importlib\nsys.modules['kfp'] = None\nfor name in {modules}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
