"""Options of commands that take a table, built from the fields of ``TrainingOptions``."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.api.model_reference import resolve_model
from headrace.api.training_arguments import field_separator, prepare_options, search_budget
from headrace.cli.options import run_options
from headrace.cli.options.command_parameters import Command, with_parameters
from headrace.core.base.errors import InputError
from headrace.pipelines.definitions.option_fields import OptionField, option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions
from headrace.registry.backends.locations import FOLDER

if TYPE_CHECKING:
    from headrace.core.tables.source import ReadOptions

MaxTrials = Annotated[int, typer.Option(help="Maximum number of trials.", show_default="the budget's", min=0)]

_FIELDS = option_fields(TrainingOptions)
_TYPED = {name: option for name, option in _FIELDS.items() if option.metadata.is_typed}
ALL = tuple(_TYPED)
"""Names of all options of a training that the command line takes."""
# Reading options are those that no step but ingest uses; fingerprint looks at the same address.
READING = tuple(
    name for name, option in _TYPED.items() if {*option.parameters, "fingerprint"} == {"ingest", "fingerprint"}
)
"""Names of those that say where a table is and how it is read."""


def with_training_options(
    *names: str,
    optional: tuple[str, ...] = (),
    unset: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> Callable[[Command], Command]:
    """Give a command options of a training, which it receives as one mapping by its parameter ``options``.

    Args:
        names: Fields of ``TrainingOptions``; in its order they take the place of ``options`` among the command's
            parameters.
        optional: Names of fields that this command does not require.
        unset: By field, the description of what applies when it is not given, where that differs for this command.
        after: Own parameters of the command that follow one of the fields, each with that field's name.
    """
    fields = [_replace_unset(_FIELDS[name], (unset or {}).get(name)) for name in _FIELDS if name in names]
    behind = after or {}

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True).parameters
        parameters: list[inspect.Parameter] = []
        for field in fields:
            parameters.append(_parameter(field, required=field.name not in optional))
            parameters += [own[name] for name, place in behind.items() if place == field.name]
        return with_parameters(
            command,
            parameters,
            collect=lambda values: {field.name: _convert(field, values[field.name]) for field in fields},
        )

    return decorate


def _replace_unset(field: OptionField, unset: str | None) -> OptionField:
    """Return a field whose description names another value for when it is not given."""
    return field if unset is None else replace(field, metadata=replace(field.metadata, unset=unset))


def _parameter(field: OptionField, *, required: bool) -> inspect.Parameter:
    """Return the parameter of a command, as Typer reads it."""
    facts, kind = field.metadata, _value_type(field)
    more = "; separated by commas" if facts.commas else "; repeatable" if kind == list[str] | None else ""
    texts: dict[str, Any] = {
        "help": f"{facts.command_help or facts.help}{more}.",
        "metavar": facts.metavar or None,
        "show_default": facts.unset or True,
    }
    if facts.minimum is not None:
        texts["min"] = facts.minimum
    default: Any = field.default
    if kind == list[str] | None:
        default = None
    elif kind is str and (facts.unset or facts.commas or (default is inspect.Parameter.empty and not required)):
        default = ""
    flags = () if default is True else field.flags  # Typer makes --header and --no-header of such a name
    info = typer.Argument(**texts) if facts.is_argument else typer.Option(*flags, **texts)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def _value_type(field: OptionField) -> Any:
    """Return the type of what is typed: several values are an optional list, or one text with commas."""
    if field.is_repeated:
        return list[str] | None
    return str if field.metadata.commas else field.type


def _convert(field: OptionField, value: Any) -> Any:
    """Convert what was typed to the value of an option."""
    if field.metadata.commas:
        return tuple(run_options.comma_list(value))
    if field.type is tuple:
        return tuple(value or ())
    if field.type is Mapping:
        return run_options.bounds(value or [], option=field.flag)
    return value


def home_of(output: Path | None, name: str) -> Path:
    """Return the run's folder."""
    return output or FOLDER / name


def flag(name: str) -> str:
    """Return how an option of a training is spelled on the command line."""
    return _FIELDS[name].flag


def training_options(options: Mapping[str, Any], *, max_trials: int) -> TrainingOptions:
    """Build the options of a training from those that a command received.

    Args:
        options: Their values by field.
        max_trials: The other way to set a budget; 0 if it was not used.

    Raises:
        InputError: If one of them is invalid.
        MissingError: If a file or a version of a model that is named does not exist.
    """
    resolved = {
        "budget": budget_of(options["budget"], max_trials),
        "champion": _bundle_of(options["champion"]),
    }
    return prepare_options({**options, **resolved}, spell=flag)


def _bundle_of(champion: str) -> str:
    """Return where the bundle of a champion is: it may be named by its run's folder, or as a version."""
    if not champion or "://" in champion or (Path(champion) / "model.json").is_file():
        return champion
    return resolve_model(champion)


def read_options(options: Mapping[str, Any]) -> "ReadOptions":
    """Build the options that say how a table is read from those that a command received.

    Raises:
        InputError: If one of them is invalid.
    """
    from headrace.core.tables.source import ReadOptions  # noqa: PLC0415 - polars is slow to import

    parameters = {name: option.parameters.get("ingest") for name, option in _FIELDS.items() if name in options}
    values = {key: options[name] for name, key in parameters.items() if key and key != "source"}
    return ReadOptions(**{**values, "delimiter": field_separator(values.get("delimiter", ""))})


def budget_of(budget: str, max_trials: int) -> str:
    """Return the budget of a search from the two options that can set it.

    Raises:
        InputError: If both are set, or the budget is invalid.
    """
    if max_trials and budget:
        raise InputError(f"--max-trials and --budget must not both be given; got {max_trials} and {budget!r}.")
    return str(max_trials) if max_trials else search_budget(budget, spell=flag)
