"""Counts of windows: they add up, and survive a document."""

import json
from dataclasses import replace

import numpy as np
import pytest

from headrace.core.base.errors import InputError
from headrace.core.monitors.data.window_counts import WindowCounts, WindowRecord
from tests.core.monitors.data.test_data_results import PROFILE, count_rows, draw_rows


def _count(seed: int, rows: int) -> WindowCounts:
    return count_rows(draw_rows(np.random.default_rng(seed), rows), PROFILE)


def test_a_document_gives_the_same_counts() -> None:
    """What is stored of a day is all that a week needs."""
    counts = _count(0, 300)
    facts = json.loads(json.dumps(counts.record().as_json()))
    again = WindowCounts.of_record(WindowRecord.from_json(facts))
    assert again.record() == counts.record()


def test_windows_add_up_but_for_repeats_of_one_in_another() -> None:
    """A row that both windows hold is in each of them once, and no repeat."""
    first, second = _count(1, 200), _count(1, 200)
    total = first + second
    assert (total.rows, total.requests, total.inputs.rows) == (400, 400, 400)
    assert total.repeated_rows == 0
    assert total.prediction.rows == 400
    assert (total.first, total.last) == (first.first, first.last)
    assert (first + second).record() == (second + first).record()


def test_windows_of_two_contracts_are_not_added() -> None:
    """Their columns mean different things."""
    counts = _count(2, 50)
    with pytest.raises(InputError, match="one version of a contract only"):
        counts + replace(counts, contract="0" * 64)


def test_a_damaged_document_is_one_sentence() -> None:
    """Products that do not fit the columns, and a time that is none."""
    facts = _count(3, 50).record().as_json()
    for change, sentence in (
        ({"products": [1.0]}, "must be one for each pair"),
        ({"first": "monday"}, "a moment must"),
    ):
        with pytest.raises(InputError, match=sentence):
            WindowCounts.of_record(WindowRecord.from_json({**facts, **change}))
