"""Katib Experiments (kubeflow.org/v1beta1): search space, objective, algorithm and limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from headrace.core.contracts.contract import Objective as ObjectiveKind
from headrace.core.contracts.contract import Task
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER, MAIN, OF_OBJECTIVE
from headrace.experiments.space.search_space import SearchSpace

API_VERSION = "kubeflow.org/v1beta1"
KIND = "Experiment"
FAMILY_LABEL = "headrace/family"
FAMILY_PARAMETER = "family"
"""A categorical parameter of this name searches over families."""
PIPELINE = "headrace/pipeline"
ARGUMENTS = "headrace/arguments"
"""Annotations of an Experiment whose trials run a compiled pipeline: its file, and arguments that all trials share."""

Strategy = Literal["min", "max", "latest"]


@dataclass(frozen=True)
class Objective:
    """The objective of a search.

    Attributes:
        metric: Name of the metric.
        type: ``maximize`` or ``minimize``.
        goal: Value at which the search ends; None to use the whole budget.
        additional: Further metrics to record.
        strategies: Which of a trial's reported values counts, by metric; for a metric that is absent, the largest if
            ``type`` is ``maximize``, else the smallest.
    """

    metric: str
    type: Literal["maximize", "minimize"]
    goal: float | None = None
    additional: tuple[str, ...] = ()
    strategies: Mapping[str, Strategy] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics, the objective's first."""
        return (self.metric, *self.additional)

    def strategy(self, metric: str) -> Strategy:
        """Return which of the values of a metric counts."""
        return self.strategies.get(metric, "max" if self.type == "maximize" else "min")

    def value(self, reported: Sequence[float], metric: str = "") -> float:
        """Return the value that counts among those that a trial reported.

        Args:
            reported: The values, in order; at least one.
            metric: Name of the metric; empty for the objective's.
        """
        strategy = self.strategy(metric or self.metric)
        if strategy == "latest":
            return reported[-1]
        return min(reported) if strategy == "min" else max(reported)

    def better(self, score: float, than: float) -> bool:
        """Return whether a score is better than another."""
        return score > than if self.type == "maximize" else score < than

    def is_reached(self, score: float) -> bool:
        """Return whether a score is as good as the goal."""
        return self.goal is not None and (score == self.goal or self.better(score, self.goal))


@dataclass(frozen=True)
class Experiment:
    """A search.

    Attributes:
        name: Name of the Experiment.
        family: Model family that the parameters belong to; empty if they choose among families, or are a pipeline's.
        space: The allowed values of each parameter.
        objective: The objective.
        algorithm: One of ``algorithms.SETTINGS``.
        settings: The algorithm's settings by name.
        stopping: Settings of ``medianstop``, which stops a trial that falls behind; None to stop none.
        max_trials: Largest number of trials; 0 for no limit.
        parallel: Number of parallel trials.
        max_failed: Number of failed trials at which the search fails; 0 for no limit.
        pipeline: File of the compiled pipeline that a trial runs; empty if a trial fits a model.
        arguments: Arguments of that pipeline that all trials share.
        document: The document from which it was read; empty if there is none.
    """

    name: str
    family: str
    space: SearchSpace = field(default_factory=dict)
    objective: Objective = Objective("roc_auc", "maximize")
    algorithm: str = "tpe"
    settings: Mapping[str, Any] = field(default_factory=dict)
    stopping: Mapping[str, Any] | None = None
    max_trials: int = 0
    parallel: int = 1
    max_failed: int = 0
    pipeline: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)

    def for_task(self, task: Task, kind: ObjectiveKind = "mean") -> "Experiment":
        """Return the same search with the main metric of a task and its objective, and without limits of its own."""
        return replace(self, objective=objective_of(task, kind), max_trials=0, max_failed=0)

    def with_max_trials(self, trials: int) -> "Experiment":
        """Return the same search with another number of trials, and no other count above it."""
        failed = min(self.max_failed, trials)
        return replace(self, max_trials=trials, parallel=min(self.parallel, trials), max_failed=failed)


def objective_of(task: Task, kind: ObjectiveKind = "mean") -> Objective:
    """Return the main metric of a task, and of what its regression predicts, as an objective."""
    metric = OF_OBJECTIVE.get(kind, MAIN[task])
    direction: Literal["maximize", "minimize"] = "maximize" if HIGHER_IS_BETTER[metric] else "minimize"
    return Objective(metric, direction, strategies={metric: "latest"})
