"""Rows that were drawn together."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from headrace.core.contracts.contract import Column, Contract
from headrace.core.splits import clusters
from tests.core import made

NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - the timestamps of a table are naive


def agreed(*columns: Column, **parts: object) -> Contract:
    """The contract of the tests, with more columns."""
    whole = made.contract()
    return replace(whole, columns=(*columns, *whole.columns), **parts)  # type: ignore[arg-type] # any of the parts


def test_rows_of_a_group_are_one_cluster_and_those_without_one_are_apart() -> None:
    """Numbered in the order in which they come up."""
    rows = pl.DataFrame({"site": ["b", "a", None, "b", None]})
    found = clusters.find(rows, agreed(Column("site", "string", role="group")))
    assert (found.by, found.codes.tolist(), found.count) == ("group", [0, 1, 2, 0, 3], 4)
    assert found.sentence == "95 % intervals by group: 4 groups"


def test_equal_keys_are_one_cluster_where_some_repeat() -> None:
    """All columns of the key together; a key that is not whole is apart."""
    rows = pl.DataFrame({"person": [1, 1, 2, 1, None, None], "day": [5, 5, 5, 6, 5, 5]})
    contract = agreed(Column("person", "integer", role="id"), Column("day", "integer"), keys=("person", "day"))
    found = clusters.find(rows, contract)
    assert (found.by, found.codes.tolist()) == ("key", [0, 0, 1, 2, 3, 4])
    assert clusters.find(rows[2:4], contract).by == "row"


def test_a_group_goes_before_a_key() -> None:
    """A site's persons are drawn with the site."""
    rows = pl.DataFrame({"site": ["a", "a"], "key": [1, 2]})
    assert clusters.find(rows, agreed(Column("site", "string", role="group"), keys=("key",))).by == "group"


@pytest.mark.parametrize("rows", [40, 125, 1000])
def test_time_is_cut_into_blocks_of_neighbours(rows: int) -> None:
    """As long as the cube root of the rows, and longer where that would be more than 25 blocks."""
    times = [NOON + timedelta(hours=int(i)) for i in np.random.default_rng(0).permutation(rows)]
    contract = agreed(Column("seen", "timestamp", role="timestamp"), time_column="seen")
    found = clusters.find(pl.DataFrame({"seen": times}), contract)
    assert found.by == "time"
    assert found.count == min(25, round(rows ** (2 / 3)))
    in_order = found.codes[np.argsort(np.array(times))]
    assert (np.diff(in_order) != 0).sum() == found.count - 1
    assert np.ptp(np.bincount(found.codes)) <= 1
    assert f"by time: {found.count} blocks of consecutive rows" in found.sentence


def test_equal_times_are_never_parted() -> None:
    """Rows of one day, and rows without a time, stay together."""
    times = [None] * 30 + [NOON + timedelta(days=day) for day in range(10) for _ in range(17)]
    contract = agreed(Column("seen", "timestamp", role="timestamp"), time_column="seen")
    found = clusters.find(pl.DataFrame({"seen": times}), contract)
    whole = pl.DataFrame({"seen": times, "block": found.codes}).group_by("seen").agg(pl.col("block").n_unique())
    assert whole["block"].to_list() == [1] * 11


def test_a_column_that_is_not_there_is_not_asked_for() -> None:
    """A personal key may have been dropped; then each row is by itself."""
    contract = agreed(Column("site", "string", role="group"), keys=("key",))
    found = clusters.find(pl.DataFrame({"age": [1, 2, 3]}), contract)
    assert (found.by, found.count) == ("row", 3)


def test_the_clusters_of_some_rows_are_numbered_anew() -> None:
    """No number is left out."""
    found = clusters.RowClusters("group", np.array([0, 1, 2, 1]), 3).take(np.array([2, 3]))
    assert (found.by, found.codes.tolist(), found.count) == ("group", [0, 1], 2)
