"""Metrics of anomaly scores."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from headrace.core.evaluation.alerts import alert_metrics
from headrace.core.splits.clusters import RowClusters, by_row
from headrace.core.statistics.weighted_metrics import EvaluatedRows

NAN = float("nan")


def outcome(rows: int = 400, *, seed: int = 0, gap: float = 2.0, known: float = 0.5) -> EvaluatedRows:
    """Scores of which one in ten is of an anomaly, higher by the gap; some labels are known."""
    draw = np.random.default_rng(seed)
    anomaly = draw.random(rows) < 0.1
    scores = draw.normal(size=rows) + gap * anomaly
    labels = np.where(draw.random(rows) < known, anomaly.astype(float), NAN)
    return EvaluatedRows("anomaly", labels, values=scores)


def test_labelled_rows_are_measured_as_scikit_learn_does() -> None:
    """Areas of the scores themselves, though only their ranks are kept; rows without a label do not count."""
    of = outcome()
    known = ~np.isnan(of.actual)
    found = alert_metrics.compute_label_metrics(of, threshold=2.0)
    assert of.values is not None
    assert found["pr_auc"] == pytest.approx(average_precision_score(of.actual[known], of.values[known]))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(of.actual[known], of.values[known]))
    alert = of.values[known] >= 2.0
    assert found["precision"] == pytest.approx(of.actual[known][alert].mean())


@pytest.mark.parametrize("labels", [[NAN, NAN, NAN], [0.0, 0.0, NAN], [1.0, NAN, 1.0]])
def test_without_labels_of_both_kinds_nothing_is_said(labels: list[float]) -> None:
    """Neither all anomalies nor none tell a good score from a bad one."""
    of = EvaluatedRows("anomaly", np.array(labels), values=np.arange(3.0))
    assert alert_metrics.select_labelled(of, threshold=1.0) is None
    assert all(np.isnan(value) for value in alert_metrics.compute_label_metrics(of).values())


def test_the_highest_scores_of_the_budget_are_measured() -> None:
    """Of the five highest of ten rows, four have a label and three are anomalies, of four in all."""
    labels = np.array([1, 1, NAN, 0, 1, 0, 0, 1, NAN, NAN])
    of = EvaluatedRows("anomaly", labels, values=np.arange(10.0, 0.0, -1.0))
    found = alert_metrics.measure_alerts(of, threshold=8.5, share=0.5, clusters=by_row(10), seed=0)
    assert found["precision_at_k"].value == pytest.approx(3 / 4)
    assert found["recall_at_k"].value == pytest.approx(3 / 4)
    assert found["alerts_per_1000"].value == pytest.approx(200)
    for interval in found.values():
        assert interval.low < interval.value < interval.high


def test_alerts_are_counted_without_a_label() -> None:
    """Nothing else is defined then."""
    of = EvaluatedRows("anomaly", np.full(50, NAN), values=np.arange(50.0))
    found = alert_metrics.measure_alerts(of, threshold=45, share=0.1, clusters=by_row(50), seed=0)
    assert list(found) == ["alerts_per_1000"]


def test_no_alert_and_no_error_have_an_interval_too() -> None:
    """Half a row at either end: what did not happen in fifty rows may happen in the next."""
    of = EvaluatedRows("anomaly", np.where(np.arange(50) > 44, 1.0, 0.0), values=np.arange(50.0))
    found = alert_metrics.measure_alerts(of, threshold=99, share=0.1, clusters=by_row(50), seed=0)
    assert found["alerts_per_1000"].low == 0 < found["alerts_per_1000"].high
    assert found["precision_at_k"].value == 1
    assert 0.2 < found["precision_at_k"].low < 1


def test_clusters_widen_the_intervals() -> None:
    """Rows that come in tens, all alerts or none, say less than as many single rows."""
    scores = np.repeat(np.random.default_rng(0).normal(size=60), 10)
    of = EvaluatedRows("anomaly", np.full(600, NAN), values=scores)
    together = RowClusters("group", np.repeat(np.arange(60), 10), 60)
    wide, narrow = (
        alert_metrics.measure_alerts(of, threshold=1.0, share=0.1, clusters=units, seed=0)["alerts_per_1000"]
        for units in (together, by_row(600))
    )
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Recall and precision of the top tenth, and the rate of alerts, over 120 tables, beside those of many rows."""
    many = outcome(200_000, seed=99, known=1.0)
    truth = alert_metrics.measure_alerts(many, threshold=2.0, share=0.1, clusters=by_row(200_000), seed=0)
    held = dict.fromkeys(truth, 0)
    for seed in range(120):
        of = outcome(300, seed=seed)
        found = alert_metrics.measure_alerts(of, threshold=2.0, share=0.1, clusters=by_row(300), seed=seed)
        for name, interval in found.items():
            held[name] += interval.low <= truth[name].value <= interval.high
    assert all(count / 120 >= 0.88 for count in held.values()), held
