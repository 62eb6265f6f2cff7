"""Outliers among rows, by contract and profile."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.monitors.data.row_outliers import OutlierDetector
from tests.core.monitors.data.test_data_results import CONTRACT, PROFILE, draw_rows

USUAL: dict[str, Any] = {"price": 0.1, "weight": 0.0, "town": "a"}


def _judge(*rows: dict[str, Any], alpha: float = 0.01) -> Any:
    return OutlierDetector(CONTRACT, PROFILE, alpha=alpha).judge(pl.DataFrame([{**USUAL, **row} for row in rows]))


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.1, 0.5])
def test_at_most_alpha_of_rows_like_those_of_training_are_outliers(alpha: float) -> None:
    """The promise, on 20,000 new rows of the same world; it is within four standard errors of what is promised."""
    rows = draw_rows(np.random.default_rng(1), 20_000)
    share = OutlierDetector(CONTRACT, PROFILE, alpha=alpha).judge(rows).outliers.mean()
    assert share <= alpha + 4 * np.sqrt(alpha * (1 - alpha) / rows.height)


def test_a_value_beyond_those_of_training_is_one() -> None:
    """Within the contract's range, but with no training row on its far side; the reason names the column."""
    found = _judge({}, {"price": 6.0}, {"price": -6.0}, {"weight": 9.0, "price": 6.0})
    assert found.outliers.tolist() == [False, True, True, True]
    assert found.reasons == ((), ("unusual: price",), ("unusual: price",), ("unusual: price", "unusual: weight"))


def test_the_score_counts_the_rows_that_are_as_unusual() -> None:
    """Minus the decimal logarithm of (1 + no rows beyond) * 2 sides * 3 inputs in 5,000 rows and this one."""
    assert _judge({"price": 6.0}).scores.tolist() == pytest.approx([-np.log10(2 * 3 / 5001)])
    assert _judge({}).scores.tolist() == [0.0]


def test_what_the_contract_refuses_is_one_with_the_rule_as_reason() -> None:
    """Its score is that of a row as none of training was; others are judged beside it."""
    found = _judge({"price": 11.0}, {}, {"price": "dear"})
    assert found.outliers.tolist() == [True, False, True]
    assert found.reasons[:2] == (("range: price",), ())
    assert found.scores[0] == pytest.approx(np.log10(5001))


def test_a_category_that_is_not_listed_is_unusual_where_the_contract_accepts_it() -> None:
    """A rare one, and a missing value as every twentieth row has one, are not."""
    found = _judge({"town": "d"}, {"town": "c"}, {"weight": None})
    assert found.outliers.tolist() == [True, False, False]
    assert found.reasons[0] == ("unusual: town",)


def test_missing_and_further_columns_are_named() -> None:
    """Every row of such a request is one."""
    detector = OutlierDetector(CONTRACT, PROFILE)
    found = detector.judge(pl.DataFrame([USUAL, USUAL]).drop("town").with_columns(colour=pl.lit("red")))
    assert found.outliers.tolist() == [True, True]
    assert {"columns: town", "unknown_columns: colour"} <= set(found.reasons[0])


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_alpha_is_a_share(alpha: float) -> None:
    """Neither of the ends is a promise."""
    with pytest.raises(InputError, match="alpha must be above 0 and below 1"):
        OutlierDetector(CONTRACT, PROFILE, alpha=alpha)
