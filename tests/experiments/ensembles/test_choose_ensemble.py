"""Whether an ensemble of a search's trials pays."""

from collections.abc import Sequence

import numpy as np
import pytest

from headrace.core.base.errors import InputError
from headrace.core.evaluation.search_trials import Trial
from headrace.core.models.ensembles.members import from_parameters
from headrace.core.splits.folds import Fold
from headrace.experiments.ensembles import choose_ensemble
from headrace.experiments.ensembles.choose_ensemble import ChosenModel, EnsembleChoice, choose_model, rank_candidates
from headrace.experiments.ensembles.fold_metric import FoldMetric
from tests.core import made


def folds(rows: int, count: int = 5) -> tuple[Fold, ...]:
    """Folds of rows in turn."""
    part = np.arange(rows) % count
    return tuple(Fold(np.flatnonzero(part != place), np.flatnonzero(part == place)) for place in range(count))


def chosen(
    target: np.ndarray,
    predictions: Sequence[np.ndarray],
    choice: EnsembleChoice,
    *,
    families: Sequence[str] = (),
    count: int = 5,
) -> ChosenModel:
    """What a search whose trials predicted this ends with."""
    task = "binary" if predictions[0].ndim == 2 else "regression"
    metric = FoldMetric(
        target, folds(len(target), count), made.contract(task), "roc_auc" if task == "binary" else "rmse"
    )
    names = families or ["hist_gradient_boosting"] * len(predictions)
    sign = -1 if task == "binary" else 1
    trials = [
        Trial(place, f"t-{place}", "e", names[place], {"l2_regularization": float(place)}, "succeeded")
        for place in range(len(predictions))
    ]
    trials = [
        Trial(**{**vars(one), "score": sign * metric.loss(predictions[one.number], range(count))}) for one in trials
    ]
    best = min(trials, key=lambda one: (sign * (one.score or 0), one.number))
    return choose_model(trials, best, predictions_of=lambda one: predictions[one.number], metric=metric, choice=choice)


def regressions(count: int, *, seed: int = 0, rows: int = 300) -> tuple[np.ndarray, list[np.ndarray]]:
    """A target, and predictions with errors of their own."""
    draw = np.random.default_rng(seed)
    target = draw.normal(size=rows)
    return target, [target + draw.normal(size=rows) for _ in range(count)]


@pytest.mark.parametrize("choice", ["auto", "greedy", "stacking"])
def test_an_ensemble_that_pays_is_taken(choice: EnsembleChoice) -> None:
    """It stands for a trial, with its members as parameters and its score as its own."""
    target, predictions = regressions(4)
    found = chosen(target, predictions, choice)
    estimate = found.estimate
    assert estimate is not None
    assert estimate.taken
    assert estimate.gain is not None
    assert estimate.gain == pytest.approx((estimate.best_score or 0) - (estimate.score or 0))
    assert estimate.gain > (estimate.standard_error or 0)
    assert found.trial.family == "ensemble"
    assert found.trial.score == estimate.score
    weights = [one.weight for one in from_parameters(found.trial.parameters)]
    assert weights == sorted(weights, reverse=True) == [one.weight for one in estimate.members]
    assert "is taken" in estimate.reason
    assert np.isfinite(found.predictions).all()


@pytest.mark.parametrize("choice", ["auto", "greedy", "stacking"])
def test_an_ensemble_that_does_not_pay_is_not_taken(choice: EnsembleChoice) -> None:
    """The others are far worse: the best trial is what the search ends with, and it is said why."""
    target, (good, *_) = regressions(1)
    draw = np.random.default_rng(5)
    others = [50 + draw.normal(size=len(target)) * 20 for _ in range(3)]
    found = chosen(target, [good, *others], choice)
    assert found.trial.number == 0
    assert found.trial.family == "hist_gradient_boosting"
    assert found.estimate is not None
    assert not found.estimate.taken
    np.testing.assert_array_equal(found.predictions, good)


@pytest.mark.parametrize("choice", ["greedy", "stacking"])
def test_random_labels_are_estimated_as_chance(choice: EnsembleChoice) -> None:
    """The weights are chosen without the fold that they are judged on; the score that chose the best trial flatters."""
    ours, best, flattering = [], [], []
    for seed in range(10):
        draw = np.random.default_rng(seed)
        target = draw.integers(0, 2, 100)
        positive = draw.random((4, 100))
        found = chosen(target, [np.stack([1 - p, p], axis=1) for p in positive], choice)
        assert found.estimate is not None
        ours.append(found.estimate.score)
        best.append(found.estimate.best_score)
        flattering.append(0.0 if found.trial.family == "ensemble" else found.trial.score)
    assert np.mean(ours) == pytest.approx(0.5, abs=0.05)
    assert np.mean(best) == pytest.approx(0.5, abs=0.05)
    assert np.mean([one for one in flattering if one]) > 0.53


def test_by_chance_an_ensemble_is_rarely_taken() -> None:
    """Where one prediction is as good as its mean with copies of it plus noise, ``auto`` stays with the best trial."""
    taken = 0
    for seed in range(12):
        draw = np.random.default_rng(seed)
        target = draw.normal(size=150)
        one = target + draw.normal(size=150)
        copies = [one + 0.3 * draw.normal(size=150) for _ in range(3)]
        estimate = chosen(target, [one, *copies], "auto").estimate
        taken += bool(estimate and estimate.taken)
    assert taken <= 4


def test_predictions_of_a_taken_ensemble_do_not_know_their_fold() -> None:
    """Changing the target of one fold changes nothing of the predictions for that fold."""
    target, predictions = regressions(4)
    before = chosen(target, predictions, "stacking").predictions
    held = folds(len(target))[2].held_out
    changed = target.copy()
    changed[held] += 3.0
    after = chosen(changed, predictions, "stacking").predictions
    np.testing.assert_allclose(before[held], after[held], rtol=1e-12)  # the order of the sum is that of the scores


def test_families_that_no_graph_can_hold_are_left_out_and_named() -> None:
    """Of H2O, and nearest neighbours, whose trials may still be the best."""
    target, predictions = regressions(4)
    names = ["h2o_gbm", "knn", "hist_gradient_boosting", "random_forest"]
    found = chosen(target, predictions, "greedy", families=names)
    assert found.estimate is not None
    assert {one.trial for one in found.estimate.members} <= {2, 3}
    assert "family h2o_gbm is left out" in found.estimate.reason
    assert "family knn is left out" in found.estimate.reason
    alone = chosen(target, predictions[:3], "greedy", families=names[:3])
    assert alone.estimate is not None
    assert "fewer than two trials" in alone.estimate.reason


def test_one_fold_says_nothing() -> None:
    """There is no ensemble then."""
    target, predictions = regressions(3)
    found = chosen(target, predictions, "auto", count=1)
    assert found.estimate is not None
    assert not found.estimate.taken
    assert "one fold" in found.estimate.reason


def test_off_asks_for_nothing() -> None:
    """Only the best trial's predictions."""
    target, predictions = regressions(3)
    assert chosen(target, predictions, "off").estimate is None


def test_candidates_are_the_best_distinct_trials_that_ended() -> None:
    """At most thirty, and no more than fit into memory; equal parameters count once."""

    def trial(number: int, score: float | None, value: int, status: str = "succeeded") -> Trial:
        return Trial(number, str(number), "e", "logistic", {"C": value}, status, score=score)  # type: ignore[arg-type]

    trials = [trial(0, 0.5, 1), trial(1, 0.9, 2), trial(2, 0.9, 2), trial(3, None, 3, "failed"), trial(4, 0.7, 4)]
    assert [one.number for one in rank_candidates(trials, higher_is_better=True, size=8)] == [1, 4, 0]
    assert [one.number for one in rank_candidates(trials, higher_is_better=False, size=1 << 27)] == [0, 4]
    many = [trial(place, place / 100, place) for place in range(50)]
    assert len(rank_candidates(many, higher_is_better=True, size=8)) == choose_ensemble.MOST_CANDIDATES


def test_an_unknown_choice_is_refused() -> None:
    """With what is known."""
    with pytest.raises(InputError, match=r"'off', 'auto', 'greedy', 'stacking'.*'best'"):
        choose_ensemble.check("best")
