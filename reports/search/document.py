"""The document of a search, as its JSON holds it; see ``docs/tuning.schema.json``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from headrace.core.base.errors import InputError, quote

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class TrialFacts:
    """A trial and its result.

    Attributes:
        number: Place in the search, from 0.
        name: Its name.
        family: The model's family; empty for a pipeline.
        parameters: Its parameters; absent ones have their defaults.
        status: ``succeeded``, ``early_stopped``, ``failed``, ``metrics_unavailable`` or ``killed``.
        score: The objective; a partial one if the trial was stopped early; None without one.
        reported: Reported values of the objective, in order.
        scores: The objective on each fold.
        seconds: Duration.
        error: Why there is no score, or why it was stopped early.
        warnings: Warnings of the fit.
        bundle: Address of its bundle; empty without one.
    """

    number: int
    family: str
    parameters: Facts
    status: str
    name: str = ""
    score: float | None = None
    reported: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()
    bundle: str = ""

    @property
    def finished(self) -> float | None:
        """Its score, if it ran to its end; a partial score is not compared with others."""
        return self.score if self.status == "succeeded" else None


@dataclass(frozen=True)
class OuterFoldFacts:
    """One fold of a nested cross-validation: what the search on the other rows chose, and what that was worth.

    Attributes:
        family: The family that was chosen.
        parameters: Its parameters.
        inner_score: The best score of the inner search.
        score: The score on the outer fold.
    """

    family: str
    parameters: Facts
    inner_score: float
    score: float


@dataclass(frozen=True)
class NestedFacts:
    """Nested cross-validation: scores of the search on rows that it has not seen.

    Attributes:
        folds: Each outer fold.
        score: Mean of their scores.
        inner_score: Mean of the best scores of their searches.
        optimism: By how much the inner searches overestimate themselves.
        low: Lower end of the 95 % interval of ``score``; None if it is not known.
        high: Upper end.
    """

    folds: tuple[OuterFoldFacts, ...]
    score: float
    inner_score: float
    optimism: float
    low: float | None = None
    high: float | None = None


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
    """

    metric: str
    minimize: bool
    trials: tuple[TrialFacts, ...]
    best: TrialFacts | None = None
    tuner: str = ""
    experiments: tuple[str, ...] = ()
    algorithm: str = ""
    goal: float | None = None
    strategy: str = "latest"
    rows: int = 0
    folds: int = 0
    reason: str = ""
    seconds: float = 0.0
    nested: NestedFacts | None = field(default=None)

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
    def ranked(self) -> tuple[TrialFacts, ...]:
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

    def _rank(self, trial: TrialFacts) -> tuple[int, float, int]:
        place = 0 if trial.finished is not None else 1 if trial.score is not None else 2
        score = 0.0 if trial.score is None else trial.score if self.minimize else -trial.score
        return place, score, trial.number


def _search(facts: Facts) -> dict[str, Any]:
    trials = tuple(TrialFacts(**_known_fields(TrialFacts, one)) for one in facts["trials"])
    objective = facts["objective"]
    metric, nested = str(objective["metric"]), facts.get("nested")
    minimize = objective["type"] == "minimize"
    return {
        **_known_fields(SearchFacts, facts, without=("metric", "minimize", "goal", "strategy")),
        "metric": metric,
        "minimize": minimize,
        "goal": objective.get("goal"),
        "strategy": (objective.get("strategies") or {}).get(metric, "min" if minimize else "max"),
        "trials": trials,
        "best": next((trial for trial in trials if trial.number == facts["best"]), None),
        "nested": _parse_nested(nested) if nested else None,
    }


def _parse_nested(facts: Facts) -> NestedFacts:
    folds = tuple(OuterFoldFacts(**_known_fields(OuterFoldFacts, fold)) for fold in facts["folds"])
    return NestedFacts(**{**_known_fields(NestedFacts, facts), "folds": folds})


def _known_fields(kind: type, facts: Facts, without: Iterable[str] = ()) -> dict[str, Any]:
    """Return the values that a class has fields for, lists as tuples."""
    names = set(kind.__dataclass_fields__) - set(without)  # type: ignore[attr-defined]  # of a dataclass
    return {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items() if name in names}
