"""What came of a search, the same wherever it ran."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from headrace.experiments.space.experiment import Objective

FORMAT = 2

TrialStatus = Literal["succeeded", "failed", "early_stopped", "metrics_unavailable", "killed"]


@dataclass(frozen=True)
class Trial:
    """What was tried and what came of it.

    Attributes:
        number: Place in the search, from 0.
        name: Its name, unique in the search.
        experiment: Name of the Experiment.
        family: Name of the model's family; empty for a pipeline.
        parameters: The family's hyperparameters that differ from the defaults, or the pipeline's arguments.
        status: What became of it, as Katib says it.
        score: Value of the objective by its strategy; of a trial that was ended early, of what it reached; None if
            there is none.
        metrics: ``latest``, ``min`` and ``max`` of what was reported, by metric.
        reported: Values of the objective in the order in which it told them; of a cross-validation the mean of the
            folds so far.
        scores: The objective on each fold; empty for a pipeline.
        seconds: How long it took.
        error: Why there is no score, or why it was ended early; empty otherwise.
        warnings: What scikit-learn had to say, such as that a solver did not converge.
        bundle: Where its bundle lies; empty if none was kept.
    """

    number: int
    name: str
    experiment: str
    family: str
    parameters: dict[str, Any]
    status: TrialStatus
    score: float | None = None
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    reported: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()
    bundle: str = ""

    @property
    def won(self) -> bool:
        """Whether it may be compared with others: a partial score may not."""
        return self.status == "succeeded" and self.score is not None

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` gave.

        Raises:
            TypeError: If it is something else.
        """
        return cls(**{**facts, **{name: tuple(facts[name]) for name in ("reported", "scores", "warnings")}})


@dataclass(frozen=True)
class OuterFold:
    """One fold of a nested cross-validation.

    Attributes:
        family: Family that the search on the other rows chose.
        parameters: Its parameters.
        searched: The best score of that search.
        score: The score of what it chose, on the fold.
    """

    family: str
    parameters: dict[str, Any]
    searched: float
    score: float


@dataclass(frozen=True)
class NestedEstimate:
    """What a search is worth on rows that it has not seen.

    Attributes:
        folds: Each outer fold.
        score: Mean of their scores: what the search is worth.
        searched: Mean of the best scores of their searches.
        optimism: How much better the searches thought they were than they are; positive if they flattered themselves.
        low: Lower end of the 95 % interval of ``score``, which knows that folds share training rows; None if there
            is one fold.
        high: Upper end; None if there is one fold.
    """

    folds: tuple[OuterFold, ...]
    score: float
    searched: float
    optimism: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        trials: All trials in order.
        best: The best of those that ran to their end; of equals the first.
        reason: Why it ended, in a word of Katib's: ``MaxTrialsReached``, ``GoalReached``, ``SuggestionEndReached``; or
            ``TimeReached``.
    """

    trials: tuple[Trial, ...]
    best: Trial
    reason: str


@dataclass(frozen=True)
class SearchDocument:
    """A search as it is told to programs: what was searched, every trial, and which was best.

    Attributes:
        engine: Where the trials ran: ``local`` or ``katib``.
        experiments: Names of the Experiments.
        algorithm: Names of their algorithms, with commas.
        objective: What was searched for.
        rows: Rows that each trial used.
        folds: Folds of its cross-validation.
        reason: Why it ended; empty if it failed.
        seconds: How long it took.
        trials: All trials in order.
        best: Number of the best one; None if there is none.
        nested: What nested cross-validation says of the search; None if it was not asked for.
        format: Number of this form.
    """

    engine: str
    experiments: tuple[str, ...]
    algorithm: str
    objective: Objective
    rows: int
    folds: int
    reason: str
    seconds: float
    trials: tuple[Trial, ...]
    best: int | None
    nested: NestedEstimate | None = None
    format: int = FORMAT

    def as_json(self) -> dict[str, Any]:
        """As plain values; see ``docs/tuning.schema.json``."""
        return asdict(self)


def best_of(trials: tuple[Trial, ...], objective: Objective) -> Trial | None:
    """The best trial of those that ran to their end; of equals the first; None if there is none."""
    best: Trial | None = None
    for trial in trials:
        if not trial.won or trial.score is None:
            continue
        if best is None or best.score is None or objective.better(trial.score, best.score):
            best = trial
    return best


def summary_of(reported: Mapping[str, tuple[float, ...]]) -> dict[str, dict[str, float]]:
    """What a trial's ``metrics`` hold, from the values that it reported."""
    return {
        name: {"latest": values[-1], "min": min(values), "max": max(values)}
        for name, values in reported.items()
        if values
    }
