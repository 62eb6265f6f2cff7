"""Thresholds by cost."""

import numpy as np
import pytest

from headrace.core.base.errors import InputError
from headrace.core.models import decision_threshold
from headrace.core.models.decision_threshold import Costs, OperatingPoint


def scored(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated scores: a row with the score p is positive with the probability p."""
    draw = np.random.default_rng(0)
    scores = draw.random(rows)
    return draw.random(rows) < scores, scores


@pytest.mark.parametrize(("false_positive", "false_negative"), [(1, 1), (1, 4), (4, 1)])
def test_calibrated_scores_give_the_ideal_threshold(false_positive: float, false_negative: float) -> None:
    """The cheapest threshold is near the one that theory gives."""
    costs = Costs(false_positive, false_negative)
    chosen = decision_threshold.choose(decision_threshold.operating_points(*scored()), costs)
    assert chosen.threshold == pytest.approx(costs.ideal, abs=0.08)


def test_points_count_the_errors() -> None:
    """Each point says what its threshold does to the rows."""
    positives, scores = scored(200)
    for point in decision_threshold.operating_points(positives, scores):
        predicted = scores >= point.threshold
        assert point.false_positives == pytest.approx((predicted & ~positives).mean())
        assert point.false_negatives == pytest.approx((~predicted & positives).mean())


def test_points_are_few_and_rising() -> None:
    """They travel in JSON."""
    points = decision_threshold.operating_points(*scored(5000))
    levels = [point.threshold for point in points]
    assert len(points) == decision_threshold.MOST_POINTS
    assert levels == sorted(set(levels))


def test_among_equals_the_ideal_threshold_wins() -> None:
    """Where the rows cannot tell, theory decides."""
    points = [OperatingPoint(level, 0.1, 0.1) for level in (0.05, 0.45, 0.9)]
    assert decision_threshold.choose(points, Costs()).threshold == 0.45


def test_a_lead_that_may_be_chance_does_not_move_the_threshold() -> None:
    """On 40 rows two errors fewer are luck and the ideal threshold is taken; on 40,000 rows they are none."""
    points = [OperatingPoint(0.5, 0.10, 0.10), OperatingPoint(0.7, 0.05, 0.12)]
    assert decision_threshold.choose(points, Costs(), rows=40).threshold == 0.5
    assert decision_threshold.choose(points, Costs(), rows=40_000).threshold == 0.7
    assert decision_threshold.choose(points, Costs()).threshold == 0.7


def test_one_score_for_all_rows_still_gives_a_point() -> None:
    """A model that learned nothing has one threshold."""
    points = decision_threshold.operating_points(np.array([True, False]), np.array([0.3, 0.3]))
    assert [point.threshold for point in points] == [0.3]


def test_rows_that_no_fold_held_out_are_left_out() -> None:
    """Folds by time never hold out the earliest rows."""
    predictions = np.array([[np.nan, np.nan], [0.8, 0.2], [0.1, 0.9]])
    points = decision_threshold.from_predictions(np.array([1, 0, 1]), predictions, positive=1)
    assert points == (OperatingPoint(0.1, 0.5, 0.0), OperatingPoint(0.55, 0.0, 0.0), OperatingPoint(0.95, 0.0, 0.5))


def test_a_rare_class_is_resolved() -> None:
    """With one positive row in five hundred the points lie where the positive rows are, and none may be predicted."""
    draw = np.random.default_rng(4)
    positives = np.arange(40_000) % 500 == 0
    points = decision_threshold.operating_points(
        positives, np.where(positives, draw.beta(4, 2, 40_000), draw.beta(1, 6, 40_000))
    )
    assert len({point.false_negatives for point in points}) > 60
    assert points[0].false_negatives == 0.0
    assert points[-1].false_positives == 0.0


def test_a_sample_with_other_shares_gives_the_points_of_all_rows() -> None:
    """Thresholds found on a sample that holds ten times the share of a rare class cost the same on all rows."""
    draw = np.random.default_rng(5)
    target = (draw.random(200_000) < 0.02).astype(np.int64)
    ratio = np.exp(2 * (draw.normal(size=200_000) + 2 * target) - 2)  # likelihood ratio of two normals
    whole = 0.02 * ratio / (0.02 * ratio + 0.98)
    kept = (target == 1) | (draw.random(200_000) < 0.1)
    share = target[kept].mean()
    score = share * ratio[kept] / (share * ratio[kept] + 1 - share)
    points = decision_threshold.from_predictions(
        target[kept], np.stack([1 - score, score], axis=1), positive=1, shares=(0.98, 0.02)
    )
    chosen = decision_threshold.choose(points, Costs(1, 5))
    realised = ((whole >= chosen.threshold) & (target == 0)).mean() + 5 * (
        (whole < chosen.threshold) & (target == 1)
    ).mean()
    assert chosen.threshold == pytest.approx(Costs(1, 5).ideal, abs=0.06)
    assert decision_threshold.cost(chosen, Costs(1, 5)) == pytest.approx(realised, rel=0.1)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_costs_must_be_positive(value: float) -> None:
    """A free error would make one class the answer to everything."""
    with pytest.raises(InputError, match="above 0"):
        Costs(false_negative=value)


def test_a_point_survives_json() -> None:
    """Three numbers there and back."""
    point = OperatingPoint(0.25, 0.5, 0.125)
    assert OperatingPoint.from_json(point.as_json()) == point
