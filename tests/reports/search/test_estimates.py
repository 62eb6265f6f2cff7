"""What the winner of a search is worth."""

import pytest

from headrace.core.evaluation.ensemble_estimate import EnsembleEstimate
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.search_trials import NestedEstimate, OuterFold
from headrace.core.statistics.measures import Interval
from headrace.reports.search.estimates import estimates
from tests.made_documents import THRESHOLD, make_evaluation
from tests.reports.searches import of_trials, searched, trial


def measured(value: float, low: float, high: float, *, metric: str = "roc_auc") -> Evaluation:
    """What evaluate would have measured."""
    return make_evaluation(metrics={metric: Interval(value, low, high)}, threshold=THRESHOLD)


def test_the_score_that_chose_the_winner_is_said_to_flatter() -> None:
    """And that it is not known by how much."""
    found = estimates(searched([0.7, 0.8, None]))
    assert [row.score for row in found.rows] == [0.8]
    assert "flatters: it is the best of 2" in found.rows[0].reliability
    assert "is not known here" in found.sentences[0]


def test_a_single_trial_does_not_flatter() -> None:
    """It was not chosen among others."""
    found = estimates(searched([0.8]))
    assert "does not flatter" in found.rows[0].reliability
    assert found.sentences == ()


def test_nothing_is_estimated_without_a_winner() -> None:
    """A search that failed has none."""
    assert estimates(searched([None, None]), measured(0.8, 0.7, 0.9)).rows == ()


@pytest.mark.parametrize(
    ("minimize", "value", "low", "high", "says"),
    [
        (False, 0.78, 0.7, 0.85, "0.020 better ROC AUC than the test part, but lies within its interval"),
        (
            False,
            0.6,
            0.5,
            0.7,
            "0.200 better ROC AUC than the test part, and lies outside of its interval: the search",
        ),
        (
            False,
            0.9,
            0.85,
            0.95,
            "0.100 worse ROC AUC than the test part, and lies outside of its interval: its models saw fewer",
        ),
        (
            True,
            0.9,
            0.85,
            0.95,
            "0.100 better ROC AUC than the test part, and lies outside of its interval: the search",
        ),
        (True, 0.6, 0.5, 0.7, "0.200 worse ROC AUC than the test part, and lies outside of its interval: its models"),
    ],
)
def test_the_difference_to_the_test_part_is_explained(
    minimize: bool, value: float, low: float, high: float, says: str
) -> None:
    """Whether it is chance, flattery, or a model that saw more rows."""
    search = searched([0.8], minimize=minimize)
    found = estimates(search, measured(value, low, high))
    assert [row.way for row in found.rows] == ["cross-validation of the winner", "the test part"]
    assert "on 80 rows that no search has seen" in found.rows[1].reliability
    assert says in found.sentences[-1]


def test_another_metric_of_the_test_part_is_not_compared() -> None:
    """Only the one that was searched for."""
    assert len(estimates(searched([0.8]), measured(0.5, 0.4, 0.6, metric="f1")).rows) == 1


def test_nested_cross_validation_tells_by_how_much_searches_flatter() -> None:
    """With the range of its folds."""
    outer = (OuterFold("logistic", {}, 0.82, 0.74), OuterFold("logistic", {}, 0.8, 0.76))
    search = searched([0.7, 0.8], nested=NestedEstimate(outer, score=0.75, inner_score=0.81, optimism=0.06))
    found = estimates(search, measured(0.76, 0.7, 0.83))
    assert [row.score for row in found.rows] == [0.8, 0.75, 0.76]
    assert (found.rows[1].low, found.rows[1].high) == (0.74, 0.76)
    assert "thought themselves 0.060 better than they were on new rows" in found.sentences[0]
    assert "is 0.050 better than theirs" in found.sentences[0]
    sure = NestedEstimate(outer, score=0.75, inner_score=0.81, optimism=0.06, low=0.6, high=0.9)
    row = estimates(searched([0.7, 0.8], nested=sure)).rows[1]
    assert (row.low, row.high, row.ends) == (0.6, 0.9, "95 % interval")
    modest = searched([0.7, 0.8], nested=NestedEstimate(outer, score=0.83, inner_score=0.81, optimism=-0.02))
    assert "did not flatter themselves" in estimates(modest).sentences[0]


def test_a_score_that_is_not_the_mean_of_all_folds_says_so() -> None:
    """Katib's strategy max takes the best of the running means."""
    search = of_trials([trial(0, 0.9, scores=(0.9, 0.5))], strategy="max")
    assert "the mean over all folds is 0.700" in estimates(search).sentences[0]
    same = of_trials([trial(0, 0.7, scores=(0.5, 0.9))], strategy="max")
    assert estimates(same).sentences == ()


def test_labels_of_another_threshold_are_told() -> None:
    """The search knows no costs of errors."""
    found = estimates(searched([0.7, 0.75], metric="f1"), measured(0.7, 0.6, 0.8, metric="f1"))
    assert "measured with the threshold 0.410" in found.sentences[-1]
    assert "threshold" not in " ".join(estimates(searched([0.7, 0.75]), measured(0.7, 0.6, 0.8)).sentences)


def test_an_ensemble_stands_beside_the_best_trial_by_the_same_measure() -> None:
    """Neither flatters by its choice, and it is said which was taken."""
    ensemble = EnsembleEstimate("greedy", taken=True, score=0.83, best_score=0.78, reason="The ensemble is taken.")
    found = estimates(searched([0.8, 0.7], ensemble=ensemble))
    assert [row.score for row in found.rows] == [0.8, 0.78, 0.83]
    assert "greedy" in found.rows[2].way
    assert "The ensemble is taken." in found.sentences
