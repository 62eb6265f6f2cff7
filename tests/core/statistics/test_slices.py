"""Slices of the test rows."""

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.statistics.slices import MOST_VALUES, slices


def cut(values: list[object]) -> dict[str, list[int]]:
    """Rows by value of one column."""
    return {part.value: part.rows.tolist() for part in slices(pl.DataFrame({"c": values}), ["c"])}


def test_few_values_are_slices_of_their_own_the_most_frequent_first() -> None:
    """Missing ones come last."""
    found = cut(["b", "a", None, "a"])
    assert found == {"a": [1, 3], "b": [0], "(missing)": [2]}
    assert list(found) == ["a", "b", "(missing)"]


def test_many_numbers_become_quarters() -> None:
    """Ranges with as many rows each."""
    assert {value: len(rows) for value, rows in cut(list(range(100))).items()} == {
        "0 to 24": 25,
        "25 to 49": 25,
        "50 to 74": 25,
        "75 to 99": 25,
    }


def test_many_texts_keep_the_most_frequent() -> None:
    """The others are one slice."""
    found = cut([f"t{i}" for i in range(MOST_VALUES + 5)] + ["t3"])
    assert len(found) == MOST_VALUES + 1
    assert len(found["t3"]) == 2
    assert len(found["(other)"]) == 5


@pytest.mark.parametrize(
    "values", [list(range(60)), [f"t{i % 30}" for i in range(60)], [None, *range(59)], [True, False]]
)
def test_slices_are_a_partition(values: list[object]) -> None:
    """Each row is in one slice."""
    rows = np.concatenate([np.array(part) for part in cut(values).values()])
    assert sorted(rows) == list(range(len(values)))


def test_a_skewed_column_has_fewer_ranges() -> None:
    """Equal numbers stay together."""
    found = cut([0] * 90 + list(range(1, 31)))
    assert sum(len(rows) for rows in found.values()) == 120
    assert len(found["0 to 0"]) == 90


def test_the_ends_of_a_range_show_no_rounding_errors() -> None:
    """Sums of floats end in digits such as 17.338921000000003, which nobody has measured."""
    found = cut([round(index * 0.1, 1) + 2e-15 * index for index in range(400)])
    assert sorted(found, key=lambda text: float(text.split()[0])) == [
        "0 to 9.9",
        "10 to 19.9",
        "20 to 29.9",
        "30 to 39.9",
    ]


def test_an_unknown_column_is_refused_by_name() -> None:
    """The message lists the columns."""
    with pytest.raises(InputError, match=r"'c'.*nowhere"):
        list(slices(pl.DataFrame({"c": [1]}), ["nowhere"]))
