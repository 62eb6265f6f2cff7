"""Performance without labels: an interval that holds, `unknown` where nothing can be known, and what came of it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from headrace.core.drift.input_bins import choose_bins
from headrace.core.drift.input_counts import ColumnCounts, InputCounts
from headrace.core.drift.output_profile import OutputProfile, describe_outputs
from headrace.core.features.bins import ColumnBins
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.monitors.performance.estimated_metrics import MOST_ROWS, draw_metrics
from headrace.core.monitors.performance.estimated_performance import compare_estimates, estimated_results
from headrace.core.monitors.performance.measured_performance import LabelledWindow, performance_results
from headrace.core.monitors.performance.performance_reference import PerformanceReference
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.statistics.bootstrap import intervals, resample
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics

Rng = np.random.Generator


def binary(rng: Rng, rows: int, *, shift: float = 0.0, meaning: float = 1.0) -> EvaluatedRows:
    """Predict classes by scores that are too sure; ``meaning`` is how much the input has to do with the class."""
    signal = 1.3 * rng.standard_normal(rows) + shift
    actual = (rng.random(rows) < expit(meaning * signal - 0.5)).astype(np.int64)
    scores = expit(1.6 * signal)
    return EvaluatedRows("binary", actual, np.stack([1 - scores, scores], axis=1), (scores >= 0.5).astype(np.int64))


def multiclass(rng: Rng, rows: int, *, shift: float = 0.0) -> EvaluatedRows:
    """Predict three classes by probabilities that are too sure."""
    logits = rng.standard_normal((rows, 3)) + np.array([shift, 0.0, 0.0])
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sure = np.exp(1.5 * logits) / np.exp(1.5 * logits).sum(axis=1, keepdims=True)
    actual = (rng.random((rows, 1)) > true.cumsum(axis=1)).sum(axis=1)
    return EvaluatedRows("multiclass", actual, sure, sure.argmax(axis=1))


def regression(rng: Rng, rows: int, *, shift: float = 0.0) -> EvaluatedRows:
    """Predict numbers with a bias, and errors that grow with the prediction."""
    values = rng.standard_normal(rows) + shift
    return EvaluatedRows("regression", values + 0.2 + np.exp(0.3 * values) * rng.standard_normal(rows), values=values)


def profile_of(outcome: EvaluatedRows) -> OutputProfile:
    """Return the profile of a test part."""
    names = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
    return describe_outputs(outcome, names[outcome.task])


def reference_of(outcome: EvaluatedRows) -> PerformanceReference:
    """Return the metrics of a test part."""
    return PerformanceReference(intervals(outcome, resample([outcome], seed=0, resamples=400)))


@pytest.mark.parametrize(
    ("make", "windows", "names"),
    [
        (binary, 30, {"accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier"}),
        (multiclass, 30, {"accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier"}),
    ],
)
def test_intervals_hold_what_is_measured_later_under_a_shift_of_inputs(
    make: Callable[..., EvaluatedRows], windows: int, names: set[str]
) -> None:
    """Of 95 % intervals at least 88 of 100 hold in windows of 300 rows, whose test part has 600 rows."""
    inside: dict[str, list[bool]] = {}
    for seed in range(windows):
        rng = np.random.default_rng(seed)
        profile, window = profile_of(make(rng, 600)), make(rng, 300, shift=0.4)
        measured = compute_metrics(window)
        for one in draw_metrics(profile, PredictedRows.of(window), draws=100):
            low, high = one.interval(0.95)
            inside.setdefault(one.name, []).append(low <= measured[one.name] <= high)
    assert set(inside) == names
    assert np.mean(list(inside.values())) > 0.88, {name: np.mean(values) for name, values in inside.items()}


def test_a_wrong_calibration_is_corrected() -> None:
    """The scores claim an accuracy that the test part does not have: the estimate knows better."""
    rng = np.random.default_rng(0)
    window = binary(rng, 4000)
    draws = draw_metrics(profile_of(binary(rng, 4000)), PredictedRows.of(window), draws=100)
    (accuracy,) = (one for one in draws if one.name == "accuracy")
    claimed = float(PredictedRows.of(window).probabilities.max(axis=1).mean())  # type: ignore[union-attr]
    measured = compute_metrics(window)["accuracy"]
    assert abs(accuracy.value - measured) < 0.03 < claimed - measured


def test_a_larger_window_than_is_drawn_from_has_the_same_estimate() -> None:
    """Every third row stands for its neighbours, with their sampling error and not that of a third."""
    rng = np.random.default_rng(0)
    profile, many = profile_of(binary(rng, 3000)), PredictedRows.of(binary(rng, 3 * MOST_ROWS))
    whole = {one.name: one for one in draw_metrics(profile, many, draws=60)}
    part = {one.name: one for one in draw_metrics(profile, many.take(np.arange(MOST_ROWS)), draws=60)}
    for name, one in whole.items():
        assert one.value == pytest.approx(part[name].value, abs=0.02)
        assert one.defined.std() < 1.3 * part[name].defined.std()


def test_a_worse_window_is_violated_and_an_equal_one_is_not() -> None:
    """Inputs that lie where the model is less sure lower what can be expected of it."""
    rng = np.random.default_rng(3)
    test = binary(rng, 3000)
    easy = binary(rng, 3000)
    hard = easy.take(np.flatnonzero(np.abs(PredictedRows.of(easy).scores - 0.5) < 0.3))
    kwargs = {"reference": reference_of(test)}
    results = {one.subject: one for one in estimated_results(profile_of(test), PredictedRows.of(hard), **kwargs)}
    assert results["accuracy"].status == "violated"
    assert "worse than" in results["accuracy"].sentence
    assert results["accuracy"].p_value is not None
    equal = estimated_results(profile_of(test), PredictedRows.of(binary(rng, 1000)), **kwargs)
    assert {one.status for one in equal} == {"ok"}
    assert all("cannot be seen without labels" in one.sentence for one in equal)


def test_under_a_concept_shift_the_estimate_stays_and_the_measurement_moves() -> None:
    """No estimate without labels can see it; the comparison says so."""
    rng = np.random.default_rng(5)
    test = binary(rng, 2000)
    window = binary(rng, 2000, meaning=-0.3)
    profile, reference = profile_of(test), reference_of(test)
    estimated = estimated_results(profile, PredictedRows.of(window), reference=reference)
    nothing = PredictedRows.of(window).take(np.arange(0))
    measured = performance_results(profile, LabelledWindow(window, nothing), classes=("no", "yes"), reference=reference)
    assert {one.status for one in estimated} == {"ok"}
    assert {one.status for one in measured if one.subject in {"accuracy", "roc_auc", "log_loss"}} == {"violated"}
    compared = {one.metric: one for one in compare_estimates(estimated, measured)}
    assert not compared["roc_auc"].inside
    assert "no longer mean what they meant" in compared["roc_auc"].sentence


def test_a_comparison_knows_an_estimate_that_held() -> None:
    """Beside what it turned out to be."""
    rng = np.random.default_rng(6)
    test, window = binary(rng, 2000), binary(rng, 1000)
    profile = profile_of(test)
    measured = performance_results(
        profile, LabelledWindow(window, PredictedRows.of(window).take(np.arange(0))), classes=("no", "yes")
    )
    compared = compare_estimates(estimated_results(profile, PredictedRows.of(window)), measured)
    assert len(compared) == 7
    assert all("inside its interval" in one.sentence for one in compared if one.inside)
    assert sum(one.inside for one in compared) >= 6


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_errors_that_the_prediction_does_not_show_are_estimated_from_inputs(shift: float) -> None:
    """Of 95 % intervals at least 88 of 100 hold though errors grow with an input that the model does not use.

    The mean absolute error grows by 0.26 under the shift; the estimate follows it to a fifth of that.
    """
    inside: list[bool] = []
    errors: list[float] = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        profile, trained, bins = _fit_regression(rng, 800)
        inputs, outcome = _noisy_regression(rng, 400, shift=shift)
        measured = compute_metrics(outcome)
        results = estimated_results(
            profile, PredictedRows.of(outcome), inputs=InputCounts.of(inputs, bins), trained=trained
        )
        known = [one for one in results if one.low is not None and one.high is not None]
        inside += [one.low <= measured[one.subject] <= one.high for one in known]  # type: ignore[operator]
        errors += [one.value - measured["mae"] for one in known[:1]]  # type: ignore[operator]
    assert len(errors) > 0.9 * 60
    assert np.mean(inside) > 0.88
    assert abs(np.mean(errors)) < 0.05


def test_a_shift_to_where_the_test_part_has_few_rows_is_unknown() -> None:
    """An interval there would be wrong more often than it says."""
    rng = np.random.default_rng(0)
    profile, trained, bins = _fit_regression(rng, 800)
    inputs, outcome = _noisy_regression(rng, 400, shift=1.5)
    rows = PredictedRows.of(outcome)
    results = estimated_results(profile, rows, inputs=InputCounts.of(inputs, bins), trained=trained)
    assert {one.status for one in results} == {"unknown"}
    assert "at the edge of what the model has seen, or outside it, in noise" in results[0].sentence
    # Nine rows of ten as high as the test part's highest fifth: nowhere at its edge, and yet like few of its rows.
    middle = np.quantile(trained_values := _noisy_regression(rng, 4000)[0][:, 1], [0.8, 0.97])
    high = trained_values[(trained_values > middle[0]) & (trained_values < middle[1])][:400]
    counts = InputCounts.of(np.column_stack([inputs[: len(high), 0], high]), bins)
    results = estimated_results(profile, rows.take(np.arange(len(high))), inputs=counts, trained=trained)
    assert {one.status for one in results} == {"unknown"}
    assert "too few rows of the test part are like these" in results[0].sentence


def test_without_the_inputs_of_its_rows_a_regression_is_unknown() -> None:
    """Whether errors have grown cannot be known of rows whose inputs are not stored, or not valid."""
    rng = np.random.default_rng(0)
    profile, trained, bins = _fit_regression(rng, 800)
    inputs, outcome = _noisy_regression(rng, 400)
    rows = PredictedRows.of(outcome)
    for counts, found in ((None, "0 of 400"), (InputCounts.of(inputs[:300], bins), "300 of 400")):
        results = estimated_results(profile, rows, inputs=counts, trained=trained)
        assert {one.status for one in results} == {"unknown"}
        assert f"known and valid of {found} rows" in results[0].sentence
    # A part of the rows stands for all of them, and their inputs are counted over all.
    results = estimated_results(
        profile, rows, inputs=InputCounts.of(np.tile(inputs, (9, 1)), bins), trained=trained, answered=4000
    )
    assert "3,600 of 4,000" in results[0].sentence


def test_a_few_large_errors_make_the_rmse_unknown() -> None:
    """The next of them decides it; the mean absolute error is estimated all the same."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal(800)
    outcome = EvaluatedRows("regression", values + rng.standard_t(2.5, 800), values=values)
    mae, rmse = estimated_results(describe_outputs(outcome, ()), PredictedRows.of(outcome))
    assert (mae.status, rmse.status) == ("ok", "unknown")
    assert "the next large error decides" in rmse.sentence


def test_a_bundle_of_before_says_what_it_lacks() -> None:
    """Its profile knows nothing of how errors depend on inputs."""
    rng = np.random.default_rng(0)
    profile, trained, bins = _fit_regression(rng, 100)
    inputs, outcome = _noisy_regression(rng, 50)
    old = replace(profile, errors=None)
    results = estimated_results(old, PredictedRows.of(outcome), inputs=InputCounts.of(inputs, bins), trained=trained)
    assert {one.status for one in results} == {"unknown"}
    assert "package the model again" in results[0].sentence


def _noisy_regression(rng: Rng, rows: int, *, shift: float = 0.0) -> tuple[np.ndarray, EvaluatedRows]:
    """Return inputs (n, 2), and predictions by the first whose errors grow with the second."""
    inputs = rng.standard_normal((rows, 2)) + np.array([0.0, shift])
    errors = np.exp(0.6 * inputs[:, 1]) * rng.standard_normal(rows)
    return inputs, EvaluatedRows("regression", 3 * inputs[:, 0] + errors, values=3 * inputs[:, 0])


def _fit_regression(rng: Rng, rows: int) -> tuple[OutputProfile, InputCounts, tuple[ColumnBins, ...]]:
    """Return the profile of a test part, the counts of a training part, and its bins."""
    training, _ = _noisy_regression(rng, 4000)
    bins = choose_bins(training, [MatrixColumn("signal"), MatrixColumn("noise")])
    trained = InputCounts.of(training, bins)
    inputs, outcome = _noisy_regression(rng, rows)
    return describe_outputs(outcome, (), (inputs, trained)), trained, bins


def _counts(low: int, inside: int, high: int) -> InputCounts:
    column = ColumnCounts(ColumnBins("age", edges=(0.0, 100.0)), np.array([low, inside, high]), 0)
    return InputCounts((column,), low + inside + high)


def test_rows_outside_what_training_saw_make_it_unknown() -> None:
    """Where the model has seen nothing, how sure it is means nothing."""
    rng = np.random.default_rng(0)
    profile, rows = profile_of(binary(rng, 500)), PredictedRows.of(binary(rng, 500))
    trained = _counts(0, 1000, 0)
    outside = estimated_results(profile, rows, inputs=_counts(0, 400, 100), trained=trained)
    assert {one.status for one in outside} == {"unknown"}
    assert "20.0% of the rows lie outside what the model has seen in age" in outside[0].sentence
    inside = estimated_results(profile, rows, inputs=_counts(10, 480, 10), trained=trained)
    assert {one.status for one in inside} == {"ok"}


def test_predictions_beyond_those_of_the_test_part_make_a_regression_unknown() -> None:
    """There are no errors to learn from."""
    rng = np.random.default_rng(0)
    results = estimated_results(profile_of(regression(rng, 500)), PredictedRows.of(regression(rng, 100, shift=6)))
    assert {one.status for one in results} == {"unknown"}
    assert "the predicted value" in results[0].sentence


def test_without_rows_or_with_a_tiny_test_part_it_is_unknown() -> None:
    """Never NaN, and never ok."""
    rng = np.random.default_rng(0)
    rows = PredictedRows.of(binary(rng, 50))
    nothing = rows.take(np.arange(0))
    for tested, window in ((500, nothing), (20, rows)):
        results = estimated_results(profile_of(binary(rng, tested)), window)
        assert {(one.status, one.value) for one in results} == {("unknown", None)}


def test_one_row_has_no_area_under_a_curve() -> None:
    """What one label can define is estimated, and the rest is unknown."""
    rng = np.random.default_rng(0)
    results = {
        one.subject: one.status
        for one in estimated_results(profile_of(binary(rng, 500)), PredictedRows.of(binary(rng, 1)))
    }
    assert (results["roc_auc"], results["log_loss"]) == ("unknown", "ok")


def test_the_same_seed_gives_the_same_estimate() -> None:
    """A report that is made again is the same report."""
    rng = np.random.default_rng(0)
    profile, rows = profile_of(binary(rng, 300)), PredictedRows.of(binary(rng, 300))
    assert estimated_results(profile, rows) == estimated_results(profile, rows)


def test_a_regression_without_errors_is_estimated_at_zero() -> None:
    """A model that was always right on the test part."""
    values = np.linspace(0, 1, 100)
    outcome = EvaluatedRows("regression", values, values=values)
    results = estimated_results(profile_of(outcome), PredictedRows.of(replace(outcome, actual=values + 1)))
    assert [one.value for one in results] == [0.0, 0.0]
