"""The trials of a search and what its nested cross-validation estimates, as ``docs/tuning.schema.json`` has them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

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
        rounds: Rounds of boosting that its folds found, which are among the parameters; 0 if they were not looked for.
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
    rounds: int = 0

    @property
    def won(self) -> bool:
        """Whether its score may be compared with others; a partial score may not."""
        return self.finished is not None

    @property
    def finished(self) -> float | None:
        """Its score, if it ran to its end; a partial score is not compared with others."""
        return self.score if self.status == "succeeded" else None

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

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Return the estimate of plain values, as the document of a search holds it.

        Raises:
            KeyError: If a field is missing.
            TypeError: If a field is unknown or missing.
        """
        return cls(**{**facts, "folds": tuple(OuterFold(**fold) for fold in facts["folds"])})
