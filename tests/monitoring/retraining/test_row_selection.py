"""Rows of a retraining: what a window keeps, what is held out, and what thinning promises."""

import random
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.monitors.decisions.policy import RetrainingPolicy
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment
from headrace.core.splits.split_table import find_cut
from headrace.monitoring.retraining.row_selection import SelectedRows, leave_out_windows, select_training_rows
from tests.properties import examples

BEGIN = datetime(2026, 1, 1)  # noqa: DTZ001 - a typed table holds naive times in UTC
CONTRACT = Contract(
    "tips",
    "regression",
    (Column("fare", "number"), Column("at", "timestamp", "timestamp"), Column("tip", "number", "target")),
    time_column="at",
)


def rows(days: list[float | None], *, mark: float = 0.0) -> pl.DataFrame:
    """Rows of these ages after the beginning, in days; None for a row without a time."""
    return pl.DataFrame(
        {
            "fare": [mark + number for number in range(len(days))],
            "at": [None if day is None else BEGIN + timedelta(days=day) for day in days],
            "tip": [float(number % 7) for number in range(len(days))],
        },
        schema={"fare": pl.Float64, "at": pl.Datetime("us"), "tip": pl.Float64},
    )


def select(
    old: pl.DataFrame, new: pl.DataFrame, rules: RetrainingPolicy | None = None, *, seed: int = 0
) -> SelectedRows:
    """The selection under the contract."""
    return select_training_rows(old, new, contract=CONTRACT, rules=rules or RetrainingPolicy(), seed=seed)


def test_the_newest_rows_are_held_out_and_only_new_ones() -> None:
    """A fifth of all rows, but at most half of the new ones, so the champion has seen none of them."""
    selected = select(rows([float(day) for day in range(100)]), rows([100.0 + day for day in range(20)], mark=1000))
    assert (selected.old, selected.new, selected.held_out) == (100, 20, 10)
    assert selected.notes == ()
    many = select(rows([1.0] * 10), rows([100.0 + day for day in range(90)], mark=1000))
    assert many.held_out == 20


@examples(40)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 200)), max_size=40),
    st.lists(st.floats(50, 300), min_size=2, max_size=40),
    st.sampled_from(["expanding", "sliding", "weighted"]),
    st.integers(0, 99),
)
def test_the_split_by_time_finds_the_rows_that_are_held_out(
    old: list[float | None], new: list[float], selection: str, seed: int
) -> None:
    """The pipeline's own split, given the share, cuts at exactly these rows; no order of rows changes anything."""
    rules = RetrainingPolicy(
        rows=selection,  # type: ignore[arg-type]
        sliding_days=60 if selection == "sliding" else 0,
        half_life_days=20 if selection == "weighted" else 0,
    )
    before = rows(old if selection != "weighted" else [day for day in old if day is not None])
    after = rows(list(new), mark=1000)
    try:
        selected = select(before, after, rules)
    except InputError as error:
        assert after.get_column("at").n_unique() < 2 or "make it longer" in str(error)
        return
    times = selected.frame.get_column("at")
    cut = datetime.fromisoformat(find_cut(times, test_size=selected.test_size("at"), column="at"))
    late = selected.frame.filter(pl.col("at") >= cut)
    assert late.height == selected.held_out
    assert late.get_column("fare").min() >= 1000
    mixed = random.Random(seed)  # noqa: S311 - an order for a test
    again = select(
        before.sample(fraction=1, shuffle=True, seed=seed),
        after[mixed.sample(range(after.height), after.height)],
        rules,
    )
    assert again.frame.sort("fare").equals(selected.frame.sort("fare"))
    left_out = before.height + after.height - selected.frame.height
    assert sum(note.count for note in selected.notes) == left_out


def test_a_sliding_window_counts_what_it_leaves_out() -> None:
    """Rows older than the window, and rows without a time, are not learned from; a note counts them."""
    selected = select(
        rows([None, 1.0, 80.0]),
        rows([95.0, 99.0, 100.0, 101.0], mark=1000),
        RetrainingPolicy(rows="sliding", sliding_days=30),
    )
    assert (selected.old, selected.new) == (1, 4)
    assert [note.sentence for note in selected.notes] == [
        "2 old rows are older than the sliding window, and are left out."
    ]


def test_weights_are_kept_in_expectation() -> None:
    """Of rows one half-life old about half stay, of those two half-lives old a quarter; the newest all stay."""
    old = rows([0.0] * 4000 + [50.0] * 4000)
    selected = select(
        old, rows([100.0] * 2000 + [100.001] * 2000, mark=1e6), RetrainingPolicy(rows="weighted", half_life_days=50)
    )
    by_day = selected.frame.group_by(pl.col("at").dt.date()).len().sort("at").get_column("len").to_list()
    # Six standard deviations of a binomial count.
    assert by_day[0] == pytest.approx(1000, abs=6 * (4000 * 0.25 * 0.75) ** 0.5)
    assert by_day[1] == pytest.approx(2000, abs=6 * (4000 * 0.5 * 0.5) ** 0.5)
    assert by_day[2] >= 3990
    other = select(
        old,
        rows([100.0] * 2000 + [100.001] * 2000, mark=1e6),
        RetrainingPolicy(rows="weighted", half_life_days=50),
        seed=1,
    )
    assert not other.frame.equals(selected.frame)


def test_rows_without_a_time_cannot_be_weighted() -> None:
    """No weight is guessed for them."""
    with pytest.raises(InputError, match="2 old rows have none: name a time column"):
        select(rows([None, None, 1.0]), rows([10.0, 20.0], mark=9), RetrainingPolicy(rows="weighted", half_life_days=5))


@pytest.mark.parametrize("new", [[], [3.0], [None, 3.0], [3.0, 3.0]])
def test_too_few_new_rows(new: list[float | None]) -> None:
    """Nothing could be held out and learned from."""
    with pytest.raises(InputError, match="of at least two times; there are"):
        select(rows([1.0]), rows(new))


def test_old_rows_that_are_new_are_not_measured_on() -> None:
    """The champion may have learned them."""
    selected = select(rows([1.0, 500.0]), rows([10.0, 20.0, 30.0], mark=1000))
    assert (selected.old, selected.held_out) == (1, 1)
    assert "as new as the rows that are held out" in selected.notes[0].sentence


def test_windows_with_broken_data_are_left_out() -> None:
    """Their rows go, the end of a window excluded; a row without a time stays."""
    window = TimeWindow(parse_moment("2026-01-02T00:00:00Z"), parse_moment("2026-01-03T00:00:00Z"))
    left = leave_out_windows(rows([0.0, 1.0, 1.5, 2.0, None]), [window], time="at")
    assert left.get_column("fare").to_list() == [0.0, 3.0, 4.0]


def test_a_row_that_is_old_and_new_counts_once() -> None:
    """A second retraining may be given rows that the first one had; a row without a time is never taken for another."""
    first = rows([1.0, 2.0, 3.0, 4.0, None])
    second = pl.concat([first, rows([5.0, 6.0], mark=1000)])
    selected = select(first, second)
    assert (selected.old, selected.new) == (1, 6)
    assert "4 old rows are among the new ones, and count once." in [note.sentence for note in selected.notes]
