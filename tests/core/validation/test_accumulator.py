"""What is gathered block by block of a whole table."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.validation.accumulator import RowSample


def taken(frame: pl.DataFrame, *, rows: int, block: int, seed: int = 0) -> pl.DataFrame:
    """A sample of a frame that came in blocks."""
    sample = RowSample(rows, seed=seed)
    for part in frame.iter_slices(block):
        sample.add(part)
    return sample.frame()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=80), st.integers(1, 20), st.integers(1, 80))
def test_a_sample_does_not_depend_on_the_blocks(values: list[int], rows: int, block: int) -> None:
    """However the table is cut, the same rows are drawn, of a small table all of them."""
    frame = pl.DataFrame({"a": values})
    found = taken(frame, rows=rows, block=block)
    assert found.height == min(rows, frame.height)
    assert found.equals(taken(frame, rows=rows, block=frame.height))
    if rows >= frame.height:
        assert found["a"].sort().equals(frame["a"].sort())


def test_a_sample_is_like_the_table_and_bounded() -> None:
    """Its mean is near the table's, and no more rows are held than twice its size and a block."""
    sample = RowSample(1_000)
    for start in range(0, 50_000, 5_000):
        sample.add(pl.DataFrame({"a": range(start, start + 5_000)}))
        assert sum(part.height for part in sample._parts) <= 2_000
    found = sample.frame()
    assert found.columns == ["a"]
    assert found.height == 1_000
    assert abs(found.get_column("a").mean() - 25_000) < 2_000  # type: ignore[operator]


def test_a_sample_of_a_few_distinct_rows_has_all_of_them_in_their_shares() -> None:
    """A sample by the smallest digests of rows would hold all copies of a few of them, and none of the others."""
    frame = pl.DataFrame({"a": [place % 100 for place in range(20_000)]})
    counts = taken(frame, rows=2_000, block=1_500)["a"].value_counts()
    assert counts.height == 100
    assert 5 <= counts["count"].min() <= counts["count"].max() <= 45  # type: ignore[operator]
