"""The guard against rows that are unlike the training rows."""

import json

import numpy as np
import pytest

from headrace.core.base.errors import BundleError
from headrace.core.robustness.fit_guard import FALSE_ALARMS, fit_guard
from headrace.core.robustness.input_guard import DistanceGuard, GuardDocument, parse_guard

NAMES = ("code", "left", "right")


def draw(rows: int, seed: int) -> np.ndarray:
    """Matrix (n, 3): a code that does not count, and two numbers that move together."""
    rng = np.random.default_rng(seed)
    left = rng.normal(50, 10, rows)
    return np.stack([rng.integers(0, 3, rows), left, 2 * left + rng.normal(0, 2, rows)], axis=1)


def learned(rows: int = 4000) -> GuardDocument:
    """A guard of the two numbers."""
    document = fit_guard(draw(rows, 0)[:, 1:], draw(1000, 1)[:, 1:], NAMES[1:])
    assert document is not None
    return document


def test_false_alarms_are_as_rare_as_is_stated() -> None:
    """On fresh rows the share of false alarms is the wanted one within chance, and the test rows' interval holds it."""
    document = learned()
    guard = DistanceGuard(document, NAMES)
    alarms = len(guard.find(draw(20_000, 2))) / 20_000
    assert document.wanted_false_alarms == FALSE_ALARMS
    assert alarms == pytest.approx(FALSE_ALARMS, abs=0.006)
    assert document.false_alarms.low <= alarms <= document.false_alarms.high


def test_a_row_is_unusual_by_its_numbers_together() -> None:
    """Two values that are each usual are unusual together; the sentence names a column and no value."""
    guard = DistanceGuard(learned(), NAMES)
    rows = np.array([[1, 50.0, 100.0], [1, 35.0, 130.0], [1, 65.0, 130.0]])
    (unusual,) = guard.find(rows)
    assert unusual.row == 1
    assert "'left'" in unusual.sentence or "'right'" in unusual.sentence
    assert "35" not in unusual.sentence
    assert not guard.find(rows[:1])
    assert guard.find(rows[1:2])


def test_a_missing_number_and_an_unknown_code_are_usual() -> None:
    """What is missing counts as usual, alone and in a batch, and so does whatever a code is."""
    guard = DistanceGuard(learned(), NAMES)
    for row in ([np.nan, 50.0, 100.0], [-1, np.nan, 100.0], [0, np.nan, np.nan]):
        assert not guard.find(np.array([row]))
    assert guard.find(np.array([[np.nan, 50.0, 1000.0]]))


def test_one_row_and_many_get_the_same_answer() -> None:
    """The quick way for one row finds what the way for many finds."""
    guard = DistanceGuard(learned(), NAMES)
    rows = draw(3000, 5) * [1, 1, 1.04]
    together = {one.row for one in guard.find(rows)}
    alone = {place for place in range(len(rows)) if guard.find(rows[place : place + 1])}
    assert together == alone
    assert 0 < len(together) < len(rows)


def test_too_few_rows_or_constant_columns_have_no_guard() -> None:
    """A distance needs rows to learn from, and columns that vary."""
    assert fit_guard(draw(20, 0)[:, 1:], draw(5, 1)[:, 1:], NAMES[1:]) is None
    assert fit_guard(np.ones((500, 2)), np.ones((5, 2)), NAMES[1:]) is None
    assert fit_guard(np.full((500, 2), np.nan), np.ones((5, 2)), NAMES[1:]) is None


@pytest.mark.parametrize(
    "change",
    [{"columns": ["left", "other"]}, {"spread": [1.0, 0.0]}, {"centre": [1.0]}, {"format": 2}, {"limit": "far"}],
)
def test_a_guard_of_another_model_is_refused(change: dict[str, object]) -> None:
    """A document that does not fit the matrix, or holds no distance, is refused with a sentence."""
    facts = json.loads(json.dumps(learned(200).as_json())) | change
    with pytest.raises(BundleError, match=r"guard\.json must"):
        parse_guard(facts, NAMES)
