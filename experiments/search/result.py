"""The result of a search, the same wherever it ran."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headrace.core.evaluation.ensemble_estimate import EnsembleEstimate
from headrace.core.evaluation.search_trials import NestedEstimate, Trial
from headrace.experiments.space.experiment import Objective

FORMAT = 2


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        trials: All trials in order.
        best: The best of the completed trials; the first of equals.
        reason: Why it ended, in Katib's terms: ``MaxTrialsReached``, ``GoalReached``, ``SuggestionEndReached``; or
            ``TimeReached``.
        chosen: What the search ends with: the best trial, or one that stands for an ensemble; None for the best one.
        ensemble: The ensemble beside the best trial; None if there was nothing to compare.
    """

    trials: tuple[Trial, ...]
    best: Trial
    reason: str
    chosen: Trial | None = None
    ensemble: EnsembleEstimate | None = None

    @property
    def model(self) -> Trial:
        """The trial whose family and parameters are fitted, which may stand for an ensemble."""
        return self.chosen or self.best


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
        ensemble: The ensemble of the trials beside the best one; None if none was asked for.
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
    ensemble: EnsembleEstimate | None = None
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
