"""One trial: a family with some parameters, cross-validated. The same code here and in a Katib trial's container."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import quote
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.fold_scores import scores
from headrace.core.features import matrix_layout
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import families, fitting
from headrace.core.models.families import Family
from headrace.core.splits.folds import Fold
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.search.median_stopping import StopRule
from headrace.experiments.search.result import Trial, TrialStatus, summary_of
from headrace.experiments.space import assignments
from headrace.experiments.space.experiment import Objective

_UNDEFINED = "no fold defines the objective"

Predictions = NDArray[np.float64]
Report = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True)
class TrainingSample:
    """The rows that every trial is fitted and scored on.

    Attributes:
        encoded: Model matrix (n, p).
        target: Encoded target (n,).
        folds: Made once for all trials.
        contract: The table's contract.
        seed: Seed of everything random in the fits.
    """

    encoded: Matrix
    target: Target
    folds: tuple[Fold, ...]
    contract: Contract
    seed: int = 0


class CrossValidation:
    """Runs trials on a sample, and keeps the out-of-fold predictions of the best.

    Attributes:
        sample: Rows and folds.
        objective: What is searched for.
    """

    def __init__(
        self, sample: TrainingSample, objective: Objective, pool: Executor, report: Report | None = None
    ) -> None:
        """Prepare.

        Args:
            sample: Rows and folds.
            objective: What is searched for.
            pool: Where folds run.
            report: Takes the value of each metric after each fold, as it is known; folds are then run one by one.
        """
        self.sample = sample
        self.objective = objective
        self._pool = pool
        self._report = report
        self._lock = threading.Lock()
        self._best: tuple[Trial, Predictions] | None = None

    @classmethod
    @contextmanager
    def on(cls, sample: TrainingSample, objective: Objective, report: Report | None = None) -> Iterator[Self]:
        """With a pool of as many threads as there are cores."""
        with ThreadPoolExecutor(fitting.cores()) as pool:
            yield cls(sample, objective, pool, report)

    def __call__(self, asked: TrialRequest) -> Trial:
        """See ``search.Run``."""
        began = time.monotonic()
        family, own = _choose_family(asked)
        trial = Trial(asked.number, asked.name, asked.experiment.name, family.name, own, "failed")
        try:
            ran = self._validate(family, own, asked)
        except Exception as error:  # noqa: BLE001 - whatever an estimator raises ends this trial, not the search
            sentence = f"{type(error).__name__}: {quote(str(error), 300)[1:-1]}"
            return replace(trial, seconds=time.monotonic() - began, error=sentence)
        trial = replace(self._with_scores(trial, ran), seconds=time.monotonic() - began)
        self._keep(trial, ran.predictions)
        return trial

    def predictions(self, trial: Trial) -> Predictions:
        """Out-of-fold predictions of a trial; it is run again unless it is the best that this object has run."""
        if self._best and self._best[0].number == trial.number:
            return self._best[1]
        return self._on(self.sample.folds, families.family(trial.family), trial.parameters).predictions

    def _keep(self, trial: Trial, predictions: Predictions) -> None:
        with self._lock:
            best = self._best[0] if self._best else None
            if trial.won and (best is None or self._beats(trial, best)):
                self._best = (trial, predictions)

    def _beats(self, trial: Trial, best: Trial) -> bool:
        if trial.score is None or best.score is None or trial.score == best.score:
            return trial.score is not None and trial.number < best.number
        return self.objective.better(trial.score, best.score)

    def _validate(self, family: Family, own: dict[str, Any], asked: TrialRequest) -> "_Ran":
        folds = self.sample.folds
        if asked.stop is None and self._report is None:
            found = self._on(folds, family, own)
            return _Ran(found.predictions, folds, found.warnings)
        return self._one_by_one(family, own, asked.stop or (lambda _: ""))

    def _one_by_one(self, family: Family, own: dict[str, Any], stop: StopRule) -> "_Ran":
        """Fold after fold, as long as the others are not better."""
        folds = self.sample.folds
        ran = _Ran(np.empty(0), (), ())
        for done in range(1, len(folds) + 1):
            found = self._on(folds[done - 1 : done], family, own)
            rows = folds[done - 1].held_out
            predictions = found.predictions if done == 1 else ran.predictions
            predictions[rows] = found.predictions[rows]
            ran = _Ran(predictions, folds[:done], tuple(sorted({*ran.warnings, *found.warnings})))
            if self._report:
                means_of = {name: _means(values) for name, values in self._by_fold(ran).items()}
                self._report({name: means[-1] for name, means in means_of.items() if means})
            means = _means(self._scores(predictions, ran.folds, self.objective.metric))
            why = stop(means) if means and done < len(folds) else ""
            if why:
                return replace(ran, stopped=why)
        return ran

    def _on(self, folds: tuple[Fold, ...], family: Family, own: dict[str, Any]) -> fitting.OutOfFold:
        sample = self.sample
        return fitting.out_of_fold(
            lambda: family.build(
                matrix_layout.columns(sample.contract), task=sample.contract.task, parameters=own, seed=sample.seed
            ),
            sample.encoded,
            sample.target,
            folds=folds,
            classes=len(matrix_layout.classes(sample.contract)),
            pool=self._pool,
        )

    def _scores(self, predictions: Predictions, folds: Sequence[Fold], metric: str) -> list[float]:
        sample = self.sample
        return scores(sample.target, predictions, folds=folds, contract=sample.contract, metric=metric)

    def _by_fold(self, ran: "_Ran") -> dict[str, list[float]]:
        """What each fold that was run is worth, by metric."""
        return {name: self._scores(ran.predictions, ran.folds, name) for name in self.objective.metrics}

    def _with_scores(self, trial: Trial, ran: "_Ran") -> Trial:
        """A trial that ran, with what came of it."""
        by_fold = self._by_fold(ran)
        reported = {name: tuple(_means(found)) for name, found in by_fold.items()}
        values = reported[self.objective.metric]
        status: TrialStatus = "early_stopped" if ran.stopped else "succeeded"
        return replace(
            trial,
            status=status if values else "metrics_unavailable",
            score=self.objective.value(values) if values else None,
            metrics=summary_of(reported),
            reported=values,
            scores=tuple(value for value in by_fold[self.objective.metric] if math.isfinite(value)),
            error=ran.stopped if values else _UNDEFINED,
            warnings=ran.warnings,
        )


@dataclass(frozen=True)
class _Ran:
    """Predictions of the folds that were run, and why no more were."""

    predictions: Predictions
    folds: tuple[Fold, ...]
    warnings: tuple[str, ...]
    stopped: str = ""


def _choose_family(asked: TrialRequest) -> tuple[Family, dict[str, Any]]:
    if not asked.values:
        return families.family(asked.experiment.family), {}
    return assignments.choose_family(asked.experiment, asked.values)


def _means(values: Sequence[float]) -> list[float]:
    """The mean of the defined values so far, from the first defined one on."""
    means: list[float] = []
    seen: list[float] = []
    for value in values:
        if math.isfinite(value):
            seen.append(value)
        if seen:
            means.append(sum(seen) / len(seen))
    return means
