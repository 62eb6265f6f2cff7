"""Bootstrap intervals."""

import numpy as np
import pytest

from headrace.core import bootstrap
from headrace.core.measures import Outcome


def random_labels(seed: int, rows: int) -> Outcome:
    """Scores that know nothing of the class."""
    draw = np.random.default_rng(seed)
    scores = draw.random(rows)
    probabilities = np.stack([1 - scores, scores], axis=1)
    return Outcome("binary", draw.integers(0, 2, rows), probabilities, (scores > 0.5).astype(int))


def test_intervals_of_random_labels_hold_one_half_about_95_times_in_100() -> None:
    """The coverage is what it says, within what 200 draws can tell."""
    held = 0
    for seed in range(200):
        outcome = random_labels(seed, 150)
        found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=seed, resamples=400))["roc_auc"]
        held += found.low <= 0.5 <= found.high
    assert 180 <= held <= 198


def test_same_seed_gives_the_same_interval() -> None:
    """Intervals stand in a bundle whose digest must be repeatable."""
    outcome = random_labels(1, 100)
    first, second = (bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=4)) for _ in range(2))
    assert first == second


def test_an_interval_shrinks_with_the_square_root_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only a part of the rows is resampled: the shrunk interval is that of all rows."""
    outcome = random_labels(2, 4000)
    full = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))["roc_auc"]
    monkeypatch.setattr(bootstrap, "MOST_ROWS", 1000)
    part = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))["roc_auc"]
    assert part.value == full.value
    assert part.high - part.low == pytest.approx(full.high - full.low, rel=0.15)


def test_a_metric_that_hardly_any_resample_defines_is_left_out() -> None:
    """An interval from a handful of resamples would mean nothing; the other metrics stay."""
    actual = np.zeros(4, dtype=int)
    outcome = Outcome("binary", actual, np.full((4, 2), 0.5), actual)
    found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))
    assert "roc_auc" not in found
    assert found["accuracy"] == bootstrap.Interval(1.0, 1.0, 1.0)


def test_rare_classes_do_not_take_the_interval_away() -> None:
    """A class with one row is missing from a third of the resamples; those average over the others."""
    draw = np.random.default_rng(0)
    actual = np.concatenate([np.arange(12), draw.integers(0, 3, 60)])
    probabilities = draw.dirichlet(np.ones(12), len(actual))
    outcome = Outcome("multiclass", actual, probabilities, probabilities.argmax(axis=1))
    found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))
    assert found["roc_auc"].low < found["roc_auc"].value < found["roc_auc"].high


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many weights fit into memory at once is no part of the result."""
    outcome = random_labels(3, 50)
    whole = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_A_TIME", 700)
    assert bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0)) == whole
