"""Performance with labels: metrics and slices beside the test part, how many labels there are, and their bias."""

from dataclasses import replace

import numpy as np
import pytest

from headrace.core.base.errors import InputError
from headrace.core.monitors.performance.measured_performance import LabelledWindow, performance_results
from headrace.core.monitors.performance.performance_reference import PerformancePlan, PerformanceReference
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.slices import Slice
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from tests.core.monitors.performance.test_estimated_performance import Rng, binary, profile_of, reference_of, regression

CLASSES = ("no", "yes")


def _window(outcome: EvaluatedRows, unlabelled: int = 0, **more: object) -> LabelledWindow:
    """Return a window whose first rows have no label."""
    chosen = np.arange(len(outcome))
    labelled = outcome.take(chosen[unlabelled:])
    return replace(LabelledWindow(labelled, PredictedRows.of(outcome).take(chosen[:unlabelled])), **more)  # type: ignore[arg-type]


def _find(results: tuple[MonitorResult, ...], monitor: str, subject: str = "") -> MonitorResult:
    return next(one for one in results if (one.monitor, one.subject) == (monitor, subject))


def test_an_unchanged_window_is_ok_beside_the_test_part() -> None:
    """Each metric has an interval, a reference and an adjusted probability."""
    rng = np.random.default_rng(0)
    test = binary(rng, 1000)
    results = performance_results(
        profile_of(test), _window(binary(rng, 500)), classes=CLASSES, reference=reference_of(test)
    )
    measured = [one for one in results if one.monitor == "measured_performance"]
    assert {one.status for one in measured} == {"ok"}
    assert {one.subject for one in measured} == set(reference_of(test).metrics)
    assert all(one.low is not None and one.low <= (one.value or 0) <= (one.high or 0) for one in measured)
    assert all(one.reference is not None and one.p_value is not None for one in measured)


def test_a_model_that_got_worse_is_violated_unless_the_loss_is_tolerated() -> None:
    """The tolerance is in the metric's own unit."""
    rng = np.random.default_rng(1)
    test, window = binary(rng, 1000), _window(binary(rng, 800, meaning=0.3))
    arguments = {"classes": CLASSES, "reference": reference_of(test)}
    results = performance_results(profile_of(test), window, **arguments)  # type: ignore[arg-type]
    assert _find(results, "measured_performance", "roc_auc").status == "violated"
    assert "worse than" in _find(results, "measured_performance", "roc_auc").sentence
    tolerant = PerformancePlan(tolerance=0.9)
    again = performance_results(profile_of(test), window, plan=tolerant, **arguments)  # type: ignore[arg-type]
    assert _find(again, "measured_performance", "roc_auc").status == "ok"


@pytest.mark.slow
def test_false_alarms_are_at_most_as_promised() -> None:
    """Of sixty unchanged windows with 14 comparisons each, hardly one has an alarm at 5 %."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        test, window = binary(rng, 800), binary(rng, 300)
        parts = tuple(Slice("side", str(side), np.arange(side, 300, 2)) for side in range(2))
        reference = replace(reference_of(test), slices={"side = 0": reference_of(test).metrics["roc_auc"]})
        results = performance_results(
            profile_of(test),
            _window(window, slices=parts),
            classes=CLASSES,
            reference=reference,
            plan=PerformancePlan(alpha=0.05),
        )
        alarms += any(one.status == "violated" for one in results)
    assert alarms <= 7  # 3 are expected; more than 7 happen once in 60


def test_one_class_alone_leaves_the_area_under_the_curve_unknown() -> None:
    """Not NaN and not ok; what one class defines is measured."""
    rng = np.random.default_rng(2)
    window = binary(rng, 200)
    positives = window.take(np.flatnonzero(window.actual == 1))
    results = performance_results(profile_of(binary(rng, 500)), _window(positives), classes=CLASSES)
    area = _find(results, "measured_performance", "roc_auc")
    assert (area.status, area.value) == ("unknown", None)
    assert f"all {len(positives)} labelled rows are of the class yes" in area.sentence
    assert _find(results, "measured_performance", "accuracy").value is not None
    assert all(one.value is None or np.isfinite(one.value) for one in results)


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_few_labels_measure_nothing(rows: int) -> None:
    """No labels, or one row, are unknown in one sentence, with the coverage beside it."""
    rng = np.random.default_rng(0)
    results = performance_results(
        profile_of(binary(rng, 500)), _window(binary(rng, 50 + rows), unlabelled=50), classes=CLASSES
    )
    assert [(one.monitor, one.status) for one in results] == [
        ("measured_performance", "unknown"),
        ("label_coverage", "ok"),
        ("label_bias", "unknown"),
    ]
    assert f"labels of {'1 row' if rows == 1 else f'{rows} rows'} have come" in results[0].sentence


def test_coverage_has_a_bound_and_an_interval() -> None:
    """Too few labels are said to be too few."""
    rng = np.random.default_rng(0)
    window = _window(binary(rng, 200), unlabelled=150)
    results = performance_results(profile_of(binary(rng, 500)), window, classes=CLASSES, fewest_labelled=0.5)
    coverage = _find(results, "label_coverage")
    assert (coverage.status, coverage.value, coverage.bound) == ("violated", 0.25, 0.5)
    assert (coverage.low or 0) < 0.25 < (coverage.high or 0)
    with pytest.raises(InputError, match="a share from 0 to 1"):
        performance_results(profile_of(binary(rng, 500)), window, classes=CLASSES, fewest_labelled=2.0)
    nothing = _window(binary(rng, 10).take(np.arange(0)))
    assert (
        _find(performance_results(profile_of(binary(rng, 500)), nothing, classes=CLASSES), "label_coverage").status
        == "unknown"
    )


def test_slices_with_enough_rows_are_compared_with_their_own_past() -> None:
    """A slice that has always been worse is no change; one that the test part did not know is only shown."""
    rng = np.random.default_rng(4)
    test, window = binary(rng, 1000), binary(rng, 600)
    broken = replace(window, actual=np.where(np.arange(600) < 200, 1 - window.actual, window.actual))
    parts = (
        Slice("place", "north", np.arange(200)),
        Slice("place", "south", np.arange(200, 600)),
        Slice("place", "moon", np.arange(30)),
    )
    metrics = reference_of(test).metrics
    reference = PerformanceReference(metrics, {"place = north": metrics["roc_auc"]})
    results = performance_results(profile_of(test), _window(broken, slices=parts), classes=CLASSES, reference=reference)
    found = {one.subject: one for one in results if one.monitor == "slice_performance"}
    assert {name: one.status for name, one in found.items()} == {"place = north": "violated", "place = south": "ok"}
    assert found["place = south"].reference is None


def test_rows_of_one_request_are_one_draw() -> None:
    """Twenty copies of forty rows are not eight hundred rows."""
    rng = np.random.default_rng(5)
    copies = np.repeat(np.arange(40), 20)
    outcome = binary(rng, 40).take(copies)
    clusters = RowClusters("request", copies, 40)
    profile = profile_of(binary(rng, 500))
    widths = []
    for one in (None, clusters):
        accuracy = _find(
            performance_results(profile, _window(outcome, clusters=one), classes=CLASSES),
            "measured_performance",
            "accuracy",
        )
        widths.append((accuracy.high or 0) - (accuracy.low or 0))
    assert widths[1] > 2.5 * widths[0]


def _biased(rng: Rng, rows: int) -> LabelledWindow:
    """Return a window in which mostly sure predictions have labels."""
    outcome = binary(rng, rows)
    scores = PredictedRows.of(outcome).scores
    sure = rng.random(rows) < np.where(np.abs(scores - 0.5) > 0.3, 0.8, 0.1)
    return LabelledWindow(outcome.take(np.flatnonzero(sure)), PredictedRows.of(outcome.take(np.flatnonzero(~sure))))


def test_labels_of_some_rows_only_are_said_to_be_biased() -> None:
    """The sentence has what the metric is with the predictions of all rows, which is nearer to the truth."""
    rng = np.random.default_rng(6)
    profile = profile_of(binary(rng, 1000))
    bias = _find(performance_results(profile, _biased(rng, 3000), classes=CLASSES), "label_bias")
    assert bias.status == "violated"
    assert "the prediction" in bias.sentence
    assert "the measured metrics are of the former only" in bias.sentence
    assert "the area under the ROC curve with the predictions of all rows is" in bias.sentence
    fair = _find(performance_results(profile, _window(binary(rng, 600), unlabelled=300), classes=CLASSES), "label_bias")
    assert fair.status == "ok"


def test_weights_by_prediction_correct_what_the_prediction_shows() -> None:
    """The error of all rows lies nearer to the reweighted one than to that of the labelled rows."""
    rng = np.random.default_rng(7)
    outcome = regression(rng, 4000)
    assert outcome.values is not None
    labelled = rng.random(4000) < np.where(outcome.values > 0, 0.1, 0.9)
    window = LabelledWindow(
        outcome.take(np.flatnonzero(labelled)), PredictedRows.of(outcome.take(np.flatnonzero(~labelled)))
    )
    results = performance_results(profile_of(regression(rng, 1000)), window, classes=())
    measured = _find(results, "measured_performance", "rmse").value or 0
    true = float(np.sqrt(np.square(outcome.actual - outcome.values).mean()))
    text = _find(results, "label_bias").sentence
    reweighted = float(text.split("predictions of all rows is ")[1].split()[0])
    assert abs(reweighted - true) < abs(measured - true) / 3


def test_a_plan_out_of_range_is_one_sentence() -> None:
    """An alpha of 1 would promise nothing."""
    with pytest.raises(InputError, match="alpha must be above 0 and below 1"):
        PerformancePlan(alpha=1.0)
