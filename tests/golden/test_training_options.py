"""What is written about the options of a training is what ``TrainingOptions`` says; ``make compiled`` renews it."""

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import headrace.components as shelf
from headrace.cli.main import app
from headrace.pipelines.definitions.catalogue import pipeline
from headrace.pipelines.definitions.option_fields import OptionField, option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "options.md"
OPTIONS = option_fields(TrainingOptions)
_TABLE = re.compile(r"(?<=<!-- options: written by `make compiled` -->\n\n).*?(?=\n\n<!-- end -->)", re.DOTALL)
# A component that takes options though the training has no such step.
_ALSO: dict[str, set[str]] = {
    "prepare": {
        *("source", "header", "delimiter", "encoding", "skip_lines", "comment"),
        *("split_method", "test_size", "seed"),
    }
}


def _taken() -> Iterator[tuple[str, str, OptionField]]:
    """Each step with the name of a parameter and the option that it takes by it."""
    for name, option in OPTIONS.items():
        yield from ((step, parameter, option) for step, parameter in option.parameters.items())
        yield from ((step, name, option) for step, names in _ALSO.items() if name in names)


def _function(step: str) -> Any:
    """The function behind a component."""
    return getattr(shelf, step).python_func


TAKEN = sorted({step for step, _, _ in _taken()})


def _with_descriptions(source: str, step: str) -> str:
    """The source of a step whose docstring says of each option what the option says of itself."""
    for taker, parameter, option in _taken():
        if taker == step:
            line = textwrap.fill(
                f"{parameter}: {option.description}",
                width=120,
                initial_indent=" " * 8,
                subsequent_indent=" " * 12,
                break_on_hyphens=False,
                break_long_words=False,
            )
            pattern = re.compile(rf"^ {{8}}{parameter}: .*\n(?: {{12}}.*\n)*", re.MULTILINE)
            source = pattern.sub(lambda _, line=line: f"{line}\n", source, count=1)  # type: ignore[misc]
    return source


@pytest.mark.parametrize("step", [step for step in TAKEN if step != "fingerprint"])
def test_a_docstring_says_of_an_option_what_the_option_says(step: str, request: pytest.FixtureRequest) -> None:
    """The texts in the steps' docstrings are the options' own; fingerprint tells of addresses only."""
    path = Path(inspect.getfile(_function(step)))
    source = path.read_text(encoding="utf-8")
    fresh = _with_descriptions(source, step)
    if request.config.getoption("--rewrite"):
        path.resolve().write_text(fresh, encoding="utf-8")
        return
    assert source == fresh, "run `make compiled` and read the diff"


@pytest.mark.parametrize("step", TAKEN)
def test_a_step_takes_an_option_by_its_type_and_default(step: str) -> None:
    """Each parameter that an option feeds is there, of the option's type, and its default is the option's."""
    parameters = inspect.signature(_function(step)).parameters
    for taker, name, option in _taken():
        if taker == step:
            wanted = option.pipeline_parameter
            assert parameters[name].annotation is wanted.annotation, name
            if parameters[name].default is not inspect.Parameter.empty and step != "fingerprint":
                assert parameters[name].default == wanted.default, name


@pytest.mark.parametrize("name", ["training", "replay"])
def test_a_pipeline_takes_all_options(name: str) -> None:
    """Its parameters are the options with their types and defaults, and its docstring tells of each."""
    function = pipeline(name).pipeline_func  # type: ignore[attr-defined]  # what KFP's decorator makes
    assert list(inspect.signature(function).parameters.values()) == [
        option.pipeline_parameter for option in OPTIONS.values()
    ]
    for option in OPTIONS.values():
        assert f"    {option.name}: {option.description}" in (inspect.getdoc(function) or "")


def _row(option: OptionField, command: Any) -> str:
    """The row of the guide's table."""
    spelled = ""
    if option.metadata.is_typed:
        parameter = next(one for one in command.params if one.name == option.name)
        flags = [option.flag] if option.metadata.is_argument else [*parameter.opts, *parameter.secondary_opts]
        spelled = ", ".join(f"`{flag}`" for flag in flags)
    default = option.pipeline_parameter.default
    shown = "required" if default is inspect.Parameter.empty else option.metadata.unset or f"`{default!r}`"
    kind = option.pipeline_parameter.annotation.__name__ + (f", {option.metadata.unit}" if option.metadata.unit else "")
    steps = ", ".join(f"`{step}`" for step in option.parameters if step != "fingerprint")
    cells = (spelled, f"`{option.name}`", option.metadata.help, kind, shown, steps)
    return "| " + " | ".join(cells) + " |"


def test_the_guides_table_lists_all_options(request: pytest.FixtureRequest) -> None:
    """Flag, parameter, meaning, default and steps of each option stand in the guide."""
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    head = [
        "| `run`, `tune` | parameter of the pipeline | what it is | type | default | steps |",
        "|---|---|---|---|---|---|",
    ]
    table = "\n".join([*head, *(_row(option, command) for option in OPTIONS.values())])
    text = GUIDE.read_text(encoding="utf-8")
    fresh = _TABLE.sub(lambda _: table, text)
    if request.config.getoption("--rewrite"):
        GUIDE.write_text(fresh, encoding="utf-8")
    assert GUIDE.read_text(encoding="utf-8") == fresh, "run `make compiled` and read the diff"
    assert table in fresh
