"""What is gathered block by block of a whole table."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.digest import DIGEST, row_digest
from headrace.core.tally import Sample


def taken(frame: pl.DataFrame, *, rows: int, block: int) -> pl.DataFrame:
    """A sample of a frame that came in blocks."""
    sample = Sample(rows)
    for part in frame.iter_slices(block):
        sample.add(row_digest(part, frame.columns))
    return sample.frame()


@given(st.lists(st.integers(), min_size=1, max_size=80, unique=True), st.integers(1, 20), st.integers(1, 80))
def test_a_sample_depends_on_the_rows_alone(values: list[int], rows: int, block: int) -> None:
    """Neither the order of the rows nor their blocks change it."""
    frame = pl.DataFrame({"a": values}, schema={"a": pl.Int64}, strict=False).drop_nulls()
    if frame.height:
        found = taken(frame, rows=rows, block=block)
        assert found.height == min(rows, frame.height)
        assert found.equals(taken(frame.reverse(), rows=rows, block=frame.height))


def test_a_sample_is_like_the_table_and_bounded() -> None:
    """Its mean is near the table's, and no more rows are held than twice its size and a block."""
    sample = Sample(1_000)
    for start in range(0, 50_000, 5_000):
        sample.add(row_digest(pl.DataFrame({"a": range(start, start + 5_000)}), ["a"]))
        assert sum(part.height for part in sample._parts) <= 2_000
    found = sample.frame()
    assert DIGEST not in found.columns
    assert found.height == 1_000
    assert abs(found.get_column("a").mean() - 25_000) < 2_000  # type: ignore[operator]
