"""Katib's algorithms, their settings, and what each requires of a search space.

Katib rejects some errors only after an Experiment was created, in a condition of its Suggestion; here all are found
before anything runs, locally and on a cluster. Source: ``pkg/suggestion/v1beta1`` of kubeflow/katib.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.experiments.space.search_space import NumberRange, SearchSpace, ValueChoice, points

LARGEST_GRID = 100_000


@dataclass(frozen=True)
class AlgorithmSetting:
    """A setting of an algorithm, which an Experiment writes as text.

    Attributes:
        read: Parses the value; raises ValueError for an invalid text.
        good: Returns whether the value is allowed.
        must_be: Describes the allowed values in a message.
    """

    read: Callable[[str], Any]
    good: Callable[[Any], bool]
    must_be: str


def _whole(least: int) -> AlgorithmSetting:
    return AlgorithmSetting(int, lambda value: value >= least, f"a whole number of at least {least}")


def _positive() -> AlgorithmSetting:
    return AlgorithmSetting(float, lambda value: math.isfinite(value) and value > 0, "a positive number")


def _among(*texts: str) -> AlgorithmSetting:
    return AlgorithmSetting(str, lambda value: value in texts, f"one of {list(texts)}")


_SEED = {"random_state": _whole(0)}
_NAME = AlgorithmSetting(str, bool, "the name of a parameter")

SETTINGS: Mapping[str, Mapping[str, AlgorithmSetting]] = {
    "random": _SEED,
    "grid": _SEED,
    "tpe": {
        **_SEED,
        "gamma": AlgorithmSetting(float, lambda value: 0 < value < 1, "a number between 0 and 1"),
        "prior_weight": _positive(),
        "n_EI_candidates": _whole(1),
    },
    "multivariate-tpe": {**_SEED, "n_startup_trials": _whole(0), "n_ei_candidates": _whole(1)},
    "bayesianoptimization": {
        **_SEED,
        "base_estimator": _among("GP", "RF", "ET", "GBRT"),
        "n_initial_points": _whole(0),
        "acq_func": _among("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps"),
        "acq_optimizer": _among("auto", "sampling", "lbfgs"),
    },
    "cmaes": {**_SEED, "sigma": _positive(), "restart_strategy": _among("none")},
    "sobol": {},
    "hyperband": {
        "r_l": AlgorithmSetting(float, lambda value: math.isfinite(value) and value >= 1, "a number of at least 1"),
        "eta": AlgorithmSetting(float, lambda value: math.isfinite(value) and value >= 2, "a number of at least 2"),
        "resource_name": _NAME,
    },
}
STOPPING: Mapping[str, Mapping[str, AlgorithmSetting]] = {
    "medianstop": {"min_trials_required": _whole(1), "start_step": _whole(1)},
}
ETA = 3.0


def settings(items: Sequence[Mapping[str, str]], allowed: Mapping[str, AlgorithmSetting], where: str) -> dict[str, Any]:
    """Parse a list of settings, each {name, value}.

    Args:
        items: The list; all values are texts.
        allowed: The algorithm's settings by name.
        where: Name of the place in messages.

    Returns:
        Values by name.

    Raises:
        InputError: If a setting is unknown, repeated or out of bounds.
    """
    values: dict[str, Any] = {}
    for item in items:
        name, value = item.get("name"), item.get("value")
        if name is None or value is None or name in values:
            raise InputError(f"{where} must have settings of a name of their own and a value; got {quote(dict(item))}.")
        if name not in allowed:
            raise InputError(f"{where} may have {sorted(allowed)}; got the unknown setting {quote(name)}.")
        values[name] = _value(allowed[name], value, f"{name} of {where}")
    return values


def _value(setting: AlgorithmSetting, text: str, where: str) -> Any:
    try:
        value = setting.read(text)
        good = setting.good(value)
    except (ValueError, OverflowError):
        good = False
    if not good:
        raise InputError(f"{where} must be {setting.must_be}; got {quote(text)} instead.")
    return value


def check(
    algorithm: str, values: Mapping[str, Any], space: SearchSpace, *, trials: int, parallel: int, where: str
) -> None:
    """Raise if an algorithm cannot search a space, or not with these counts.

    Args:
        algorithm: One of ``SETTINGS``.
        values: Its settings.
        space: The allowed values of each parameter.
        trials: Largest number of trials; 0 for no limit.
        parallel: Number of parallel trials.
        where: Name of the Experiment in messages.

    Raises:
        InputError: If Katib's service for the algorithm would reject them, or the algorithm cannot sample from them.
    """
    if algorithm == "grid":
        _check_grid(space, trials, where)
    elif algorithm == "cmaes":
        _check_cmaes(space, where)
    elif algorithm == "bayesianoptimization":
        _check_bayes(space, where)
    elif algorithm == "hyperband":
        _check_hyperband(values, space, parallel, where)


def grid_size(space: SearchSpace) -> int:
    """Return the number of points of a grid over a space whose parameters all have steps."""
    return math.prod(len(points(name, kind)) for name, kind in space.items())


def _check_grid(space: SearchSpace, trials: int, where: str) -> None:
    size = grid_size(space)
    if size > LARGEST_GRID:
        raise InputError(f"the grid of {where} must have at most {LARGEST_GRID} points; got {size}; use larger steps.")
    if trials > size:
        raise InputError(f"maxTrialCount of {where} must be at most the {size} points of its grid; got {trials}.")


def _check_cmaes(space: SearchSpace, where: str) -> None:
    ranges = sum(isinstance(kind, NumberRange) for kind in space.values())
    if ranges < 2:
        raise InputError(
            f"the algorithm cmaes of {where} must have at least two parameters of the type double or int; got {ranges}."
        )


def _check_bayes(space: SearchSpace, where: str) -> None:
    # Katib's service draws every double on a logarithmic scale.
    low = next(
        (n for n, kind in space.items() if isinstance(kind, NumberRange) and not kind.whole and kind.low <= 0), None
    )
    if low is not None:
        raise InputError(
            f"the algorithm bayesianoptimization of {where} draws the logarithm of a double, whose min must be "
            f"positive; {quote(low)} has {space[low].low:g}; raise it, or take another algorithm."  # type: ignore[union-attr] # a NumberRange, as checked above
        )


def _check_hyperband(values: Mapping[str, Any], space: SearchSpace, parallel: int, where: str) -> None:
    absent = [name for name in ("r_l", "resource_name") if name not in values]
    if absent:
        raise InputError(
            f"the algorithm hyperband of {where} must have the settings r_l and resource_name; got "
            f"no {' and no '.join(absent)}."
        )
    name = values["resource_name"]
    kind = space.get(name)
    if kind is None or isinstance(kind, ValueChoice):
        raise InputError(f"resource_name of {where} must be one of its numeric parameters; got {quote(name)} instead.")
    eta = values.get("eta", ETA)
    if values["r_l"] > kind.high:
        raise InputError(
            f"r_l of {where} must be at most the max of {quote(name)}, {kind.high:g}; got {values['r_l']:g} instead."
        )
    required = math.ceil(eta ** brackets(values["r_l"], eta))
    if parallel < required:
        raise InputError(
            f"parallelTrialCount of {where} must be at least {required} for hyperband with r_l {values['r_l']:g} and "
            f"eta {eta:g}; got {parallel}."
        )


def brackets(resource: float, eta: float) -> int:
    """Return how often hyperband divides its trials by ``eta`` at most (s_max of Li et al. 2018)."""
    return int(math.log(resource) / math.log(eta) + 1e-9)
