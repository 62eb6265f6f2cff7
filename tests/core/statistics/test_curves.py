"""Curves for reports and artifacts."""

from dataclasses import astuple

import numpy as np
import pytest
from sklearn import metrics as reference

from headrace.core.statistics import curves


def scored(rows: int, *, digits: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Scores that know something, with ties if rounded."""
    draw = np.random.default_rng(0)
    positive = draw.random(rows) < 0.4
    return positive, (0.3 * positive + 0.7 * draw.random(rows)).round(digits)


@pytest.mark.parametrize("digits", [2, 9])
def test_roc_is_scikit_learns(digits: int) -> None:
    """A short curve holds every point that scikit-learn gives, but for its infinite threshold."""
    positive, scores = scored(60, digits=digits)
    points = curves.roc(positive, scores)
    fpr, tpr, levels = reference.roc_curve(positive, scores, drop_intermediate=False)
    assert [point.fpr for point in points] == pytest.approx(fpr)
    assert [point.tpr for point in points] == pytest.approx(tpr)
    assert [point.threshold for point in points[1:]] == pytest.approx(levels[1:])
    assert points[0].threshold == 1.0


def test_precision_recall_is_scikit_learns() -> None:
    """The same points, by rising recall."""
    positive, scores = scored(60)
    points = curves.precision_recall(positive, scores)
    precision, recall, levels = reference.precision_recall_curve(positive, scores)
    assert [point.precision for point in points] == pytest.approx(precision[:-1][::-1])
    assert [point.recall for point in points] == pytest.approx(recall[:-1][::-1])
    assert [point.threshold for point in points] == pytest.approx(levels[::-1])


@pytest.mark.parametrize("curve", [curves.roc, curves.precision_recall])
def test_long_curves_keep_their_shape_in_few_points(curve: object) -> None:
    """KFP keeps a curve in metadata, where there is little room."""
    positive, scores = scored(20_000)
    points = curve(positive, scores)  # type: ignore[operator]
    assert 50 < len(points) <= curves.MOST_POINTS
    assert all(np.isfinite(astuple(point)).all() for point in points)
    if curve is curves.roc:
        area = np.trapezoid([point.tpr for point in points], [point.fpr for point in points])
        assert area == pytest.approx(reference.roc_auc_score(positive, scores), abs=0.001)
        assert (points[0].fpr, points[-1].fpr) == (0.0, 1.0)


def test_one_class_has_no_curve() -> None:
    """Nothing is drawn where nothing is defined."""
    none = np.zeros(5, dtype=bool)
    assert curves.roc(none, np.arange(5.0)) == ()
    assert curves.roc(~none, np.arange(5.0)) == ()
    assert curves.precision_recall(none, np.arange(5.0)) == ()


def test_calibration_of_calibrated_scores_lies_on_the_diagonal() -> None:
    """Bins of equally many rows, predicted against observed."""
    draw = np.random.default_rng(0)
    scores = draw.random(20_000)
    bins = curves.calibration(draw.random(20_000) < scores, scores)
    assert [row.rows for row in bins] == [2000.0] * 10
    for row in bins:
        assert row.observed == pytest.approx(row.predicted, abs=0.04)


def test_calibration_of_few_rows_has_few_bins() -> None:
    """No bin is empty."""
    assert len(curves.calibration(np.array([True, False]), np.array([0.9, 0.1]))) == 2
