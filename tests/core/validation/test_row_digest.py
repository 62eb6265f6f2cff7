"""The digest of a row."""

# ruff: noqa: DTZ001 - the timestamps of a typed table are naive

from datetime import datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.validation.row_digest import DIGEST, reseed, row_digest

FRAME = pl.DataFrame(
    {
        "i": [1, -1, None],
        "f": [0.5, 1e300, None],
        "s": ["a", "ünï 🌊", None],
        "b": [True, False, None],
        "t": [datetime(2019, 1, 2, 3, 4, 5), datetime(1969, 12, 31), None],
    },
    schema={"i": pl.Int64, "f": pl.Float64, "s": pl.String, "b": pl.Boolean, "t": pl.Datetime("us")},
)


GOLDEN = [15158694482439413630, 17319034971705016932, 15846953676292302965]


def digests(frame: pl.DataFrame, columns: list[str]) -> list[int]:
    """The digests of a frame's rows."""
    return row_digest(frame, columns).get_column(DIGEST).to_list()


def test_the_digests_are_those_of_the_first_release() -> None:
    """A split must not change when a library is updated: these values are frozen."""
    assert digests(FRAME, FRAME.columns) == GOLDEN
    assert FRAME.select(reseed(pl.lit(1, pl.UInt64), 0).alias("x")).item(0, 0) == 16294208416658607535


def test_lazy_and_eager_give_the_same() -> None:
    """The engine does not matter."""
    lazy = row_digest(FRAME.lazy(), FRAME.columns).collect()
    assert lazy.equals(row_digest(FRAME, FRAME.columns))
    assert lazy.schema[DIGEST] == pl.UInt64


@given(st.lists(st.tuples(st.text(max_size=4) | st.none(), st.integers(-5, 5) | st.none()), min_size=1, max_size=20))
def test_equal_rows_and_only_they_have_equal_digests(rows: list[tuple[str | None, int | None]]) -> None:
    """Block, order and neighbours do not matter, and no value runs into the next column."""
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.Int64}, orient="row")
    found = digests(frame, ["a", "b"])
    assert len(set(found)) == len(set(rows))
    assert digests(frame.reverse(), ["a", "b"]) == found[::-1]
    assert digests(frame.slice(1), ["a", "b"]) == found[1:]


def test_the_width_of_an_integer_does_not_matter_but_the_order_of_columns_does() -> None:
    """A file that stores small integers is the same table."""
    frame = pl.DataFrame({"a": [1, 2], "b": [2, 1]})
    assert digests(frame.cast(pl.Int16), ["a", "b"]) == digests(frame, ["a", "b"])
    assert digests(frame, ["a", "b"]) == digests(frame, ["b", "a"])[::-1]


def test_seeds_give_independent_uniform_digests() -> None:
    """For each seed a fifth of the digests lies below a fifth of the range, and two seeds agree only by chance."""
    frame = row_digest(pl.DataFrame({"a": range(20_000)}), ["a"])
    share = pl.lit(2**64 // 5, pl.UInt64)
    sides = frame.select((reseed(pl.col(DIGEST), seed) < share).alias(str(seed)) for seed in range(8))
    for side in sides.iter_columns():
        assert abs(side.mean() - 0.2) < 0.015  # type: ignore[operator]
    for seed in range(1, 8):
        assert abs((sides["0"] & sides[str(seed)]).mean() - 0.04) < 0.01  # type: ignore[operator]
