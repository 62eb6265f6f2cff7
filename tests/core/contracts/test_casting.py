"""Raw columns to the contract's dtypes."""

# ruff: noqa: DTZ001 - the timestamps of a typed table are naive

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Column, Dtype

NOON = datetime(2019, 1, 2, 12, 30)


def cast(values: list[Any], dtype: Dtype, *, raw: Any = None, form: str = "") -> tuple[list[Any], list[bool]]:
    """The typed values and where the cast failed."""
    column = Column("a", dtype, "ignore", format=form)
    result = cast_columns(pl.DataFrame({"a": pl.Series(values, dtype=raw)}), [column], missing_values=["NA"])
    failed = result.failed.get("a", pl.Series([False] * len(values)))
    return result.frame.get_column("a").to_list(), failed.to_list()


@pytest.mark.parametrize(
    ("values", "dtype", "wanted", "failed"),
    [
        (["1", "-2", "x", "1.5", None, "NA"], "integer", [1, -2, None, None, None, None], [2, 3]),
        (["1e3", "-.5", "x", "inf", "NA"], "number", [1000.0, -0.5, None, float("inf"), None], [2]),
        (["Yes", "no", "TRUE", "0", "maybe"], "boolean", [True, False, True, False, None], [4]),
        (["a", "", None], "string", ["a", "", None], []),
        ([1.0, 2.5, float("nan"), None, 1e300], "integer", [1, None, None, None, None], [1, 4]),
        ([1.0, float("nan"), float("inf")], "number", [1.0, None, float("inf")], []),
        ([True, False], "number", [None, None], [0, 1]),
        ([0, 1, 2], "boolean", [False, True, None], [2]),
        ([0.0, 1.0, 0.5, float("nan")], "boolean", [False, True, None, None], [2]),
        ([1.0, 2.5], "string", ["1", "2.5"], []),
        ([[1], [2]], "string", [None, None], [0, 1]),
        ([date(2019, 1, 2)], "timestamp", [datetime(2019, 1, 2)], []),
        ([5], "timestamp", [None], [0]),
        ([None, None], "number", [None, None], []),
    ],
)
def test_each_kind_of_value_becomes_the_dtype_or_a_failure(
    values: list[Any], dtype: Dtype, wanted: list[Any], failed: list[int]
) -> None:
    """What can be cast is; what is missing is no failure; what cannot be is missing and a failure."""
    found, mask = cast(values, dtype)
    assert found == wanted
    assert [place for place, flag in enumerate(mask) if flag] == failed


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2019-01-02 12:30:00", ""),
        ("2019-01-02T12:30:00.000", ""),
        ("2019-01-02T12:30", ""),
        ("2019-01-02T12:30:00Z", ""),
        ("2019-01-02T14:30:00+02:00", ""),
        ("02/01/2019 12:30", "%d/%m/%Y %H:%M"),
        ("1/2/2019 12:30 PM", "%m/%d/%Y %I:%M %p"),
        ("2019-01-02 12:30:00", "%d/%m/%Y %H:%M"),
    ],
)
def test_a_time_is_read_in_its_format_or_as_iso(text: str, form: str) -> None:
    """ISO 8601 is always understood, beside the contract's own format; zones are turned into UTC."""
    assert cast([text], "timestamp", form=form) == ([NOON], [False])


def test_forms_of_iso_may_be_mixed() -> None:
    """A table and a request may write times differently; a day that does not exist is a failure."""
    found, failed = cast(["2019-01-02", "2019-01-02T12:30:00", "2019-02-30"], "timestamp")
    assert found == [datetime(2019, 1, 2), NOON, None]
    assert failed == [False, False, True]


def test_times_of_any_unit_and_zone_become_naive_microseconds() -> None:
    """A zoned timestamp is turned into UTC."""
    raw = pl.Series("a", [NOON], pl.Datetime("ns")).dt.replace_time_zone("Europe/Berlin").to_frame()
    result = cast_columns(raw, [Column("a", "timestamp", "timestamp")], missing_values=[])
    assert result.frame.schema["a"] == pl.Datetime("us")
    assert result.frame.item() == datetime(2019, 1, 2, 11, 30)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=20))
def test_integers_survive_as_text(values: list[int | None]) -> None:
    """Every 64-bit integer that was written as text is read back."""
    texts = [None if value is None else str(value) for value in values]
    assert cast(texts, "integer", raw=pl.String)[0] == values


@given(st.lists(st.floats(allow_nan=False) | st.none(), max_size=20))
def test_numbers_survive_as_text(values: list[float | None]) -> None:
    """Every float that was written as text is read back to the last bit."""
    texts = [None if value is None else repr(value) for value in values]
    assert cast(texts, "number", raw=pl.String)[0] == values


@given(
    st.lists(st.text(max_size=8) | st.none(), max_size=10),
    st.sampled_from(["integer", "number", "boolean", "timestamp"]),
)
def test_a_value_is_kept_missing_or_failed(values: list[str | None], dtype: Dtype) -> None:
    """No text disappears: it is cast, it stands for a missing value, or it is a failure."""
    found, failed = cast(values, dtype, raw=pl.String)
    for value, result, flag in zip(values, found, failed, strict=True):
        assert flag == (
            value not in {None, "NA"} and result is None and str(value).lower() not in {"nan", "-nan", "+nan"}
        ) or (flag and value is not None)
