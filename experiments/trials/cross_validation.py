"""One trial: the cross-validation of a family with some parameters. Local and Katib trials run the same code."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from headrace.core.base.errors import quote
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.fold_scores import scores
from headrace.core.evaluation.search_trials import Trial, TrialStatus
from headrace.core.features import matrix_layout
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import families, fitting
from headrace.core.models.family import Family
from headrace.core.models.objectives.build_pipeline import build_pipeline
from headrace.core.models.objectives.class_weights import ClassWeights
from headrace.core.splits.folds import Fold
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.search.median_stopping import StopRule
from headrace.experiments.search.result import summary_of
from headrace.experiments.space import assignments
from headrace.experiments.space.experiment import Objective
from headrace.experiments.trials.trial_predictions import Predictions, TrialPredictions

_UNDEFINED = "no fold defines the objective"

Report = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True)
class TrainingSample:
    """The rows on which every trial is fitted and scored.

    Attributes:
        encoded: Model matrix (n, p).
        target: Encoded target (n,).
        folds: The folds, which all trials share.
        contract: The table's contract.
        seed: Seed of everything random in the fits.
    """

    encoded: Matrix
    target: Target
    folds: tuple[Fold, ...]
    contract: Contract
    seed: int = 0


class CrossValidation:
    """Runs trials on a sample, and stores the out-of-fold predictions of the best.

    Attributes:
        sample: Rows and folds.
        objective: The objective.
    """

    def __init__(
        self,
        sample: TrainingSample,
        objective: Objective,
        pool: Executor,
        report: Report | None = None,
        *,
        kept: TrialPredictions | None = None,
    ) -> None:
        """Set the sample, the objective and the pool.

        Args:
            sample: Rows and folds.
            objective: The objective.
            pool: Runs the folds.
            report: Takes the value of each metric after each fold; folds then run one by one. None for no reports.
            kept: Keeps the out-of-fold predictions of all trials; None to keep those of the best only.
        """
        self.sample = sample
        self.objective = objective
        self._pool = pool
        self._report = report
        self._kept = kept
        self._lock = threading.Lock()
        self._best: tuple[Trial, Predictions] | None = None

    @classmethod
    @contextmanager
    def on(
        cls,
        sample: TrainingSample,
        objective: Objective,
        report: Report | None = None,
        *,
        kept: TrialPredictions | None = None,
    ) -> Iterator[Self]:
        """Open a cross-validation with a pool of as many threads as there are cores."""
        with ThreadPoolExecutor(fitting.cores()) as pool:
            yield cls(sample, objective, pool, report, kept=kept)

    def __call__(self, request: TrialRequest) -> Trial:
        """Run a trial; see ``TrialRunner``."""
        began = time.monotonic()
        family, parameters = _choose_family(request)
        trial = Trial(request.number, request.name, request.experiment.name, family.name, parameters, "failed")
        try:
            validation = self._validate(family, parameters, request)
        except Exception as error:  # noqa: BLE001 - whatever an estimator raises ends this trial, not the search
            sentence = f"{type(error).__name__}: {quote(str(error), 300)[1:-1]}"
            return replace(trial, seconds=time.monotonic() - began, error=sentence)
        trial = replace(self._with_scores(trial, validation), seconds=time.monotonic() - began)
        self._keep(trial, validation.predictions)
        return trial

    def predictions(self, trial: Trial) -> Predictions:
        """Return the out-of-fold predictions of a trial: probabilities (m, k) or values (m,).

        The trial is run again unless it is the best that this object has run, or its predictions are kept.
        """
        if self._best and self._best[0].number == trial.number:
            return self._best[1]
        kept = self._kept.find(trial) if self._kept else None
        if kept is not None and len(kept) == len(self.sample.target):
            return kept
        return self._on(self.sample.folds, families.family(trial.family), trial.parameters).predictions

    def _keep(self, trial: Trial, predictions: Predictions) -> None:
        if self._kept:
            self._kept.add(trial, predictions)
        with self._lock:
            best = self._best[0] if self._best else None
            if trial.won and (best is None or self._beats(trial, best)):
                self._best = (trial, predictions)

    def _beats(self, trial: Trial, best: Trial) -> bool:
        if trial.score is None or best.score is None or trial.score == best.score:
            return trial.score is not None and trial.number < best.number
        return self.objective.better(trial.score, best.score)

    def _validate(self, family: Family, own: dict[str, Any], request: TrialRequest) -> "_ValidationRun":
        folds = self.sample.folds
        if request.stop is None and self._report is None:
            out_of_fold = self._on(folds, family, own)
            return _ValidationRun(out_of_fold.predictions, folds, out_of_fold.warnings)
        return self._one_by_one(family, own, request.stop or (lambda _: ""))

    def _one_by_one(self, family: Family, own: dict[str, Any], stop: StopRule) -> "_ValidationRun":
        """Run fold after fold, until ``stop`` says that other trials are better."""
        folds = self.sample.folds
        validation = _ValidationRun(np.empty(0), (), ())
        for count in range(1, len(folds) + 1):
            out_of_fold = self._on(folds[count - 1 : count], family, own)
            # Rows of folds that have not run stay NaN.
            rows = folds[count - 1].held_out
            predictions = out_of_fold.predictions if count == 1 else validation.predictions
            predictions[rows] = out_of_fold.predictions[rows]
            validation = _ValidationRun(
                predictions, folds[:count], tuple(sorted({*validation.warnings, *out_of_fold.warnings}))
            )
            if self._report:
                means_of = {name: _means(values) for name, values in self._by_fold(validation).items()}
                self._report({name: means[-1] for name, means in means_of.items() if means})
            means = _means(self._scores(predictions, validation.folds, self.objective.metric))
            reason = stop(means) if means and count < len(folds) else ""
            if reason:
                return replace(validation, stopped=reason)
        return validation

    def _on(self, folds: tuple[Fold, ...], family: Family, own: dict[str, Any]) -> fitting.OutOfFold:
        sample = self.sample
        return fitting.out_of_fold(
            lambda: build_pipeline(family, sample.contract, parameters=own, seed=sample.seed),
            sample.encoded,
            sample.target,
            folds=folds,
            classes=len(matrix_layout.classes(sample.contract)),
            pool=self._pool,
            weights=ClassWeights.of(sample.contract),
        )

    def _scores(self, predictions: Predictions, folds: Sequence[Fold], metric: str) -> list[float]:
        sample = self.sample
        return scores(sample.target, predictions, folds=folds, contract=sample.contract, metric=metric)

    def _by_fold(self, validation: "_ValidationRun") -> dict[str, list[float]]:
        """Return the score of each fold that was run, by metric."""
        return {name: self._scores(validation.predictions, validation.folds, name) for name in self.objective.metrics}

    def _with_scores(self, trial: Trial, validation: "_ValidationRun") -> Trial:
        """Return the trial with the scores of its validation."""
        by_fold = self._by_fold(validation)
        reported = {name: tuple(_means(fold_scores)) for name, fold_scores in by_fold.items()}
        values = reported[self.objective.metric]
        status: TrialStatus = "early_stopped" if validation.stopped else "succeeded"
        return replace(
            trial,
            status=status if values else "metrics_unavailable",
            score=self.objective.value(values) if values else None,
            metrics=summary_of(reported),
            reported=values,
            scores=tuple(value for value in by_fold[self.objective.metric] if math.isfinite(value)),
            error=validation.stopped if values else _UNDEFINED,
            warnings=validation.warnings,
        )


@dataclass(frozen=True)
class _ValidationRun:
    """Predictions of the folds that were run, and why it stopped early."""

    predictions: Predictions
    folds: tuple[Fold, ...]
    warnings: tuple[str, ...]
    stopped: str = ""


def _choose_family(request: TrialRequest) -> tuple[Family, dict[str, Any]]:
    if not request.values:
        return families.family(request.experiment.family), {}
    return assignments.choose_family(request.experiment, request.values)


def _means(values: Sequence[float]) -> list[float]:
    """Return the running mean of the finite values, from the first of them on."""
    means: list[float] = []
    finite: list[float] = []
    for value in values:
        if math.isfinite(value):
            finite.append(value)
        if finite:
            means.append(sum(finite) / len(finite))
    return means
