"""The quick check at the door against the full one."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import RequestError
from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.features import model_matrix, row_features
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.validation import records
from tests.properties import examples

CONTRACT = Contract(
    name="t",
    task="regression",
    columns=(
        Column("n", "integer", minimum=-5, missing=0),
        Column("x", "number", maximum=9.5, missing=0.5),
        Column("free", "number"),
        Column("c", "string", categories=("a", "b", "1")),
        Column("rooms", "integer", categories=("1", "2")),
        Column("ok", "boolean"),
        Column("start", "timestamp", role="timestamp"),
        Column("end", "timestamp", role="timestamp"),
        Column("note", "string", role="ignore"),
        Column("y", "number", role="target"),
    ),
    features=(
        RowFeature("day", "day_of_week", ("start",)),
        RowFeature("free_day", "weekend", ("start",)),
        RowFeature("holiday", "holiday", ("start",), country="US"),
        RowFeature("hour", "hour", ("end",)),
        RowFeature("month", "month", ("end",)),
        RowFeature("took", "elapsed", ("start", "end")),
        RowFeature("share", "ratio", ("x", "free")),
        RowFeature("area", "product", ("free", "n")),
    ),
)
DOOR = RequestEncoder(CONTRACT)
GOOD = {
    "n": 1,
    "x": 2.5,
    "free": 4,
    "c": "a",
    "rooms": 2,
    "ok": True,
    "start": "2024-07-04 10:00:00",
    "end": "2024-07-06T12:30:15",
}
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-9, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-9, 9),
)
TIMES = st.one_of(
    st.datetimes().map(lambda time: time.isoformat(sep=" ", timespec="seconds")),
    st.dates().map(str),
    st.sampled_from(["2024-W01-1T10:00:00", "2024-01-01T10:00:00Z", "2024-02-30", "24-01-01", "", "x" * 19]),
)
TEXTS = st.one_of(
    st.from_regex(r"-?[0-9]{1,17}(\.[0-9]{0,20})?", fullmatch=True),
    NUMBERS.map(str),
    st.sampled_from(["", "NA", "nan", "?", "-0", "007", "1.", ".5", "1e3", " 1", "+1", "yes", "0.0", "inf", "\u0661"]),
)
ANY = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=3), TIMES)
ROWS = st.fixed_dictionaries(
    {
        name: st.one_of(likely, st.none(), ANY)
        for name, likely in {
            "n": st.integers(-9, 99) | TEXTS,
            "x": NUMBERS | TEXTS,
            "free": NUMBERS | TEXTS,
            "c": st.sampled_from("ab1c") | TEXTS,
            "rooms": st.sampled_from([1, 2, 3, 1.0, True, "1", "2", "01"]) | TEXTS,
            "ok": st.booleans() | st.sampled_from(["true", "no", "1", "0.0", "T"]) | TEXTS,
            "start": TIMES | st.sampled_from(["", "NA"]),
            "end": TIMES,
        }.items()
    },
    optional={"note": st.text(max_size=2), "y": NUMBERS},
)


def judged(rows: list[Any], contract: Contract = CONTRACT) -> np.ndarray:
    """The matrix by the full check alone, as in training."""
    typed = records.validate_records(records.table(rows, contract), contract)
    return model_matrix.encode(row_features.add(typed, contract), contract)


@examples(300)
@given(st.lists(ROWS, min_size=1, max_size=2))
def test_what_the_quick_check_admits_is_what_the_full_check_makes(rows: list[dict[str, Any]]) -> None:
    """Rows that the quick check takes give the same matrix, to the bit, by the functions of training."""
    rows = [{name: row[name] for name in row if all(name in other for other in rows)} for row in rows]
    for copies in (1, 12):
        quick = DOOR.try_rows(rows * copies)
        if quick is not None:
            np.testing.assert_array_equal(quick.matrix, judged(rows * copies))
            assert quick.warnings == ()


@pytest.mark.parametrize("copies", [1, 40])
def test_plain_rows_take_the_quick_way(copies: int) -> None:
    """Objects, arrays and columns of ordinary values need no Polars, and mean the same."""
    objects = [GOOD, {**GOOD, "x": None, "c": None, "ok": None, "start": None, "rooms": None}] * copies
    arrays = [list(row.values()) for row in objects]
    columns = {name: [row[name] for row in objects] for name in GOOD}
    found = [DOOR.try_rows(objects), DOOR.try_rows(arrays), DOOR.try_columns(columns)]
    for admitted in found:
        assert admitted is not None
        np.testing.assert_array_equal(admitted.matrix, judged(objects))


@pytest.mark.parametrize("copies", [1, 40])
def test_a_row_as_a_csv_holds_it_takes_the_quick_way(copies: int) -> None:
    """Numbers, booleans and missing values as texts need no Polars either, and mean the same."""
    texts = {name: str(value) for name, value in GOOD.items()} | {"ok": "true"}
    rows = [texts, {**texts, "x": "", "c": "NA", "ok": "?", "start": "", "rooms": "null", "free": "-0.25"}] * copies
    admitted = DOOR.try_rows(rows)
    assert admitted is not None
    np.testing.assert_array_equal(admitted.matrix, judged(rows))


@pytest.mark.parametrize("copies", [1, 40])
def test_columns_that_the_model_does_not_use_do_not_slow_a_request(copies: int) -> None:
    """The target and ignored columns may come along, in any order of the names."""
    rows = [{"y": 3.5, **GOOD, "note": "hello"}, {**GOOD, "note": "", "y": 1}] * copies
    admitted = DOOR.try_rows(rows)
    assert admitted is not None
    np.testing.assert_array_equal(admitted.matrix, judged([GOOD, GOOD] * copies))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", -6), ("n", 1.5), ("n", True), ("n", "1.0"), ("n", "-6"), ("n", ""), ("n", None), ("n", 2**60),
        ("x", 10), ("x", "10"), ("x", "1e0"), ("x", []),
        ("c", "z"), ("c", 1), ("rooms", 3), ("rooms", True), ("rooms", 1.0), ("ok", 1), ("ok", "TRUE"),
        ("start", "2024-02-30"), ("start", "04.07.2024"), ("start", 5), ("end", {"a": 1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("copies", [1, 40])
def test_what_is_not_plain_is_left_to_the_full_check(name: str, value: Any, copies: int) -> None:
    """No value that the contract refuses, or that must be read as in a CSV, takes the quick way."""
    assert DOOR.try_rows([{**GOOD, name: value}] * copies) is None


@pytest.mark.parametrize("rows", [[], [{}], [[]], [1], [None], [GOOD, []], [[1]], [{**GOOD, "more": 1}]])
def test_rows_of_other_shapes_are_refused(rows: list[Any]) -> None:
    """The full check refuses what has no rows or other columns, one by one and in bulk."""
    for many in (rows, rows * 20):
        assert DOOR.try_rows(many) is None
        with pytest.raises(RequestError):
            DOOR.encode_rows(many)


def test_a_value_that_only_a_warning_stands_against_passes_and_is_told() -> None:
    """Severity ``warn`` lets a value pass, with a sentence that names row and column."""
    door = RequestEncoder(replace(CONTRACT, rules={"range": "warn"}))
    admitted = door.encode_rows([GOOD, {**GOOD, "x": 10.5}])
    assert admitted.matrix[1, 1] == 10.5
    assert [text for text in admitted.warnings if "row 1, column 'x' must be at most 9.5" in text]


def test_arrays_of_numbers_pass_as_they_are() -> None:
    """A client's numeric arrays need not become Python values; NaN is missing, infinity is refused."""
    columns = {name: [value] * 3 for name, value in GOOD.items()}
    floats = np.array([1.0, math.nan, 3.0], dtype=np.float32)
    admitted = DOOR.try_columns({**columns, "x": floats, "n": np.array([1, 2, 3], dtype=np.int8)})
    assert admitted is not None
    np.testing.assert_array_equal(admitted.matrix[:, 1], floats)
    np.testing.assert_array_equal(admitted.matrix[:, 0], [1, 2, 3])
    with pytest.raises(RequestError, match="finite"):
        DOOR.encode_columns({**columns, "x": np.array([1.0, math.inf, 3.0])})


def test_columns_of_several_lengths_are_refused() -> None:
    """The sentence names the column that differs."""
    with pytest.raises(RequestError, match="'x' holds 2 where"):
        DOOR.encode_columns({name: [value] * (2 if name == "x" else 1) for name, value in GOOD.items()})
