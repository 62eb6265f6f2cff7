"""Rules of Katib's algorithm services for a search space, each of which parses and samples it in its own way.

The webhook accepts what breaks these rules; the algorithm's service then rejects it, or fails at every request for
trials, and the Experiment hangs. Source: ``pkg/suggestion/v1beta1`` of kubeflow/katib.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.experiments.space.search_space import NumberRange, SearchSpace

_HYPEROPT = ("random", "tpe")
_GOPTUNA = ("cmaes", "sobol")
_STEPPING = (*_HYPEROPT, "grid")
_GO_WHOLE = re.compile(r"[-+]?\d+")  # strconv.Atoi
_GO_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")  # strconv.ParseFloat
# Services that ignore a step.
_STEPLESS = ("bayesianoptimization", "hyperband")


def check_distributions(algorithm: str, space: SearchSpace, where: str) -> None:
    """Raise if an algorithm cannot sample from a distribution.

    Args:
        algorithm: Its name.
        space: The allowed values of each parameter.
        where: Name of the Experiment in messages.

    Raises:
        InputError: If so.
    """
    for name, kind in space.items():
        if isinstance(kind, NumberRange) and kind.bell and algorithm not in _HYPEROPT:
            raise InputError(
                f"the algorithm {algorithm} of {where} draws no normal distributions, such as that of {quote(name)}; "
                f"take uniform or logUniform, or one of {list(_HYPEROPT)}."
            )
        if isinstance(kind, NumberRange) and kind.log and kind.step and algorithm not in _STEPPING:
            raise InputError(
                f"the algorithm {algorithm} of {where} draws logarithms without a step, such as that of {quote(name)}; "
                f"leave the step out, or take one of {list(_STEPPING)}."
            )


def check_texts(algorithm: str, parameters: Sequence[Mapping[str, Any]], where: str) -> None:
    """Raise if the service of an algorithm could not parse a number, such as 2.0 where it expects an integer.

    Args:
        algorithm: Its name.
        parameters: ``spec.parameters``, each of which is valid by itself.
        where: Name of the Experiment in messages.

    Raises:
        InputError: If so.
    """
    for item in parameters:
        kind, space = item["parameterType"], item["feasibleSpace"]
        keys = ("min", "max") if algorithm in _STEPLESS else ("min", "max", "step")
        texts = space.get("list", []) if kind in {"discrete", "categorical"} else [space.get(key) for key in keys]
        reads = _reading(algorithm, kind)
        strange = next((text for text in texts if text and not reads(text)), None)
        if strange is not None:
            remedy = f"write {int(float(strange))}" if kind == "int" else "write it in figures"
            if kind == "discrete":
                remedy = "make it categorical, or take another algorithm"
            raise InputError(
                f"the parameter {quote(item['name'])} of {where} must have numbers that Katib's service for "
                f"{algorithm} can read ({'whole ones' if kind != 'double' else 'without blanks and underscores'}); got "
                f"{quote(strange)}, of which it would never make a trial; {remedy}."
            )


def _reading(algorithm: str, kind: str) -> Callable[[str], bool]:
    """Return a predicate that says whether the service of an algorithm can parse a text."""
    if algorithm in _GOPTUNA and kind in {"int", "double"}:
        return lambda text: (_GO_WHOLE if kind == "int" else _GO_NUMBER).fullmatch(text) is not None
    if (kind == "int" and algorithm not in _HYPEROPT) or (kind == "discrete" and algorithm == "hyperband"):
        return _is_whole
    return lambda _: True


def _is_whole(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True
