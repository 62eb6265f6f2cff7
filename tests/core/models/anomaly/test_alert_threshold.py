"""The threshold of an anomaly model by a budget of alerts."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.models.anomaly.alert_budget import AlertBudget, rows_per_day
from headrace.core.models.anomaly.alert_threshold import ScoreSample, choose_threshold


@pytest.mark.parametrize(
    ("text", "count", "per"), [("10", 10.0, "rows"), ("0.5", 0.5, "rows"), ("20/day", 20.0, "day"), ("", 10.0, "rows")]
)
def test_a_budget_is_per_rows_or_per_day(text: str, count: float, per: str) -> None:
    """The two forms, and the default."""
    assert AlertBudget.parse(text) == AlertBudget(count, per)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0", "-1", "many", "10/week", "1001", "nan", "inf", "/day", "5 per day"])
def test_another_budget_is_refused(text: str) -> None:
    """One sentence says what is allowed and what came."""
    with pytest.raises(InputError, match=r"the alert budget must be .*; got"):
        AlertBudget.parse(text)


def test_a_budget_per_day_follows_from_the_rows_of_a_day() -> None:
    """A hundred rows a day and five alerts make one row in twenty; without times it is refused."""
    times = pl.Series([dt.datetime(2026, 1, 1) + dt.timedelta(minutes=14.4 * row) for row in range(500)])  # noqa: DTZ001
    assert rows_per_day(times) == pytest.approx(100)
    assert AlertBudget.parse("5/day").share(times) == pytest.approx(0.05)
    assert AlertBudget.parse("500/day").share(times) == 1
    with pytest.raises(InputError, match="time_column"):
        AlertBudget.parse("5/day").share(None)
    with pytest.raises(DataError, match="different times"):
        AlertBudget.parse("5/day").share(times[:1].extend(times[:1]))


def test_few_scores_are_kept_and_come_back_from_json() -> None:
    """All of the highest, and some of the others."""
    scores = np.random.default_rng(0).normal(size=200_000)
    sample = ScoreSample.of(scores)
    assert len(sample.ranks) < 1300
    assert (sample.ranks[0], sample.ranks[-1], sample.rows) == (1, 200_000, 200_000)
    assert sample.scores[:300] == tuple(np.sort(scores)[::-1][:300].tolist())
    assert ScoreSample.from_json(json.loads(json.dumps(sample.as_json()))) == sample
    with pytest.raises(ValueError, match="falling"):
        ScoreSample.from_json({"rows": 2, "ranks": [1, 2], "scores": [0.1, 0.2]})


def test_rows_that_no_fold_held_out_do_not_count() -> None:
    """They are NaN, as the oldest rows of a table that is divided by time."""
    assert ScoreSample.of(np.array([np.nan, 1.0, 3.0])).scores == (3.0, 1.0)


@pytest.mark.parametrize("share", [0.0004, 0.001, 0.01, 0.2, 0.999, 1.0])
@pytest.mark.parametrize("levels", [0, 3, 40])
def test_no_more_rows_are_alerts_than_the_budget_allows(share: float, levels: int) -> None:
    """Also where many rows have one score: they cross the threshold together or not at all."""
    scores = np.random.default_rng(1).normal(size=2000)
    scores = np.round(scores * levels) / levels if levels else scores
    found = choose_threshold(ScoreSample.of(scores), share)
    alerts = int((scores >= found.value).sum())
    assert alerts <= round(share * 2000)
    assert found.low <= found.value <= found.high
    if not levels and share < 0.2:  # all ranks are kept there
        assert alerts == int(share * 2000)


def test_the_last_bit_of_a_score_decides_no_row() -> None:
    """The threshold lies in the middle between two scores."""
    assert choose_threshold(ScoreSample.of(np.arange(100.0)), 0.05).value == pytest.approx(94.5)


def test_rows_that_are_all_alike_are_no_alerts_by_another_models_rounding() -> None:
    """Seen with a constant table: 0.4999999999999993 by the folds' forests, 0.5000000000000001 by that of all rows."""
    for scores in (np.full(80, 0.4999999999999993), np.tile([0.4999999999999993, 0.5], 40), np.zeros(80)):
        assert choose_threshold(ScoreSample.of(scores), 0.01).value > scores.max() * (1 + 1e-12)


def test_the_interval_holds_the_true_quantile_as_often_as_it_says() -> None:
    """Of normal scores in 95 of 100 samples, within what chance allows of 600 samples."""
    draw, true = np.random.default_rng(2), 1.6448536269514722
    held = 0
    for _ in range(600):
        found = choose_threshold(ScoreSample.of(draw.normal(size=800)), 0.05)
        held += found.low <= true <= found.high
    assert 0.92 <= held / 600 <= 0.985
