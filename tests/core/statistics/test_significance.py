"""Paired bootstrap, McNemar and DeLong."""

import math

import numpy as np
import pytest
from scipy import stats

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics import bootstrap, significance
from headrace.core.statistics.weighted_metrics import EvaluatedRows


def scored(actual: np.ndarray, scores: np.ndarray) -> EvaluatedRows:
    """A binary outcome with those scores."""
    return EvaluatedRows("binary", actual, np.stack([1 - scores, scores], axis=1), (scores >= 0.5).astype(int))


def pair(seed: int, *, rows: int = 120, ours: float = 0.0, theirs: float = 0.0) -> tuple[EvaluatedRows, EvaluatedRows]:
    """Two models that share some luck and know ``ours`` and ``theirs`` of the class."""
    draw = np.random.default_rng(seed)
    actual, shared = draw.integers(0, 2, rows), draw.normal(size=rows)
    made = [1 / (1 + np.exp(-(k * actual + shared + draw.normal(size=rows)))) for k in (ours, theirs)]
    return scored(actual, made[0]), scored(actual, made[1])


def delong_by_definition(first: EvaluatedRows, second: EvaluatedRows) -> float:
    """DeLong's test from its definition, over all pairs of a positive and a negative."""
    positive = first.actual == 1
    aucs, ones, zeros = [], [], []
    for outcome in (first, second):
        assert outcome.probabilities is not None
        scores = outcome.probabilities[:, 1]
        x, y = scores[positive], scores[~positive]
        wins = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
        aucs.append(wins.mean())
        ones.append(wins.mean(axis=1))
        zeros.append(wins.mean(axis=0))
    covariance = np.cov(np.stack(ones)) / positive.sum() + np.cov(np.stack(zeros)) / (~positive).sum()
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(2 * stats.norm.sf(abs(aucs[0] - aucs[1]) / math.sqrt(variance)))


@pytest.mark.parametrize("seed", range(5))
def test_delong_is_its_definition(seed: int) -> None:
    """The fast form gives what the pairs give, with ties too."""
    first, second = pair(seed, ours=0.6)
    assert significance.delong(first, second) == pytest.approx(delong_by_definition(first, second))
    assert first.probabilities is not None
    tied = scored(first.actual, first.probabilities[:, 1].round(1))
    assert significance.delong(tied, second) == pytest.approx(delong_by_definition(tied, second))


def test_a_difference_reaches_no_further_than_the_metric() -> None:
    """Scores that are all the same have an area of 0.5 in any table, so that nothing is better by more than 0.5."""
    actual = np.array([0, 1] * 15)
    perfect, constant = scored(actual, actual * 0.8 + 0.1), scored(actual, np.full(30, 0.4))
    drawn = bootstrap.resample([perfect, constant], seed=0)
    found = significance.compare(perfect, constant, metric="roc_auc", sample=drawn)
    assert (found.difference, found.high) == (0.5, 0.5)
    assert 0.3 < found.low < 0.5
    wrong = scored(actual, 0.9 - actual * 0.8)
    against = significance.compare(
        perfect, wrong, metric="accuracy", sample=bootstrap.resample([perfect, wrong], seed=0)
    )
    assert (against.difference, against.high) == (1.0, 1.0)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (5, 5), (12, 3), (0, 8), (600, 500), (3000, 2000)])
def test_mcnemar_is_the_exact_binomial_test(only_first: int, only_second: int) -> None:
    """As SciPy computes it, also where factorials overflow."""
    actual = np.zeros(only_first + only_second + 4, dtype=int)
    first, second = actual.copy(), actual.copy()
    first[:only_second] = 1
    second[only_second : only_second + only_first] = 1
    n = only_first + only_second
    expected = stats.binomtest(only_first, n).pvalue if n else 1.0
    assert significance.mcnemar(actual, first, second) == pytest.approx(expected, rel=1e-9)


def compared(first: EvaluatedRows, second: EvaluatedRows, metric: str = "roc_auc") -> significance.MetricDifference:
    """The comparison of two outcomes."""
    return significance.compare(
        first, second, metric=metric, sample=bootstrap.resample([first, second], seed=0, resamples=400)
    )


def test_equal_models_are_rarely_told_apart() -> None:
    """At 5 % about one in twenty pairs of equally good models looks different, by chance."""
    told = [compared(*pair(seed)) for seed in range(100)]
    assert sum(found.better or found.worse for found in told) <= 12


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_clearly_better_model_is_better_and_the_other_is_worse(metric: str) -> None:
    """The direction follows the metric: more area, less loss."""
    first, second = pair(0, rows=600, ours=3.0, theirs=0.0)
    assert compared(first, second, metric).better
    assert not compared(first, second, metric).worse
    assert compared(second, first, metric).worse
    assert compared(first, second, metric).difference == -compared(second, first, metric).difference


def test_the_same_model_twice_is_neither() -> None:
    """No difference is never beyond chance."""
    first, _ = pair(0)
    for metric in ("roc_auc", "accuracy", "log_loss"):
        found = compared(first, first, metric)
        assert (found.difference, found.p_value, found.better, found.worse) == (0.0, 1.0, False, False)


def test_the_paired_interval_is_narrower_than_two_separate_ones() -> None:
    """Models that share their luck are compared on their differences alone."""
    first, second = pair(1, rows=400, ours=1.0, theirs=1.0)
    found = compared(first, second)
    alone = bootstrap.intervals(first, bootstrap.resample([first], seed=0, resamples=400))["roc_auc"]
    assert found.high - found.low < math.sqrt(2) * (alone.high - alone.low)


def test_where_nothing_is_defined_nothing_is_compared() -> None:
    """Test rows of one class have no area; the next metric is taken, or none."""
    actual = np.ones(30, dtype=int)
    first, second = scored(actual, np.linspace(0.4, 0.9, 30)), scored(actual, np.full(30, 0.5))
    drawn = bootstrap.resample([first, second], seed=0)
    assert significance.compare_main(first, second, metrics=["roc_auc"], sample=drawn) is None
    found = significance.compare_main(first, second, metrics=["roc_auc", "log_loss"], sample=drawn)
    assert found
    assert found.metric == "log_loss"


def copied(outcome: EvaluatedRows, times: int) -> EvaluatedRows:
    """Each row so many times."""
    return outcome.take(np.repeat(np.arange(len(outcome)), times))


def test_copies_of_rows_prove_no_more_than_the_rows() -> None:
    """Drawn together, ten copies of each row give about the p-values of the rows; by row they would prove anything."""
    first, second = pair(3, rows=150, ours=1.4, theirs=1.0)
    by = RowClusters("key", np.repeat(np.arange(150), 10), 150)
    many = copied(first, 10), copied(second, 10)
    alone = significance.delong(first, second)
    assert significance.delong(*many, clusters=by) == pytest.approx(alone, rel=0.1)
    assert significance.delong(*many) < alone / 10
    labels = [(one.actual, one.labels, two.labels) for one, two in ((first, second), many)]
    assert significance.mcnemar(*labels[1], clusters=by) == pytest.approx(significance.mcnemar(*labels[0]), abs=0.1)
    assert significance.mcnemar(*labels[1]) < significance.mcnemar(*labels[0]) / 5


def test_clusters_of_one_row_are_rows() -> None:
    """Both tests then give nearly what they give by row."""
    first, second = pair(4, rows=1500, ours=1.2, theirs=1.1)
    alone = RowClusters("group", np.arange(1500), 1500)
    assert significance.delong(first, second, clusters=alone) == pytest.approx(
        significance.delong(first, second), rel=0.02
    )


def test_the_test_says_by_what_it_is() -> None:
    """A reader sees that rows were not taken to be independent."""
    first, second = pair(0)
    by = RowClusters("group", np.arange(120) // 4, 30)
    drawn = bootstrap.resample([first, second], seed=0, resamples=400, clusters=by)
    assert significance.compare(first, second, metric="roc_auc", sample=drawn).test == "DeLong by group"
    assert significance.compare(first, second, metric="log_loss", sample=drawn).test == "paired bootstrap by group"


def test_scores_that_know_only_the_group_are_rarely_told_from_a_coin() -> None:
    """Labels that go by group, and scores that go by group, have nothing else in common."""
    told = {"group": 0, "row": 0}
    for seed in range(40):
        draw = np.random.default_rng(seed)
        codes = np.repeat(np.arange(25), 8)
        actual = np.where(draw.random(200) < 0.9, (draw.random(25) < 0.5)[codes], draw.random(200) < 0.5).astype(int)
        ours = 1 / (1 + np.exp(-(draw.normal(size=25)[codes] + 0.3 * draw.normal(size=200))))
        outcomes = [scored(actual, ours), scored(actual, np.full(200, 0.5))]
        for by, clusters in (("group", RowClusters("group", codes, 25)), ("row", None)):
            drawn = bootstrap.resample(outcomes, seed=seed, resamples=200, clusters=clusters)
            found = significance.compare(*outcomes, metric="roc_auc", sample=drawn)
            told[by] += found.better or found.worse
    assert told["group"] <= 6
    assert told["row"] >= 15
