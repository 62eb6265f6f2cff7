"""Steps of time."""

import datetime as dt

import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.series.steps import Step, infer_step


def times(*texts: str) -> pl.Series:
    """Timestamps."""
    return pl.Series(texts).str.to_datetime(time_unit="us")


@pytest.mark.parametrize(
    ("step", "start", "ahead", "expected"),
    [
        ("1mo", "2024-01-31", 1, "2024-02-29"),
        ("1mo", "2024-02-29", 1, "2024-03-31"),
        ("1mo", "2024-01-15", 13, "2025-02-15"),
        ("1q", "2023-12-31", -3, "2023-03-31"),
        ("1y", "2024-02-29", 1, "2025-02-28"),
        ("2w", "2024-01-01", 2, "2024-01-29"),
        ("15m", "2024-03-31", 5, "2024-03-31T01:15"),
    ],
)
def test_time_goes_on_by_steps(step: str, start: str, ahead: int, expected: str) -> None:
    """The last day of a month stays the last one."""
    assert Step.parse(step).advance(dt.datetime.fromisoformat(start), ahead) == dt.datetime.fromisoformat(expected)


@pytest.mark.parametrize("step", ["1mo", "3mo", "1q", "1y", "1w", "1d", "1h", "30m", "10s"])
@pytest.mark.parametrize("start", ["2023-11-30T00:00", "2024-02-29T06:30", "2024-01-01T00:00"])
def test_places_count_what_advance_adds(step: str, start: str) -> None:
    """One is the inverse of the other, also at ends of months."""
    one, first = Step.parse(step), dt.datetime.fromisoformat(start)
    made = pl.Series([one.advance(first, ahead) for ahead in range(20)], dtype=pl.Datetime("us"))
    assert one.places(made).tolist() == list(range(20))
    assert infer_step(made).season == one.season or step == "3mo"


def test_a_time_between_two_steps_is_a_fraction() -> None:
    """So that the caller can refuse it."""
    places = Step.parse("1mo").places(times("2024-01-01", "2024-02-01", "2024-02-15"))
    assert places[:2].tolist() == [0, 1]
    assert 1 < places[2] < 2


@pytest.mark.parametrize("text", ["", "1", "d", "0d", "-1d", "1.5h", "1mon", "1 d"])
def test_a_step_is_a_number_and_a_unit(text: str) -> None:
    """Everything else is refused."""
    with pytest.raises(InputError, match="step must be a number and"):
        Step.parse(text)


def test_too_few_times_have_no_step() -> None:
    """Two times may lie apart for any reason."""
    with pytest.raises(DataError, match="at least 3 times"):
        infer_step(times("2024-01-01", "2024-01-02"))
