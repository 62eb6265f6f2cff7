"""Options as the annotated fields of a dataclass, and the signatures and texts generated from them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints

from headrace.core.base.errors import InputError
from headrace.core.base.parameter_text import escape

_PIPELINE_TYPES: Mapping[type, type] = {tuple: list, Mapping: dict}
_UNSET: tuple[Any, ...] = ("", 0, -1, (), {})
"""Defaults that stand for "not given", because parameters of pipelines cannot be ``None``."""


@dataclass(frozen=True)
class OptionSpec:
    """The metadata of an option, beside its name, type and default.

    Attributes:
        help: Its description, without a full stop.
        unset: What happens if it is not given, where its default does not say so: ``detected``.
        unit: Unit of a number.
        steps: Steps that take it, with a blank between: ``ingest infer_contract``, or ``split.method`` where the step's
            parameter has another name.
        flags: Its flags, such as ``--namespace -n``; empty for its name with dashes, in the singular if it is repeated.
        metavar: Placeholder of the value in the help; empty for the type.
        is_argument: Whether it is a positional argument of the command line.
        is_typed: Whether the command line has it at all.
        commas: Whether several values are given as one text, separated by commas, instead of by repeating the option.
        minimum: Smallest number that the command line takes; None for any.
        choices: All values allowed beside the default; empty for any.
        command_help: Help of the command line, where that differs from the pipeline; empty for ``help``.
    """

    help: str
    _: KW_ONLY
    unset: str = ""
    unit: str = ""
    steps: str = ""
    flags: str = ""
    metavar: str = ""
    is_argument: bool = False
    is_typed: bool = True
    commas: bool = False
    minimum: int | None = None
    choices: tuple[str, ...] = ()
    command_help: str = ""


@dataclass(frozen=True)
class OptionField:
    """A field of a dataclass of options.

    Attributes:
        name: Its name, which is that of the pipeline's parameter.
        type: ``str``, ``bool``, ``int``, ``float``, ``tuple`` (of texts) or ``Mapping`` (of numbers by text).
        default: Its default; ``inspect.Parameter.empty`` if it must be given.
        metadata: Its metadata.
    """

    name: str
    type: type
    default: Any
    metadata: OptionSpec

    @property
    def flag(self) -> str:
        """Its flag, such as ``--test-size``, or its placeholder, such as ``TABLE``, if it has none."""
        if self.metadata.is_argument:
            return self.metadata.metavar
        return self.flags[0]

    @property
    def flags(self) -> tuple[str, ...]:
        """Its flags; unless its metadata name others, its name with dashes, in the singular if it is repeated."""
        if self.metadata.flags:
            return tuple(self.metadata.flags.split())
        name = self.name.replace("_", "-")
        return (f"--{name.removesuffix('s') if self.is_repeated else name}",)

    @property
    def is_repeated(self) -> bool:
        """Whether the command line takes several values by repeating the option."""
        return self.type in {tuple, Mapping} and not self.metadata.commas

    @property
    def description(self) -> str:
        """The sentence for docstrings and for Kubeflow, with the meaning of a default that does not explain itself."""
        unset = self.metadata.unset if self.default in _UNSET else ""
        return f"{self.metadata.help}{f' (default: {unset})' if unset else ''}."

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameter's name by the steps that take it."""
        split = (text.partition(".") for text in self.metadata.steps.split())
        return {step: parameter or self.name for step, _, parameter in split}

    @property
    def pipeline_parameter(self) -> inspect.Parameter:
        """The parameter of a pipeline, of a type that KFP knows."""
        kind = _PIPELINE_TYPES.get(self.type, self.type)
        default = kind(self.default) if kind in {list, dict} else self.default
        return inspect.Parameter(self.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind)


def option_fields(options: type) -> Mapping[str, OptionField]:
    """Return the fields of a dataclass whose annotations carry ``OptionSpec``, by name, in their order.

    Args:
        options: The class; each annotation is ``Annotated[TYPE, OptionSpec(...)]``.
    """
    hints = get_type_hints(options, include_extras=True)
    by_name = {}
    for attribute in fields(options):
        kind, metadata = get_args(hints[attribute.name])
        default = attribute.default
        if attribute.default_factory is not MISSING:
            default = attribute.default_factory()
        elif default is MISSING:
            default = inspect.Parameter.empty
        by_name[attribute.name] = OptionField(attribute.name, get_origin(kind) or kind, default, metadata)
    return by_name


def step_arguments(options: type, step: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a step, by the names of its parameters.

    Args:
        options: The dataclass of options.
        step: Name of the step.
        values: Values, or a pipeline's channels for them, by the names of the options.
    """
    parameters = {name: option.parameters.get(step) for name, option in option_fields(options).items()}
    return {parameter: values[name] for name, parameter in parameters.items() if parameter}


def check_choices(options: type, values: Mapping[str, Any], *, spell: Callable[[str], str] | None = None) -> None:
    """Raise if a value is not one of its option's choices.

    Args:
        options: The dataclass of options.
        values: Values by the names of the options.
        spell: Returns what the message calls an option, by its name; None for its flag.

    Raises:
        InputError: If a value is not allowed.
    """
    for name, option in option_fields(options).items():
        choices = option.metadata.choices
        if choices and values[name] not in {option.default, *choices}:
            *others, last = choices
            called = spell(name) if spell else option.flag
            raise InputError(f"{called} must be {', '.join(others)} or {last}; got {values[name]!r} instead.")


def pipeline_values(options: object) -> dict[str, Any]:
    """Return options as the values of a pipeline's parameters: lists, dictionaries, and escaped texts."""
    return {name: _pipeline_value(getattr(options, name)) for name in option_fields(type(options))}


def _pipeline_value(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, (tuple, list)):
        return [escape(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


def takes_parameters(options: type) -> Callable[[Callable[[Mapping[str, Any]], None]], Callable[..., None]]:
    """Give a function of values by name the parameters of a dataclass, as KFP reads them.

    Args:
        options: The dataclass of options.
    """
    fields_ = option_fields(options).values()
    return with_parameters(
        [field.pipeline_parameter for field in fields_],
        descriptions={field.name: field.description for field in fields_},
    )


def with_parameters(
    parameters: Sequence[inspect.Parameter], *, descriptions: Mapping[str, str]
) -> Callable[[Callable[[Mapping[str, Any]], None]], Callable[..., None]]:
    """Give a function of values by name the parameters of a pipeline.

    KFP reads the signature and the docstring of a pipeline's function; this sets both.

    Args:
        parameters: The parameters; those without a default come first.
        descriptions: Description of each, by its name.
    """
    signature = inspect.Signature(parameters)
    lines = [f"    {parameter.name}: {descriptions[parameter.name]}" for parameter in parameters]

    def decorate(function: Callable[[Mapping[str, Any]], None]) -> Callable[..., None]:
        def pipeline(*positional: Any, **named: Any) -> None:
            bound = signature.bind(*positional, **named)
            bound.apply_defaults()
            function(bound.arguments)

        pipeline.__name__, pipeline.__module__ = function.__name__, function.__module__
        pipeline.__doc__ = "\n".join([inspect.getdoc(function) or "", "", "Args:", *lines])
        pipeline.__signature__ = signature  # type: ignore[attr-defined]  # what inspect looks for
        return pipeline

    return decorate


def describes(options: type, *names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the descriptions of options to a docstring that ends with its ``Args``.

    Args:
        options: The dataclass of options.
        names: Parameters of the function that are such options.
    """
    lines = [f"    {name}: {option_fields(options)[name].description}" for name in names]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        function.__doc__ = "\n".join([inspect.getdoc(function) or "", *lines])
        return function

    return decorate
