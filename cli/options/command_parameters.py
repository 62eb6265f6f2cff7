"""Commands whose options are the fields of a dataclass; which options were given."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import typer

Command = Callable[..., None]


def with_parameters(
    command: Command, parameters: Sequence[inspect.Parameter], *, collect: Callable[[Mapping[str, Any]], Any]
) -> Command:
    """Return a command with other parameters in place of its parameter ``options``, for Typer to read.

    Args:
        command: The command; all of its parameters are given by name.
        parameters: The parameters for that place; own parameters of the command that are among them move there.
        collect: Builds ``options`` from their values, without those of the command itself.
    """
    own = inspect.signature(command, eval_str=True).parameters
    moved = {one.name for one in parameters}
    ordered: list[inspect.Parameter] = []
    for name, one in own.items():
        if name == "options":
            ordered += parameters
        elif name not in moved:
            ordered.append(one)

    @functools.wraps(command)
    def call_command(**values: Any) -> None:
        own_values = {name: values.pop(name) for name in list(values) if name in own}
        command(options=collect(values), **own_values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    call_command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what Typer reads
        [one.replace(kind=keyword) for one in ordered]
    )
    return call_command


def takes_fields(options: type) -> Callable[[Command], Command]:
    """Give a command the fields of a dataclass as options, which it gets as one value by its parameter ``options``.

    Args:
        options: The dataclass; its annotations are Typer's.
    """
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in fields(options)
    ]
    return lambda command: with_parameters(command, parameters, collect=lambda values: options(**values))


def given_options(context: typer.Context, names: Iterable[str]) -> list[str]:
    """Return those of some options that stand on the command line, as they are typed.

    Args:
        context: The command's context.
        names: Names of its parameters.
    """
    spelled = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in names}
    return [spelled[name] for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
