"""The rows that a search uses."""

import numpy as np

from headrace.core.splits import search_sample


def test_small_tables_are_used_whole() -> None:
    """Nothing is thrown away that time allows to use."""
    rows = search_sample.sample(np.zeros(500, dtype=int), task="binary", columns=10, seed=0)
    assert rows.tolist() == list(range(500))


def test_large_tables_keep_the_shares_of_their_classes() -> None:
    """In order, without repetition, by class in proportion."""
    target = np.repeat([0, 1, 2], [60_000, 30_000, 10_000])
    rows = search_sample.sample(target, task="multiclass", columns=10, seed=0)
    assert (np.diff(rows) > 0).all()
    assert np.bincount(target[rows]).tolist() == [6000, 3000, 1000]


def test_rare_classes_keep_enough_rows() -> None:
    """Or all that they have."""
    target = np.repeat([0, 1, 2], [100_000, 60, 20])
    rows = search_sample.sample(target, task="multiclass", columns=10, seed=0)
    assert np.bincount(target[rows])[1:].tolist() == [search_sample.FEWEST_OF_A_CLASS, 20]


def test_wide_tables_get_fewer_rows() -> None:
    """But never fewer than a search can use."""
    target = np.zeros(50_000)
    assert len(search_sample.sample(target, task="regression", columns=200, seed=0)) == 5000
    assert len(search_sample.sample(target, task="regression", columns=10_000, seed=0)) == search_sample.FEWEST_ROWS
