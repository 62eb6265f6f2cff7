"""Choose an ensemble of a search's trials, and find out whether it pays.

The weights that are used are chosen on the out-of-fold predictions of all folds. What they are worth is estimated by
choosing again for each fold, on the other folds alone, and measuring on it; the best trial is chosen and measured in
the same way, so that both figures are free of the choice's optimism and can be compared.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from headrace.core.base.errors import InputError, quote
from headrace.core.evaluation import fold_overlap
from headrace.core.evaluation.ensemble_estimate import EnsembleEstimate, WeightedTrial
from headrace.core.evaluation.search_trials import Trial
from headrace.core.models import families
from headrace.core.models.ensembles.members import ENSEMBLE, EnsembleMember, to_parameters
from headrace.experiments.ensembles import member_weights
from headrace.experiments.ensembles.fold_metric import Floats, FoldMetric
from headrace.experiments.ensembles.member_weights import Method

EnsembleChoice = Literal["off", "auto", "greedy", "stacking"]
AUTO: Method = "greedy"
"""What ``auto`` means: the better of the two on the tables of ``make bench NAME=ensemble``."""
MOST_CANDIDATES = 30
_MOST_BYTES = 1 << 28


def check(choice: str) -> EnsembleChoice:
    """Return the choice of a user.

    Raises:
        InputError: If there is none of that name.
    """
    for known in get_args(EnsembleChoice):
        if choice == known:
            return known  # type: ignore[no-any-return]  # an element of the type's own list
    raise InputError(f"ensemble must be one of {list(get_args(EnsembleChoice))}; got {quote(choice)} instead.")


def no_predictions(what: str) -> str:
    """Return the sentence on a search whose trials leave no out-of-fold predictions."""
    return (
        f"{what} needs the out-of-fold predictions of a search's trials, which trials on Katib do not bring back: "
        "search with the tuner local, or without an ensemble."
    )


@dataclass(frozen=True)
class ChosenModel:
    """What a search ends with.

    Attributes:
        trial: The best trial, or one that stands for the ensemble: its family is ``ensemble``, its parameters are the
            members, its score is the ensemble's.
        predictions: Its out-of-fold predictions, probabilities (n, k) or values (n,); those of an ensemble by weights
            that were chosen without their fold.
        estimate: The ensemble beside the best trial; None if there was nothing to compare.
    """

    trial: Trial
    predictions: Floats
    estimate: EnsembleEstimate | None = None


def choose_model(
    trials: Sequence[Trial],
    best: Trial,
    *,
    predictions_of: Callable[[Trial], Floats],
    metric: FoldMetric,
    choice: EnsembleChoice,
) -> ChosenModel:
    """Choose between the best trial and an ensemble.

    Args:
        trials: All trials of the search.
        best: The best of them.
        predictions_of: Returns the out-of-fold predictions (n, k) or (n,) of a trial.
        metric: The objective on the search's folds.
        choice: ``greedy`` or ``stacking`` takes an ensemble that is better at all, ``auto`` one that is better by more
            than chance, ``off`` none.
    """
    if choice == "off":
        return ChosenModel(best, predictions_of(best))
    method: Method = AUTO if choice == "auto" else "stacking" if choice == "stacking" else "greedy"
    candidates = _Candidates.of(trials, best, predictions_of, metric, method)
    if candidates is None:
        reason = f"There is no ensemble: fewer than two trials could be its members. {_left_out(trials)}".strip()
        return ChosenModel(best, predictions_of(best), EnsembleEstimate(method, taken=False, reason=reason))
    if len(metric.folds) < 2:
        reason = "There is no ensemble: with one fold nothing can say whether it pays."
        return ChosenModel(best, predictions_of(best), EnsembleEstimate(method, taken=False, reason=reason))
    return _compare(candidates, trials, best, only_beyond_chance=choice == "auto")


def _compare(
    candidates: "_Candidates", trials: Sequence[Trial], best: Trial, *, only_beyond_chance: bool
) -> ChosenModel:
    weights, measured = candidates.weigh(range(len(candidates.metric.folds))), candidates.cross_validate()
    members = candidates.members(weights)
    estimate = EnsembleEstimate(
        candidates.method,
        taken=len(members) > 1 and measured.pays(only_beyond_chance=only_beyond_chance),
        members=members if len(members) > 1 else (),
        score=measured.score,
        best_score=measured.best_score,
        gain=measured.gain,
        standard_error=measured.standard_error,
    )
    estimate = replace(
        estimate, reason=" ".join(filter(None, (_reason(estimate, candidates.metric), _left_out(trials))))
    )
    if not estimate.taken:
        return ChosenModel(best, candidates.predictions_of(best), estimate)
    standing = replace(
        best,
        family=ENSEMBLE,
        parameters=dict(
            to_parameters([EnsembleMember(one.family, one.weight, one.parameters) for one in estimate.members])
        ),
        score=estimate.score,
    )
    return ChosenModel(standing, measured.predictions, estimate)


@dataclass(frozen=True)
class _CrossValidated:
    """Ensemble and best trial on folds that had no part in their choice."""

    predictions: Floats
    score: float | None
    best_score: float | None
    gain: float | None
    standard_error: float | None

    def pays(self, *, only_beyond_chance: bool) -> bool:
        """Return whether there is a gain; beyond chance if it is more than its standard error.

        The rule of one standard error is that of Breiman et al. 1984, section 3.4.3.
        """
        if self.gain is None or self.standard_error is None:
            return False
        return self.gain > (self.standard_error if only_beyond_chance else 0.0)


@dataclass(frozen=True)
class _Candidates:
    """The trials that may be members, the best one, and their out-of-fold predictions."""

    trials: tuple[Trial, ...]
    predictions: tuple[Floats, ...]
    best: Trial
    predictions_of: Callable[[Trial], Floats]
    metric: FoldMetric
    method: Method

    @classmethod
    def of(
        cls,
        trials: Sequence[Trial],
        best: Trial,
        predictions_of: Callable[[Trial], Floats],
        metric: FoldMetric,
        method: Method,
    ) -> "_Candidates | None":
        """Return the candidates; None for fewer than two."""
        ranked = rank_candidates(trials, higher_is_better=metric.higher_is_better, size=predictions_of(best).nbytes)
        if len(ranked) < 2:
            return None
        return cls(tuple(ranked), tuple(map(predictions_of, ranked)), best, predictions_of, metric, method)

    def weigh(self, places: Sequence[int]) -> Floats:
        """Choose weights on some of the folds."""
        if self.method == "greedy":
            return member_weights.greedy(self.predictions, partial(self.metric.loss, places=places))
        rows = np.concatenate([self.metric.folds[place].held_out for place in places])
        return member_weights.stack([one[rows] for one in self.predictions], self.metric.target[rows])

    def mean(self, weights: Floats) -> Floats:
        """Return the weighted mean of the predictions."""
        total: Floats = sum(w * one for w, one in zip(weights, self.predictions, strict=True) if w)
        return total

    def members(self, weights: Floats) -> tuple[WeightedTrial, ...]:
        """Return the members, the heaviest first."""
        heavy = sorted((place for place in range(len(weights)) if weights[place]), key=lambda place: -weights[place])
        return tuple(
            WeightedTrial(
                self.trials[place].number,
                self.trials[place].family,
                dict(self.trials[place].parameters),
                float(weights[place]),
            )
            for place in heavy
        )

    def cross_validate(self) -> _CrossValidated:
        """Choose and measure for each fold on its own."""
        predictions = np.full_like(self.predictions[0], np.nan)
        pairs, measured_on = [], []
        singles = [*self.trials] if self.best in self.trials else [*self.trials, self.best]
        alone = {trial.number: self.predictions_of(trial) for trial in singles}
        for place, fold in enumerate(self.metric.folds):
            others = [other for other in range(len(self.metric.folds)) if other != place]
            predictions[fold.held_out] = self.mean(self.weigh(others))[fold.held_out]
            best = min(singles, key=lambda trial: self.metric.loss(alone[trial.number], others))
            pair = [self.metric.measure(one, [place])[0] for one in (predictions, alone[best.number])]
            if all(map(math.isfinite, pair)):
                pairs.append(pair)
                measured_on.append(fold)
        if not pairs:
            return _CrossValidated(predictions, None, None, None, None)
        score, best_score = (sum(values) / len(values) for values in zip(*pairs, strict=True))
        sign = 1.0 if self.metric.higher_is_better else -1.0
        gains = [sign * (one - other) for one, other in pairs]
        error = fold_overlap.standard_error(gains, measured_on)
        return _CrossValidated(predictions, score, best_score, sum(gains) / len(gains), error)


def rank_candidates(trials: Sequence[Trial], *, higher_is_better: bool, size: int) -> list[Trial]:
    """Return the trials that may be members, the best first, as many as a quarter of a gigabyte of predictions holds.

    Args:
        trials: All trials.
        higher_is_better: Which way their scores go.
        size: Bytes of one trial's predictions.
    """
    sign = -1.0 if higher_is_better else 1.0
    able = [trial for trial in trials if trial.won and not _why_left_out(trial.family)]
    ranked = sorted(able, key=lambda trial: (sign * (trial.score or 0.0), trial.number))
    distinct = {(trial.family, repr(sorted(trial.parameters.items()))): trial for trial in reversed(ranked)}
    ranked = [trial for trial in ranked if trial in distinct.values()]
    return ranked[: max(1, min(MOST_CANDIDATES, _MOST_BYTES // max(size, 1)))]


def _why_left_out(family: str) -> str:
    """Return why models of a family are no members; empty if they may be."""
    if not family or families.family(family).framework != "scikit-learn":
        return "its models are not pipelines of scikit-learn, which one graph can hold"
    return "it has no exact form in ONNX" if family == "knn" else ""


def _left_out(trials: Sequence[Trial]) -> str:
    """Return sentences on families that had no part."""
    return " ".join(_sentences(dict.fromkeys(trial.family for trial in trials if trial.won)))


def _sentences(names: dict[str, None]) -> Iterator[str]:
    for name in names:
        why = _why_left_out(name)
        if why:
            yield f"The family {name} is left out of ensembles: {why}."


def _reason(estimate: EnsembleEstimate, metric: FoldMetric) -> str:
    if not estimate.members:
        return "There is no ensemble: the weights leave one trial."
    if estimate.gain is None or estimate.standard_error is None:
        return f"The ensemble is not taken: fewer than two folds define {metric.metric}."
    ours, theirs = f"{estimate.score:.4g}", f"{estimate.best_score:.4g}"
    figures = f"cross-validated {metric.metric} {ours}, the best trial {theirs}"
    error = f"{estimate.standard_error:.2g}"
    if estimate.taken:
        count = len(estimate.members)
        return f"The ensemble of {count} trials is taken: {figures}, a gain with a standard error of {error}."
    return f"The ensemble is not taken: {figures}, no gain that counts (its standard error is {error})."
