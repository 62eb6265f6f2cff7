"""The backtest: what it concludes, and how often it is wrong."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mean_pinball_loss

from headrace.core.base.errors import InputError
from headrace.core.series import forecast_metrics
from headrace.core.series.backtest import Backtest, backtest
from headrace.core.series.regular_series import read_series
from headrace.core.series.windows import CHANGE, ORIGIN, STEP, training_windows
from tests.core.series.made_series import MONTHLY, monthly

ROWS = monthly(240, noise=1.0)
WINDOWS = training_windows(read_series(ROWS, MONTHLY).series, MONTHLY)
CUT = ROWS["month"][150]
TRAIN, TEST = WINDOWS.filter(pl.col("month") < CUT), WINDOWS.filter(pl.col("month") >= CUT)


def measured(share: float, *, bias: float = 0.0) -> Backtest:
    """The backtest of a model that knows a share of each change."""
    return backtest(TRAIN, TEST, share * TEST[CHANGE].to_numpy() + bias, MONTHLY)


def test_a_model_that_knows_half_of_every_change_beats_the_seasonal_naive_forecast() -> None:
    """By half of its error."""
    found = measured(0.5)
    assert found.beats_seasonal_naive
    assert found.conclusion.startswith("The model beats the seasonal naive forecast")
    assert "50.0% less" in found.conclusion
    assert found.errors["model"].mae == pytest.approx(found.errors["seasonal_naive"].mae / 2)


def test_a_model_that_says_the_same_does_not_beat_it() -> None:
    """And one that is worse is called so."""
    same, worse = measured(0.0), measured(0.0, bias=9.0)
    assert not same.beats_seasonal_naive
    assert same.conclusion.startswith("The model does NOT clearly beat")
    assert "it is worse" in worse.conclusion
    assert "use the seasonal naive forecast" in worse.conclusion


def test_every_step_counts_the_same() -> None:
    """Origins that have late steps only, shortly before the test part, and those at its end are left out."""
    found = measured(0.5)
    assert found.values == found.origins * MONTHLY.horizon
    assert found.first_origin == str(TEST.filter(pl.col(STEP) == 1)[ORIGIN].min())


def test_mase_is_in_units_of_the_seasonal_naive_error_one_step_ahead_in_training() -> None:
    """By hand, from the series itself."""
    values = ROWS.filter(pl.col("month") < CUT)["sold"].to_numpy()
    first = MONTHLY.length  # the first that a window predicts
    scale = np.abs(values[first:] - values[first - 12 : -12]).mean()
    found = measured(0.0)
    assert found.errors["seasonal_naive"].mase == pytest.approx(found.errors["seasonal_naive"].mae / scale)


def test_intervals_of_the_earlier_half_hold_in_the_later_one() -> None:
    """The errors do not change over time here."""
    found = measured(0.5).intervals
    assert found is not None
    assert 0.8 < found.held <= 1.0


def test_few_origins_tell_nothing() -> None:
    """Fewer than two horizons that share no time."""
    few = TEST.filter(pl.col("month") < ROWS["month"][158])
    found = backtest(TRAIN, few, np.zeros(few.height), MONTHLY)
    assert found.comparisons == ()
    assert "too few origins to tell" in found.conclusion
    assert found.intervals is None


def test_the_document_survives_json() -> None:
    """And another one is refused."""
    found = measured(0.5)
    assert Backtest.from_json(found.as_json()).as_json() == found.as_json()
    with pytest.raises(InputError, match="backtest"):
        Backtest.from_json({"format": 1})


def test_keys_have_scales_of_their_own() -> None:
    """A key with large values does not decide alone."""
    series = replace(MONTHLY, keys=("shop",))
    both = pl.concat(
        [ROWS.with_columns(shop=pl.lit(name), sold=pl.col("sold") * size) for name, size in (("a", 1), ("b", 1000))]
    )
    windows = training_windows(read_series(both, series).series, series)
    train, test = windows.filter(pl.col("month") < CUT), windows.filter(pl.col("month") >= CUT)
    found = backtest(train, test, np.zeros(test.height), series)
    assert found.keys == 2
    assert found.errors["seasonal_naive"].mase == pytest.approx(measured(0.0).errors["seasonal_naive"].mase)


def test_equal_forecasts_are_rarely_called_different_though_their_errors_overlap() -> None:
    """Differences that share five of six shocks: five in a hundred are promised, at most eight are found.

    The plain t-test, which takes them for independent, errs in a third of the cases or more.
    """
    draw, called, plain = np.random.default_rng(0), 0, 0
    for _ in range(400):
        shocks = draw.normal(size=125)
        losses = np.convolve(shocks, np.ones(6), mode="valid")
        found = forecast_metrics.compare_forecasts(losses, overlap=5)
        assert found is not None
        called += found.better or found.worse
        plain += abs(losses.mean()) > 1.96 * losses.std() / np.sqrt(len(losses))
    assert called <= 32
    assert plain > 120


def test_metrics_are_those_of_their_definitions() -> None:
    """Pinball loss as scikit-learn's, sMAPE between 0 and 200, 0 / 0 counts as 0."""
    draw = np.random.default_rng(1)
    actual, predicted = draw.normal(size=50), draw.normal(size=50)
    assert forecast_metrics.pinball(actual, predicted, quantile=0.9) == pytest.approx(
        mean_pinball_loss(actual, predicted, alpha=0.9)
    )
    assert forecast_metrics.smape(np.array([0.0, 1.0]), np.array([0.0, -1.0])) == 100.0
    assert np.isnan(forecast_metrics.mase(np.ones(3), np.zeros(3)))
    assert forecast_metrics.coverage(np.array([1.0, 2.0]), np.array([1.0, 3.0]), np.array([1.0, 4.0])) == 0.5
