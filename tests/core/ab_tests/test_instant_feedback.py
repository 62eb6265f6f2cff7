"""A new model is called better by a margin as seldom wrongly as promised, however often it is asked."""

import numpy as np
import pytest

from headrace.core.ab_tests.instant_feedback import compare_feedback
from headrace.core.base.errors import DataError, InputError


@pytest.mark.parametrize("paired", [True, False])
def test_a_gain_at_the_margin_is_seldom_called_better(paired: bool) -> None:
    """Asked after every hundred rows."""
    rng = np.random.default_rng(2)
    wrong = []
    for _ in range(200):
        current = rng.exponential(1.0, 2000)
        new = current - 0.1 + rng.normal(0, 0.5, 2000) if paired else rng.exponential(1.0, 2000) - 0.1
        answers = [
            compare_feedback(new[:rows], current[:rows], margin=0.1, paired=paired).answer
            for rows in range(100, 2001, 100)
        ]
        wrong.append("better" in answers or "not_better" in answers)
    assert np.mean(wrong) <= 0.05


@pytest.mark.parametrize(("gain", "answer"), [(0.5, "better"), (0.1, "not_better"), (0.3, "undecided")])
def test_the_answer_follows_the_gain(gain: float, answer: str) -> None:
    """With the figures in words."""
    rng = np.random.default_rng(3)
    current = rng.exponential(1.0, 1000)
    found = compare_feedback(current - gain + rng.normal(0, 0.5, 1000), current, margin=0.3, paired=True)
    assert found.answer == answer
    assert found.low < gain < found.high
    assert "1,000 rows" in found.sentence


def test_a_few_rows_say_nothing() -> None:
    """However large the gain."""
    found = compare_feedback(np.zeros(50), np.full(50, 9.0) + np.arange(50) / 50, margin=0.0, paired=True)
    assert found.answer == "undecided"


def test_losses_that_cannot_be_compared_are_refused() -> None:
    """In one sentence each."""
    one, two = np.zeros(1), np.zeros(2)
    with pytest.raises(InputError, match="must be of the same rows; got 1 and 2"):
        compare_feedback(one, two, margin=0, paired=True)
    with pytest.raises(InputError, match="margin must be at least 0"):
        compare_feedback(one, one, margin=-1, paired=True)
    with pytest.raises(DataError, match="one has none"):
        compare_feedback(one[:0], one, margin=0, paired=False)
    with pytest.raises(DataError, match="must be finite"):
        compare_feedback(one * np.nan, one, margin=0, paired=True)
