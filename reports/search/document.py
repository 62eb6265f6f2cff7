"""All that is known of a search, as its JSON tells it; see ``docs/tuning.schema.json``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from headrace.core.base.errors import InputError, quote

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class TrialFacts:
    """What was tried and what came of it.

    Attributes:
        number: Place in the search, from 0.
        name: Its name.
        family: The model's family; empty for a pipeline.
        parameters: What was given to it; what is absent has its default.
        status: ``succeeded``, ``early_stopped``, ``failed``, ``metrics_unavailable`` or ``killed``.
        score: The objective; of a trial that was ended early, what it had reached; None if there is none.
        reported: The objective as it was reported, in order.
        scores: The objective on each fold.
        seconds: How long it took.
        error: Why there is no score, or why it was ended early.
        warnings: What there was to warn of.
        bundle: Where its bundle lies; empty if there is none.
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
        searched: The best score of that search.
        score: The score on the fold.
    """

    family: str
    parameters: Facts
    searched: float
    score: float


@dataclass(frozen=True)
class NestedFacts:
    """What the search is worth on rows that it has not seen.

    Attributes:
        folds: Each outer fold.
        score: Mean of their scores.
        searched: Mean of the best scores of their searches.
        optimism: How much better the searches thought they were than they are.
        low: Lower end of the 95 % interval of ``score``; None if it is not known.
        high: Upper end.
    """

    folds: tuple[OuterFoldFacts, ...]
    score: float
    searched: float
    optimism: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SearchFacts:
    """A search.

    Attributes:
        metric: Name of what was searched for.
        minimize: Whether less of it is better.
        trials: All trials in order.
        best: The best one; None if there is none.
        engine: Where the trials ran.
        experiments: Names of the Experiments.
        algorithm: Names of their algorithms.
        goal: Score at which it was to end; None for none.
        strategy: Which of the values that a trial reports counts: ``min``, ``max`` or ``latest``.
        rows: Rows that each trial used; 0 if that is not known.
        folds: Folds of its cross-validation; 0 if there were none.
        reason: Why it ended, in a word; empty if it failed.
        seconds: How long it took.
        nested: What nested cross-validation says of it; None if it was not asked for.
    """

    metric: str
    minimize: bool
    trials: tuple[TrialFacts, ...]
    best: TrialFacts | None = None
    engine: str = ""
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
        """Read what the step ``tune`` told.

        Args:
            facts: Content of its ``trials``.

        Raises:
            InputError: If it is something else.
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
        """Whether a score is better than another."""
        return score < than if self.minimize else score > than

    def gain(self, score: float, over: float) -> float:
        """By how much a score is better than another; below 0 if it is worse."""
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
    """The values that a class has a place for, lists as tuples."""
    names = set(kind.__dataclass_fields__) - set(without)  # type: ignore[attr-defined]  # of a dataclass
    return {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items() if name in names}
