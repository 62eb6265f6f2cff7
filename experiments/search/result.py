"""The result of a search, the same wherever it ran."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from headrace.experiments.space.experiment import Objective

FORMAT = 2

TrialStatus = Literal["succeeded", "failed", "early_stopped", "metrics_unavailable", "killed"]


@dataclass(frozen=True)
class Trial:
    """A trial and its result.

    Attributes:
        number: Position in the search, from 0.
        name: Its name, unique in the search.
        experiment: Name of the Experiment.
        family: Name of the model's family; empty for a pipeline.
        parameters: The family's hyperparameters that differ from the defaults, or the pipeline's arguments.
        status: Its outcome, in Katib's terms.
        score: Value of the objective by its strategy, partial for a trial that was stopped early; None if there is
            none.
        metrics: ``latest``, ``min`` and ``max`` of the reported values, by metric.
        reported: Values of the objective in the order in which they were reported; for a cross-validation, the mean of
            the folds so far.
        scores: The objective on each fold; empty for a pipeline.
        seconds: How long it took.
        error: Why there is no score, or why it was stopped early; empty otherwise.
        warnings: Warnings of scikit-learn, such as that a solver did not converge.
        bundle: Address of its bundle; empty if none was stored.
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
        """Whether its score may be compared with others; a partial score may not."""
        return self.status == "succeeded" and self.score is not None

    def as_json(self) -> dict[str, Any]:
        """Return the trial as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Return the trial of plain values that ``as_json`` wrote.

        Raises:
            TypeError: If a field is unknown or missing.
        """
        return cls(**{**facts, **{name: tuple(facts[name]) for name in ("reported", "scores", "warnings")}})


@dataclass(frozen=True)
class OuterFold:
    """One fold of a nested cross-validation.

    Attributes:
        family: Family that the search on the other rows chose.
        parameters: Its parameters.
        inner_score: The best score of that search.
        score: The score of its choice, on the fold.
    """

    family: str
    parameters: dict[str, Any]
    inner_score: float
    score: float


@dataclass(frozen=True)
class NestedEstimate:
    """The estimated performance of a search on new rows.

    Attributes:
        folds: Each outer fold.
        score: Mean of their scores, which estimates the performance of the search.
        inner_score: Mean of the best scores of their searches.
        optimism: By how much the searches' own best scores exceed ``score``; positive if they were too optimistic.
        low: Lower end of the 95 % interval of ``score``, which accounts for shared training rows; None if there
            is one fold.
        high: Upper end; None if there is one fold.
    """

    folds: tuple[OuterFold, ...]
    score: float
    inner_score: float
    optimism: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        trials: All trials in order.
        best: The best of the completed trials; the first of equals.
        reason: Why it ended, in Katib's terms: ``MaxTrialsReached``, ``GoalReached``, ``SuggestionEndReached``; or
            ``TimeReached``.
    """

    trials: tuple[Trial, ...]
    best: Trial
    reason: str


@dataclass(frozen=True)
class SearchDocument:
    """The document of a search for programs: what was searched, every trial, and which was best.

    Attributes:
        tuner: Where the trials ran: ``local`` or ``katib``.
        experiments: Names of the Experiments.
        algorithm: Names of their algorithms, with commas.
        objective: The objective.
        rows: Rows that each trial used.
        folds: Folds of its cross-validation.
        reason: Why it ended; empty if it failed.
        seconds: How long it took.
        trials: All trials in order.
        best: Number of the best one; None if there is none.
        nested: The estimate of nested cross-validation; None if it was not run.
        format: Version of this document's format.
    """

    tuner: str
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
        """Return the document as plain values; see ``docs/tuning.schema.json``."""
        return asdict(self)


def best_of(trials: tuple[Trial, ...], objective: Objective) -> Trial | None:
    """Return the best of the completed trials; the first of equals; None if there is none."""
    best: Trial | None = None
    for trial in trials:
        if not trial.won or trial.score is None:
            continue
        if best is None or best.score is None or objective.better(trial.score, best.score):
            best = trial
    return best


def summary_of(reported: Mapping[str, tuple[float, ...]]) -> dict[str, dict[str, float]]:
    """Return a trial's ``metrics`` from the values that it reported."""
    return {
        name: {"latest": values[-1], "min": min(values), "max": max(values)}
        for name, values in reported.items()
        if values
    }
