"""The inputs that explain a change of the predictions, from a window's stored rows."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from headrace.core.contracts.contract import Contract
from headrace.core.monitors.data.count_window import count_window
from headrace.core.monitors.data.data_results import data_results
from headrace.monitoring.windows.attribute_window import attribute_window
from tests.core.monitors.data.test_data_results import CONTRACT, PROFILE, draw_rows, store_rows


@dataclass(frozen=True)
class _Model:
    contract: Contract = CONTRACT


def test_the_input_that_the_model_looks_at_explains_its_predictions() -> None:
    """Price and town have moved; the model looks at the price alone."""
    frame = draw_rows(np.random.default_rng(0), 4000).with_columns(
        pl.col("price") + 0.5, town=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("c")).otherwise("town")
    )
    stored = store_rows(frame)
    results = data_results(PROFILE, count_window([stored], _Model(), PROFILE))
    found = {one.subject: one for one in attribute_window(stored.iter_slices(1000), _Model(), PROFILE, results)}
    assert set(found) == {"price", "town", ""}
    assert found["price"].value == pytest.approx(1.0, abs=0.1)
    assert found["town"].value == pytest.approx(0.0, abs=0.1)
    assert found["price"].sentence.startswith("The drift of 'price' explains ")
    assert sum(one.value or 0.0 for one in found.values()) == pytest.approx(1.0)


def test_predictions_that_change_by_themselves_are_unexplained() -> None:
    """No input has drifted, and another model answered."""
    frame = draw_rows(np.random.default_rng(1), 2000)
    stored = store_rows(frame, chance=np.full(2000, 0.8))
    results = data_results(PROFILE, count_window([stored], _Model(), PROFILE))
    (whole,) = attribute_window([stored], _Model(), PROFILE, results)
    assert (whole.subject, whole.value) == ("", 1.0)


def test_predictions_that_have_not_changed_are_attributed_to_nothing() -> None:
    """There is nothing to explain."""
    stored = store_rows(draw_rows(np.random.default_rng(2), 500))
    results = data_results(PROFILE, count_window([stored], _Model(), PROFILE))
    assert attribute_window([stored], _Model(), PROFILE, results) == ()
