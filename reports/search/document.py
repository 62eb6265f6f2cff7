"""The document of a search, as its JSON holds it; see ``docs/tuning.schema.json``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from headrace.core.base.errors import InputError, quote
from headrace.core.evaluation.ensemble_estimate import EnsembleEstimate
from headrace.core.evaluation.search_trials import NestedEstimate, Trial

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class SearchFacts:
    """A search.

    Attributes:
        metric: Name of the objective.
        minimize: Whether smaller values of it are better.
        trials: All trials in order.
        best: The best one; None if no trial succeeded.
        tuner: Where the trials ran.
        experiments: Names of the Experiments.
        algorithm: Names of their algorithms.
        goal: Score that ends the search; None without one.
        strategy: Which of the values that a trial reports counts: ``min``, ``max`` or ``latest``.
        rows: Rows that each trial used; 0 if that is not known.
        folds: Folds of its cross-validation; 0 without cross-validation.
        reason: Why it ended, in a word; empty if it failed.
        seconds: Duration.
        nested: Result of nested cross-validation; None if there was none.
        ensemble: The ensemble of the trials beside the best one; None if none was asked for.
    """

    metric: str
    minimize: bool
    trials: tuple[Trial, ...]
    best: Trial | None = None
    tuner: str = ""
    experiments: tuple[str, ...] = ()
    algorithm: str = ""
    goal: float | None = None
    strategy: str = "latest"
    rows: int = 0
    folds: int = 0
    reason: str = ""
    seconds: float = 0.0
    nested: NestedEstimate | None = field(default=None)
    ensemble: EnsembleEstimate | None = field(default=None)

    @classmethod
    def from_json(cls, facts: Facts) -> Self:
        """Read the trials that the step ``tune`` left.

        Args:
            facts: Content of its ``trials``.

        Raises:
            InputError: If the content is not that of a search.
        """
        try:
            return cls(**_search(facts))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"the trials must be what the step tune leaves, as docs/tuning.schema.json says; got {quote(facts)} "
                f"({type(error).__name__}: {error})."
            ) from error

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """All trials: those that ran to their end by their score, then those that were ended early, then the others."""
        return tuple(sorted(self.trials, key=self._rank))

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the families, that of the best trial first."""
        return tuple(dict.fromkeys(trial.family for trial in self.ranked))

    def better(self, score: float, than: float) -> bool:
        """Return whether a score is better than another."""
        return score < than if self.minimize else score > than

    def gain(self, score: float, over: float) -> float:
        """Return by how much a score is better than another; below 0 if it is worse."""
        return over - score if self.minimize else score - over

    def _rank(self, trial: Trial) -> tuple[int, float, int]:
        place = 0 if trial.finished is not None else 1 if trial.score is not None else 2
        score = 0.0 if trial.score is None else trial.score if self.minimize else -trial.score
        return place, score, trial.number


def _search(facts: Facts) -> dict[str, Any]:
    trials = tuple(Trial.from_json(one) for one in facts["trials"])
    objective = facts["objective"]
    metric, nested, ensemble = str(objective["metric"]), facts.get("nested"), facts.get("ensemble")
    minimize = objective["type"] == "minimize"
    return {
        **_known_fields(SearchFacts, facts, without=("metric", "minimize", "goal", "strategy")),
        "metric": metric,
        "minimize": minimize,
        "goal": objective.get("goal"),
        "strategy": (objective.get("strategies") or {}).get(metric, "min" if minimize else "max"),
        "trials": trials,
        "best": next((trial for trial in trials if trial.number == facts["best"]), None),
        "nested": NestedEstimate.from_json(nested) if nested else None,
        "ensemble": EnsembleEstimate.from_json(ensemble) if ensemble else None,
    }


def _known_fields(kind: type, facts: Facts, without: Iterable[str] = ()) -> dict[str, Any]:
    """Return the values that a class has fields for, lists as tuples."""
    names = set(kind.__dataclass_fields__) - set(without)  # type: ignore[attr-defined]  # of a dataclass
    return {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items() if name in names}
