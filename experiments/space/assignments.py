"""Turns the parameter values of a trial into a model family and its hyperparameters.

Katib knows one flat list of parameters. An Experiment that searches over families has a categorical parameter
``family``, and names the others ``FAMILY__PARAMETER``; those of families that were not chosen are ignored.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Task
from headrace.core.models import families
from headrace.core.models.family import Family
from headrace.core.models.hyperparameters import CategoricalParameter
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER, MAIN
from headrace.experiments.space.experiment import FAMILY_PARAMETER, Experiment
from headrace.experiments.space.search_space import NumberRange, SearchSpace, ValueChoice

__all__ = [
    "FAMILY_PARAMETER",
    "check",
    "check_task",
    "choose_family",
    "of_experiment",
    "parse_values",
    "searches_families",
]

_REGRESSION = frozenset({"mae", "rmse", "r2"})
_RANKING = ("pr_auc", "roc_auc")
_OF = "__"


def searches_families(space: SearchSpace) -> bool:
    """Return whether a space has the parameter that chooses among families."""
    return isinstance(space.get(FAMILY_PARAMETER), ValueChoice)


def of_experiment(experiment: Experiment) -> tuple[str, ...]:
    """Return the names of the families that an Experiment searches."""
    if experiment.family:
        return (experiment.family,)
    kind = experiment.space.get(FAMILY_PARAMETER)
    return tuple(map(str, kind.values)) if isinstance(kind, ValueChoice) else ()


def choose_family(experiment: Experiment, values: Mapping[str, Any]) -> tuple[Family, dict[str, Any]]:
    """Return the family, and its parameters that differ from the defaults.

    Args:
        experiment: The Experiment.
        values: Values by the Experiment's names.

    Raises:
        InputError: If a value is not one of the family's.
    """
    name = experiment.family or str(values[FAMILY_PARAMETER])
    family = families.family(name)
    own = dict(values)
    if not experiment.family:
        prefix = name + _OF
        own = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    checked = family.check_parameters(own)
    return family, {key: checked[key] for key in own}


def parse_values(experiment: Experiment, texts: Mapping[str, str]) -> dict[str, Any]:
    """Parse the texts that Katib has put into a trial's template.

    Raises:
        InputError: If a parameter is missing or unknown, or its text is not one of its values.
    """
    if set(texts) != set(experiment.space):
        raise InputError(f"a trial must be given {sorted(experiment.space)}; got {sorted(texts)} instead.")
    return {name: _parse_value(name, kind, texts[name]) for name, kind in experiment.space.items()}


def _parse_value(name: str, kind: NumberRange | ValueChoice, text: str) -> Any:
    if isinstance(kind, ValueChoice):
        for value in kind.values:
            if str(value) == text or (isinstance(value, float) and _number(name, text) == value):
                return value
        raise InputError(f"{name} of a trial must be one of {quote(list(kind.values))}; got {quote(text)} instead.")
    number = _number(name, text)
    return int(number) if kind.whole else number


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{name} of a trial must be a number; got {quote(text)} instead.") from error


def check(experiment: Experiment) -> None:
    """Raise if a family lacks a parameter, or does not allow a value of it.

    Raises:
        InputError: If so, or if the objective is not a metric of a model.
    """
    _check_metrics(experiment)
    for family, name, kind in _own(experiment):
        ends = kind.values if isinstance(kind, ValueChoice) else (kind.low, kind.high)
        for value in ends:
            family.check_parameters({name: value})
        if not isinstance(kind, ValueChoice) and isinstance(family.parameters[name], CategoricalParameter):
            raise InputError(f"the parameter {quote(name)} of {family.name} must be categorical.")


def _own(experiment: Experiment) -> Iterator[tuple[Family, str, NumberRange | ValueChoice]]:
    """Yield family, the family's name of the parameter, and its values, for all parameters but ``family`` itself."""
    if experiment.family:
        family = families.family(experiment.family)
        yield from ((family, name, kind) for name, kind in experiment.space.items())
        return
    searched = {name: families.family(name) for name in of_experiment(experiment)}
    for parameter, kind in experiment.space.items():
        if parameter == FAMILY_PARAMETER:
            continue
        name, _, own = parameter.partition(_OF)
        if name not in searched or not own:
            raise InputError(
                f"the parameter {quote(parameter)} of {experiment.name} must be named FAMILY{_OF}PARAMETER after one "
                f"of {sorted(searched)}."
            )
        yield searched[name], own, kind


def _check_metrics(experiment: Experiment) -> None:
    objective = experiment.objective
    unknown = next((name for name in objective.metrics if name not in HIGHER_IS_BETTER), "")
    if unknown:
        raise InputError(
            f"the metrics of {experiment.name} must be among {sorted(HIGHER_IS_BETTER)}; got {quote(unknown)}."
        )
    expected = "maximize" if HIGHER_IS_BETTER[objective.metric] else "minimize"
    if objective.type != expected:
        raise InputError(
            f"the objective's type of {experiment.name} must be {expected} for {objective.metric}; got "
            f"{objective.type} instead."
        )
    if len({name in _REGRESSION for name in objective.metrics}) > 1:
        raise InputError(f"the metrics of {experiment.name} must be of one task; got {list(objective.metrics)}.")


def check_task(experiment: Experiment, task: Task) -> None:
    """Raise if an Experiment is for another task.

    Raises:
        InputError: If a family cannot do the task, or the metrics belong to another.
    """
    for name in of_experiment(experiment):
        if task not in families.family(name).tasks:
            raise InputError(f"the Experiment's family {name} cannot do a {task} task; choose another.")
    metric = experiment.objective.metric
    if task == "anomaly" and metric not in _RANKING:
        raise InputError(
            f"the Experiment's objective must be {' or '.join(_RANKING)} for an anomaly task, which has few labels and "
            f"no classes; got {metric} instead."
        )
    if (metric in _REGRESSION) != (task == "regression"):
        raise InputError(
            f"the Experiment's objective must be a metric of a {task} task, such as {MAIN[task]}; got {metric} instead."
        )
