"""Stored rows are counted in blocks, whatever files they lie in."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.monitors.data import count_window as counting
from headrace.core.monitors.data.count_window import count_window, observe_contract
from headrace.core.monitors.data.data_results import data_results
from headrace.core.monitors.data.window_counts import WindowCounts
from tests.core.monitors.data.test_data_results import CONTRACT, PROFILE, draw_rows, store_rows


@dataclass(frozen=True)
class _Model:
    contract: Contract = CONTRACT


def _count(*frames: pl.DataFrame) -> WindowCounts:
    return count_window(frames, _Model(), PROFILE)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """One file, many files and small blocks give the same counts, repeats included."""
    rows = draw_rows(np.random.default_rng(0), 700)
    stored = store_rows(pl.concat([rows, rows.head(60)]))
    whole = _count(stored)
    assert whole.repeated_rows == 60
    monkeypatch.setattr(counting, "BLOCK_ROWS", 100)
    parts = _count(*stored.iter_slices(37))
    assert parts.record().inputs == whole.record().inputs
    assert (parts.rows, parts.requests, parts.repeated_rows) == (760, 760, 60)
    np.testing.assert_allclose(parts.joint.products, whole.joint.products)


def test_files_with_other_dtypes_are_counted_together() -> None:
    """A file stores a column in the dtype that holds its values: whole numbers here, texts and gaps there."""
    frame = draw_rows(np.random.default_rng(1), 40)
    whole = frame.with_columns(price=pl.lit(2, pl.Int64))
    texts = frame.with_columns(price=pl.lit("2.0"), weight=pl.lit(None, pl.Null))
    counts = _count(store_rows(whole, "a"), store_rows(texts, "b", chance=np.full(40, 0.5)))
    price = counts.inputs.columns[0]
    assert counts.refused == 0
    assert int(price.counts.max()) == 80


def test_a_request_that_is_stored_twice_is_counted_once() -> None:
    """Its id says so; a request of many rows is one request."""
    frame = store_rows(draw_rows(np.random.default_rng(2), 30))
    many = frame.with_columns(request_id=pl.lit("one"), row=pl.int_range(pl.len(), dtype=pl.Int32))
    counts = _count(frame, frame.head(10), many)
    assert (counts.rows, counts.requests, counts.repeated_requests) == (70, 31, 10)


def test_rows_whose_request_is_not_logged_have_predictions_only() -> None:
    """They are no rows with all values missing."""
    stored = store_rows(draw_rows(np.random.default_rng(3), 50))
    blank = stored.with_columns(
        pl.lit(None, stored.schema[name]).alias(name) for name in stored.columns if "input_" in name
    )
    counts = _count(stored, blank.with_columns(request_id="x" + pl.col("request_id")))
    assert (counts.rows, counts.unlogged, counts.inputs.rows, counts.prediction.rows) == (100, 50, 50, 100)
    assert counts.inputs.columns[1].missing == int(stored["input_weight"].null_count())


def test_rows_that_break_the_contract_are_counted_by_rule_and_in_no_input() -> None:
    """A price out of range is refused; the others are counted."""
    frame = draw_rows(np.random.default_rng(4), 50).with_columns(
        price=pl.when(pl.int_range(pl.len()) < 5).then(99.0).otherwise("price")
    )
    counts = _count(store_rows(frame))
    assert (counts.refused, counts.inputs.rows) == (5, 45)
    assert [(one.rule, one.column, one.severity, one.rows) for one in counts.violations] == [
        ("range", "price", "quarantine", 5)
    ]


def test_a_window_without_rows_counts_nothing() -> None:
    """No file, and files without rows."""
    for frames in ((), (store_rows(draw_rows(np.random.default_rng(5), 0)),)):
        counts = _count(*frames)
        assert (counts.rows, counts.requests, counts.inputs.rows, counts.first) == (0, 0, 0, None)


def test_personal_columns_are_not_expected_in_stored_rows() -> None:
    """They are removed before rows are stored, and break no rule by that."""
    name = Column("name", dtype="string", categories=("ann", "bob"), personal="keep", missing=0.0)
    contract = replace(CONTRACT, columns=(name, *CONTRACT.columns))
    assert [column.name for column in observe_contract(contract).columns] == ["price", "weight", "town", "sold"]


def test_a_profile_of_another_contract_is_refused() -> None:
    """Rows are read with the contract that the profile is of."""
    with pytest.raises(InputError, match="must be of the contract shop"):
        count_window([], _Model(replace(CONTRACT, max_quarantined=0.1)), PROFILE)


def test_answers_and_requests_may_each_be_missing_as_a_whole() -> None:
    """A log of requests without answers, and one of answers without requests, are windows of half the knowledge."""
    stored = store_rows(draw_rows(np.random.default_rng(6), 40))
    without_answers = _count(stored.drop("label", "probability_no", "probability_yes"))
    assert (without_answers.inputs.rows, without_answers.prediction.rows) == (40, 0)
    without_requests = _count(stored.select(name for name in stored.columns if not name.startswith("input_")))
    assert (without_requests.unlogged, without_requests.inputs.rows, without_requests.prediction.rows) == (40, 0, 40)
    statuses = {one.monitor: one.status for one in data_results(PROFILE, without_requests)}
    assert (statuses["input_drift"], statuses["prediction_drift"]) == ("unknown", "ok")
