"""Bins and counts of a model's inputs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.drift.input_bins import MOST_BINS, choose_bins
from headrace.core.drift.input_counts import ColumnRecord, InputCounts, InputRecord
from headrace.core.features.matrix_layout import MatrixColumn

COLUMNS = (MatrixColumn("age"), MatrixColumn("town", categories=("a", "b", "c")))


def _matrix(rows: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.gamma(2.0, 20.0, rows), rng.integers(-1, 3, rows).astype(float)])
    matrix[rng.random((rows, 2)) < 0.1] = np.nan
    return matrix


@given(st.integers(0, 50), st.integers(0, 50))
def test_counts_of_two_windows_add_up_to_those_of_all_their_rows(first: int, second: int) -> None:
    """A week is the sum of its days, without their rows."""
    bins = choose_bins(_matrix(300, 9), COLUMNS)
    parts = [_matrix(first, 1), _matrix(second, 2)]
    added = InputCounts.of(parts[0], bins) + InputCounts.of(parts[1], bins)
    assert added.record() == InputCounts.of(np.concatenate(parts), bins).record()


def test_every_row_is_counted_once() -> None:
    """Missing, unlisted, below the least and above the largest value: each row is in one place."""
    bins = choose_bins(_matrix(500, 0), COLUMNS)
    matrix = np.array([[-1e30, -1.0], [1e30, 2.0], [np.nan, np.nan], [30.0, 0.0]])
    counts = InputCounts.of(matrix, bins)
    assert [column.rows for column in counts.columns] == [4, 4]
    age, town = counts.columns
    assert (age.counts[0], age.counts[-1], age.missing) == (1, 1, 1)
    assert (town.counts.tolist(), town.missing) == ([1, 0, 1, 1], 1)


def test_a_value_that_many_rows_share_has_a_bin_to_itself() -> None:
    """Half of the rows are zero; the values beside it are counted apart from it."""
    values = np.r_[np.zeros(500), np.linspace(-1, 1, 501)]
    (bins,) = choose_bins(values[:, None], COLUMNS[:1])
    assert len(bins.edges) < MOST_BINS * 1.5
    zero, near = np.searchsorted(bins.edges, [0.0, 0.004])
    assert zero != near
    assert np.searchsorted(bins.edges, -0.004) != zero


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60, unique=True))
def test_no_edge_is_a_value_of_a_row(values: list[float]) -> None:
    """Edges lie between values, so that a profile discloses no row, unless two values are neighbours as floats."""
    (bins,) = choose_bins(np.array(values)[:, None], COLUMNS[:1])
    adjacent = {low for low, high in zip(sorted(values), sorted(values)[1:], strict=False) if high - low < 1e-9}
    assert not set(bins.edges) & set(values) - adjacent
    assert list(bins.edges) == sorted(bins.edges)


def test_counts_survive_a_document() -> None:
    """What a profile writes is what it reads."""
    counts = InputCounts.of(_matrix(100, 3), choose_bins(_matrix(100, 3), COLUMNS))
    assert InputCounts.of_record(counts.record()).record() == counts.record()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"counts": (1, 2)}, "must have 4 counts, one for each bin"),
        ({"counts": (1, 2, 3, -4)}, "none of them negative"),
        ({"missing": -1}, "none of them negative"),
        ({"missing": 7}, "must count 10 rows; it counts 17"),
    ],
)
def test_a_damaged_column_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    """A document that cannot be counts names what it should be."""
    column = ColumnRecord("town", (1, 2, 3, 4), 0, categories=("a", "b", "c"))
    with pytest.raises(InputError, match=sentence):
        InputCounts.of_record(InputRecord(10, (replace(column, **change),)))


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e-3, 1e30])
def test_values_beyond_those_of_training_have_bins_of_their_own(constant: float) -> None:
    """A column that never varied in training would otherwise hide any change of it."""
    (bins,) = choose_bins(np.full((20, 1), constant), COLUMNS[:1])
    low, high = bins.edges
    assert low < constant <= high
    moved = InputCounts.of(np.array([[constant * 2 + 1], [constant], [-2 * abs(constant) - 1]]), (bins,))
    assert moved.columns[0].counts.tolist() == [1, 1, 1]


def test_counts_in_other_bins_are_not_added() -> None:
    """Two models' bins differ; a sum of them would mean nothing."""
    first, second = (InputCounts.of(_matrix(50, 1), choose_bins(_matrix(50, seed), COLUMNS)) for seed in (4, 5))
    with pytest.raises(InputError, match="those of 'age' differ"):
        first + second
