"""Katib Experiments (kubeflow.org/v1beta1): the part that says what is searched, for what, and how.

Read are ``metadata``, ``spec.parameters``, ``spec.objective``, ``spec.algorithm`` and ``spec.maxTrialCount``; what only
a cluster needs (trial template, metrics collector, parallel trials) may stand there and is left to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml

from headrace.core.contract import Task
from headrace.core.errors import InputError, MissingError, shown
from headrace.core.metrics import HIGHER_IS_BETTER, MAIN
from headrace.experiments.parameters import OneOf, Range, Space, parameter

API_VERSION = "kubeflow.org/v1beta1"
FAMILY_LABEL = "headrace/family"
ALGORITHMS = ("random", "tpe", "multivariate-tpe", "grid")
_LARGEST_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Objective:
    """What is searched for.

    Attributes:
        metric: Name of the metric.
        type: ``maximize`` or ``minimize``.
        goal: Value at which the search ends early; None to use the whole budget.
    """

    metric: str
    type: Literal["maximize", "minimize"]
    goal: float | None = None

    def reached(self, score: float) -> bool:
        """Whether a score is as good as the goal."""
        if self.goal is None:
            return False
        return score >= self.goal if self.type == "maximize" else score <= self.goal


@dataclass(frozen=True)
class Experiment:
    """A search.

    Attributes:
        name: Name of the Experiment.
        family: Model family that the parameters belong to.
        space: What each parameter may be.
        objective: What is searched for.
        algorithm: One of ``ALGORITHMS``.
        max_trials: Largest number of trials; 0 for no limit.
    """

    name: str
    family: str
    space: Space = field(default_factory=dict)
    objective: Objective = Objective("roc_auc", "maximize")
    algorithm: str = "tpe"
    max_trials: int = 0

    def for_task(self, task: Task) -> "Experiment":
        """The same search for the task's main metric, and without a limit of its own."""
        return replace(self, objective=objective_of(task), max_trials=0)


def objective_of(task: Task) -> Objective:
    """The task's main metric, as an objective."""
    metric = MAIN[task]
    return Objective(metric, "maximize" if HIGHER_IS_BETTER[metric] else "minimize")


def shipped(family: str) -> Experiment:
    """The Experiment that comes with Headrace for a family.

    Raises:
        InputError: If the family has none.
    """
    source = resources.files("headrace.experiments") / f"{family}.yaml"
    if not source.is_file():
        raise InputError(f"there is no search space for the family {shown(family)}.")
    return parse(source.read_text(encoding="utf-8"), source=f"{family}.yaml")


def load(path: Path) -> Experiment:
    """Read an Experiment from a file.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not an Experiment that can be run here.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE_BYTES:
            raise InputError(f"an Experiment must be smaller than 1 MiB; {path} has {size} bytes.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingError(f"there is no file {path}; name the YAML file of an Experiment.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} must be a YAML file that can be read; {error}.") from error
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> Experiment:
    """Read an Experiment from YAML.

    Args:
        text: One YAML document.
        source: What messages call it.

    Returns:
        The Experiment.

    Raises:
        InputError: If it is not an Experiment that can be run here.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{source} must be YAML; {shown(str(error), 200)[1:-1]}.") from error
    if not isinstance(document, Mapping) or document.get("kind") != "Experiment":
        raise InputError(f"{source} must be a mapping of the kind Experiment; got {shown(document)} instead.")
    if document.get("apiVersion") != API_VERSION:
        raise InputError(f"{source} must have the apiVersion {API_VERSION}; got {shown(document.get('apiVersion'))}.")
    metadata, spec = (_mapping(document.get(key), f"{key} of {source}") for key in ("metadata", "spec"))
    labels = _mapping(metadata.get("labels", {}), f"metadata.labels of {source}")
    family = labels.get(FAMILY_LABEL)
    if not isinstance(family, str):
        raise InputError(f"{source} must name the model family in the label {FAMILY_LABEL}; got {shown(family)}.")
    return Experiment(
        name=str(metadata.get("name", "")),
        family=family,
        space=_space(spec.get("parameters"), source),
        objective=_objective(_mapping(spec.get("objective"), f"spec.objective of {source}"), source),
        algorithm=_algorithm(_mapping(spec.get("algorithm"), f"spec.algorithm of {source}"), source),
        max_trials=_count(spec.get("maxTrialCount", 0), f"maxTrialCount of {source}"),
    )


def _space(items: Any, source: str) -> Space:
    if not isinstance(items, list) or not items:
        raise InputError(f"spec.parameters of {source} must be a list of parameters; got {shown(items)} instead.")
    space: dict[str, Range | OneOf] = {}
    for place, item in enumerate(items):
        name, kind = parameter(item, f"spec.parameters[{place}] of {source}")
        if name in space:
            raise InputError(f"each parameter of {source} must have its own name; got {shown(name)} twice.")
        space[name] = kind
    return space


def _objective(section: Mapping[str, Any], source: str) -> Objective:
    metric, kind, goal = (section.get(key) for key in ("objectiveMetricName", "type", "goal"))
    if metric not in HIGHER_IS_BETTER:
        raise InputError(
            f"objectiveMetricName of {source} must be one of {sorted(HIGHER_IS_BETTER)}; got {shown(metric)}."
        )
    expected: Literal["maximize", "minimize"] = "maximize" if HIGHER_IS_BETTER[str(metric)] else "minimize"
    if kind != expected:
        raise InputError(
            f"the objective's type of {source} must be {expected} for {metric}; got {shown(kind)} instead."
        )
    if goal is not None and (isinstance(goal, bool) or not isinstance(goal, int | float)):
        raise InputError(f"the objective's goal of {source} must be a number; got {shown(goal)} instead.")
    return Objective(str(metric), expected, None if goal is None else float(goal))


def _algorithm(section: Mapping[str, Any], source: str) -> str:
    name = section.get("algorithmName")
    if name not in ALGORITHMS:
        raise InputError(
            f"algorithmName of {source} must be one of {list(ALGORITHMS)} here; got {shown(name)} instead."
        )
    return str(name)


def _count(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{what} must be a positive whole number; got {shown(value)} instead.")
    return value


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{what} must be a mapping; got {shown(value)} instead.")
    return value
