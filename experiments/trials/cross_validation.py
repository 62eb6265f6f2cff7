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
from headrace.core.models import families, fitting, fold_trees
from headrace.core.models.boosting import rounds
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


class _TimeOverError(Exception):
    """The search has no time left for a trial."""


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
            validation = self._validate(family, parameters, request.stop, request.is_time_over)
        except _TimeOverError:
            sentence = "the time of the search was over"
            return replace(trial, status="killed", seconds=time.monotonic() - began, error=sentence)
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
        family, own = families.family(trial.family), dict(trial.parameters)
        if trial.rounds:
            del own[rounds.PARAMETERS[family.name]]
        return self._validate(family, own).predictions

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

    def _validate(
        self,
        family: Family,
        own: dict[str, Any],
        stop: StopRule | None = None,
        is_time_over: Callable[[], bool] | None = None,
    ) -> "_ValidationRun":
        folds = self.sample.folds

        def check() -> None:
            if is_time_over is not None and is_time_over():
                raise _TimeOverError

        make = self._maker(family, own, check)
        # The loss after each round is that of the weighted model, from which the weights are taken out at its end only.
        finds_rounds = len(folds) > 1 and not self.sample.contract.class_weights
        if finds_rounds and rounds.PARAMETERS.get(family.name, "") not in {"", *own}:
            return self._with_rounds(make, stop, check)
        if stop is None and self._report is None:
            out_of_fold = self._on(folds, make)
            return _ValidationRun(out_of_fold.predictions, folds, out_of_fold.warnings)
        return self._one_by_one(make, stop or (lambda _: ""))

    def _with_rounds(
        self, make: Callable[[], Any], stop: StopRule | None, check: Callable[[], None]
    ) -> "_ValidationRun":
        """Find the number of rounds too. Until all folds have run, each counts with the rounds that are best on it."""
        folds, sample = self.sample.folds, self.sample
        classes = len(matrix_layout.classes(sample.contract))
        predictions = np.full((len(sample.target), classes) if classes else len(sample.target), np.nan)
        grown: list[rounds.FoldTrees] = []
        warnings: set[str] = set()
        size = 1 if stop or self._report else len(folds)
        for start in range(0, len(folds), size):
            more, messages = fold_trees.grow_folds(
                make,
                sample.encoded,
                sample.target,
                folds=folds[start : start + size],
                classes=classes,
                pool=self._pool,
                check=check,
            )
            grown += more
            warnings |= set(messages)
            for fold, trees in zip(folds[start:], more, strict=False):
                predictions[fold.held_out] = trees.predict(rounds.best_rounds([trees.losses]))
            validation = _ValidationRun(predictions, folds[: len(grown)], tuple(sorted(warnings)))
            if len(grown) == len(folds):
                break
            reason = self._report_and_judge(validation, stop)
            if reason:
                return replace(validation, stopped=reason)
        losses = [trees.losses for trees in grown]
        final = predictions.copy()
        for place, (fold, trees) in enumerate(zip(folds, grown, strict=True)):
            final[fold.held_out] = trees.predict(rounds.rounds_without(losses, place))
        found = replace(validation, predictions=final, interim=predictions, rounds=rounds.best_rounds(losses))
        self._report_and_judge(found, None)
        return found

    def _report_and_judge(self, validation: "_ValidationRun", stop: StopRule | None) -> str:
        """Report the values of the folds so far, and return why to stop; empty to go on."""
        if self._report:
            values = {name: self._means_to_report(validation, name) for name in self.objective.metrics}
            self._report({name: means[-1] for name, means in values.items() if means})
        means = self._means_to_report(validation, self.objective.metric) if stop else []
        return stop(means) if stop and means else ""

    def _one_by_one(self, make: Callable[[], Any], stop: StopRule) -> "_ValidationRun":
        """Run fold after fold, until ``stop`` says that other trials are better."""
        folds = self.sample.folds
        validation = _ValidationRun(np.empty(0), (), ())
        for count in range(1, len(folds) + 1):
            out_of_fold = self._on(folds[count - 1 : count], make)
            # Rows of folds that have not run stay NaN.
            rows = folds[count - 1].held_out
            predictions = out_of_fold.predictions if count == 1 else validation.predictions
            predictions[rows] = out_of_fold.predictions[rows]
            validation = _ValidationRun(
                predictions, folds[:count], tuple(sorted({*validation.warnings, *out_of_fold.warnings}))
            )
            reason = self._report_and_judge(validation, stop if count < len(folds) else None)
            if reason:
                return replace(validation, stopped=reason)
        return validation

    def _on(self, folds: tuple[Fold, ...], make: Callable[[], Any]) -> fitting.OutOfFold:
        sample = self.sample
        return fitting.out_of_fold(
            make,
            sample.encoded,
            sample.target,
            folds=folds,
            classes=len(matrix_layout.classes(sample.contract)),
            pool=self._pool,
            weights=ClassWeights.of(sample.contract),
        )

    def _maker(self, family: Family, own: dict[str, Any], check: Callable[[], None]) -> Callable[[], Any]:
        """Return what makes the unfitted pipeline of a fold, unless the check raises."""
        sample = self.sample

        def make() -> Any:
            check()
            return build_pipeline(family, sample.contract, parameters=own, seed=sample.seed)

        return make

    def _scores(self, predictions: Predictions, folds: Sequence[Fold], metric: str) -> list[float]:
        sample = self.sample
        return scores(sample.target, predictions, folds=folds, contract=sample.contract, metric=metric)

    def _by_fold(self, validation: "_ValidationRun") -> dict[str, list[float]]:
        """Return the score of each fold that was run, by metric."""
        return {name: self._scores(validation.predictions, validation.folds, name) for name in self.objective.metrics}

    def _means_to_report(self, validation: "_ValidationRun", name: str) -> list[float]:
        """Return the mean of a metric over the folds so far, from the first defined one on."""
        means = _means(self._scores(validation.predictions, validation.folds, name))
        if validation.interim is None:
            return means
        return [*_means(self._scores(validation.interim, validation.folds, name))[:-1], *means[-1:]]

    def _with_scores(self, trial: Trial, validation: "_ValidationRun") -> Trial:
        """Return the trial with the scores of its validation."""
        by_fold = self._by_fold(validation)
        reported = {name: tuple(self._means_to_report(validation, name)) for name in by_fold}
        found = {rounds.PARAMETERS[trial.family]: validation.rounds} if validation.rounds else {}
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
            parameters={**trial.parameters, **found},
            rounds=validation.rounds,
        )


@dataclass(frozen=True)
class _ValidationRun:
    """Predictions of the folds that were run, and why it stopped early.

    Attributes:
        interim: The same before the number of rounds was known; None where it was not looked for.
        rounds: The number of rounds that was found; 0 for none.
    """

    predictions: Predictions
    folds: tuple[Fold, ...]
    warnings: tuple[str, ...]
    stopped: str = ""
    interim: Predictions | None = None
    rounds: int = 0


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
