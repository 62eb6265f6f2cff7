"""What a search found out about an ensemble of its trials, as ``docs/tuning.schema.json`` has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class WeightedTrial:
    """A trial in an ensemble.

    Attributes:
        trial: Its number.
        family: Name of its family.
        parameters: Its hyperparameters that differ from the defaults.
        weight: Its share of the mean.
    """

    trial: int
    family: str
    parameters: dict[str, Any]
    weight: float


@dataclass(frozen=True)
class EnsembleEstimate:
    """The ensemble of a search beside its best trial, each chosen again without the fold that it is measured on.

    Attributes:
        method: How the weights are chosen, ``greedy`` or ``stacking``.
        taken: Whether the ensemble is the result of the search.
        members: The trials with a weight above 0, the heaviest first; empty if there is no ensemble.
        score: Mean over the folds of the ensemble's score; None if it could not be estimated.
        best_score: The same of the best trial.
        gain: By how much the ensemble is better, in the unit of the objective; below 0 if it is worse.
        standard_error: Standard error of the gain, which accounts for shared training rows; None if there is one fold.
        reason: Why the ensemble is taken or not, and what was left out of it, as sentences.
    """

    method: str
    taken: bool
    members: tuple[WeightedTrial, ...] = field(default=())
    score: float | None = None
    best_score: float | None = None
    gain: float | None = None
    standard_error: float | None = None
    reason: str = ""

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Return the estimate of plain values, as the document of a search holds it.

        Raises:
            KeyError: If a field is missing.
            TypeError: If a field is unknown or missing.
        """
        return cls(**{**facts, "members": tuple(WeightedTrial(**one) for one in facts["members"])})
