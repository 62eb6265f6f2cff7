"""Robust covariance, beside scikit-learn's, and on tables that are awkward for a covariance."""

from typing import Any

import numpy as np
import pytest
from sklearn.covariance import MinCovDet
from sklearn.utils.estimator_checks import parametrize_with_checks

from headrace.core.models.anomaly.robust_covariance import RobustCovariance


@parametrize_with_checks([RobustCovariance(random_state=0)])
def test_it_is_an_estimator_of_scikit_learn(estimator: Any, check: Any) -> None:
    """All of scikit-learn's checks of an outlier detector pass."""
    check(estimator)


def rows(count: int = 400, *, outliers: int = 40, seed: int = 0) -> Any:
    """Two columns that go together, and some rows far off; the outliers come first."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=count)
    table = np.stack([x, x + 0.3 * draw.normal(size=count)], axis=1)
    table[:outliers] = [3.0, -3.0] + 0.1 * draw.normal(size=(outliers, 2))
    return table


def test_it_ranks_as_scikit_learns_own_does() -> None:
    """Almost without shrinkage, distances are in proportion to those of ``MinCovDet`` before its corrections."""
    table = rows()
    ours = -RobustCovariance(support_fraction=0.75, shrinkage=1e-6, random_state=0).fit(table).score_samples(table)
    other = MinCovDet(support_fraction=0.75, random_state=0).fit(table)
    centred = table - other.raw_location_
    theirs = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(other.raw_covariance_), centred)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_outliers_do_not_shape_the_centre() -> None:
    """A tenth of the rows far off are farther than all others; for a covariance of all rows they are not."""
    table = rows()
    scores = -RobustCovariance(random_state=0).fit(table).score_samples(table)
    assert scores[:40].min() > scores[40:].max()
    plain = -RobustCovariance(support_fraction=1.0, random_state=0).fit(table).score_samples(table)
    assert plain[:40].min() < plain[40:].max()


def test_contributions_are_no_less_than_nothing_and_add_up() -> None:
    """Each column has its part of the distance; of columns that do not go together that is its own squared distance."""
    table = rows()
    fitted = RobustCovariance(random_state=0).fit(table)
    parts = fitted.explain_scores(table)
    assert parts.min() >= 0
    np.testing.assert_allclose(parts.sum(axis=1), -fitted.score_samples(table), rtol=1e-12)
    alone = RobustCovariance(shrinkage=1.0, random_state=0).fit(table)
    one_off = alone.location_ + np.array([[0.0, 5.0]])
    assert alone.explain_scores(one_off)[0, 0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_columns_that_depend_on_one_another_have_a_distance(seed: int) -> None:
    """Columns of one category add up to 1, and one of them may be the same for all central rows: all stays finite."""
    draw = np.random.default_rng(seed)
    category = np.eye(3)[draw.permutation(np.repeat([0, 1, 2], [285, 10, 5]))]
    table = np.hstack([draw.normal(size=(300, 2)), category, np.full((300, 1), 7.0)])
    fitted = RobustCovariance(random_state=seed).fit(table)
    scores = -fitted.score_samples(table)
    assert np.isfinite(scores).all()
    assert np.median(scores[category[:, 2] == 1]) > np.median(scores[category[:, 0] == 1])


def test_few_rows_are_enough_not_to_fail() -> None:
    """With hardly more rows than columns, the covariance is that of all rows."""
    table = np.random.default_rng(0).normal(size=(6, 5))
    assert np.isfinite(RobustCovariance(random_state=0).fit(table).score_samples(table)).all()
