"""Raw records to tables and back."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.validation.records import records, series, table, validate_records

CONTRACT = Contract(
    name="t",
    task="regression",
    columns=(
        Column("n", "integer", minimum=0, missing=0),
        Column("x", "number", missing=0.5),
        Column("c", "string", categories=("a", "b"), missing=0.5),
        Column("ok", "boolean", missing=0.5),
        Column("note", "string", role="ignore"),
        Column("y", "number", role="target"),
    ),
)


def test_objects_and_arrays_mean_the_same() -> None:
    """Arrays follow the order of the contract's inputs."""
    objects = [{"c": "a", "ok": True, "x": 1.5, "n": 1}, {"c": None, "ok": None, "x": None, "n": 2}]
    arrays = [[1, 1.5, "a", True], [2, None, None, None]]
    typed = [validate_records(table(rows, CONTRACT), CONTRACT) for rows in (objects, arrays)]
    assert typed[0].equals(typed[1])
    assert typed[0].columns == ["n", "x", "c", "ok"]


@pytest.mark.parametrize("texts", [["1", "1.5", "a", "true"], ["1", "", "NA", "yes"], ["1", "1e0", "b", "0"]])
def test_values_are_read_as_in_a_csv(texts: list[str]) -> None:
    """Texts of numbers, booleans and missing values mean what they mean in a table."""
    frame = validate_records(table([texts], CONTRACT), CONTRACT)
    assert frame.schema == pl.Schema({"n": pl.Int64, "x": pl.Float64, "c": pl.String, "ok": pl.Boolean})
    assert frame["n"][0] == 1


def test_columns_that_the_model_does_not_use_may_come_along() -> None:
    """A row of the training table can be sent as it is, with its target and notes."""
    row = {"n": 1, "x": 1, "c": "a", "ok": False, "note": "hello", "y": 3}
    assert validate_records(table([row], CONTRACT), CONTRACT).height == 1


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "at least one row"),
        ([{}], "empty object"),
        ([[]], "row 0 must hold 4 values"),
        ([[1, 2, "a", True, 5]], "row 0 must hold 4 values"),
        ([[1, 2, "a", True], [1]], "row 1 must hold 4 values"),
        ([[1, 2, "a", True], {"n": 1}], "row 1 must be"),
        ([{"n": 1}, [1]], "row 0 must be"),
        ([3], "row 0 must be"),
        (["abcd"], "row 0 must be"),
        ([None], "row 0 must be"),
        ([{"n": 1, "x": 2, "c": "a", "ok": True}, {"n": 1}], "row 1 lacks 'x'"),
        ([{"n": 1, "x": [2], "c": "a", "ok": True}], "column 'x' must be a text.*an array"),
        ([{"n": 1, "x": float("nan"), "c": "a", "ok": True}], "row 0, column 'x' must be finite; got nan"),
        ([{"n": 1, "x": float("inf"), "c": "a", "ok": True}], "row 0, column 'x' must be finite"),
        ([{"n": 2**63, "x": 1, "c": "a", "ok": True}], "column 'n' must be an integer; got '9223372036854775808'"),
        ([{"n": 1.5, "x": 1, "c": "a", "ok": True}], "row 0, column 'n' must be an integer; got 1.5"),
        ([{"n": -1, "x": 1, "c": "a", "ok": True}], "row 0, column 'n' must be at least 0; got -1"),
        ([{"n": 1, "x": "many", "c": "a", "ok": True}], "row 0, column 'x' must be a number; got 'many'"),
        ([{"n": 1, "x": 1, "c": "z", "ok": True}], "row 0, column 'c' must be one of 'a', 'b'; got 'z'"),
        ([{"n": 1, "x": 1, "c": "a", "ok": 7}], "row 0, column 'ok' must be true or false; got 7"),
        ([{"n": 1, "x": 1, "c": "a"}], "column 'ok' must be present"),
        ([{"n": 1, "x": 1, "c": "a", "ok": True, "oops": 1}], "'oops' must be one of"),
        ([{"n": 1, "x": True, "c": "a", "ok": True}], "row 0, column 'x' must be a number; got"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_row_and_column(rows: Any, says: str) -> None:
    """Each sentence names the place, what was expected and what was found."""
    with pytest.raises(InputError, match=says):
        validate_records(table(rows, CONTRACT), CONTRACT)


def test_the_contract_decides_on_missing_values() -> None:
    """A value that was never missing in training is imputed, unless the contract is stricter."""
    from dataclasses import replace

    row = {"n": None, "x": 1, "c": "a", "ok": True}
    assert validate_records(table([row], CONTRACT), CONTRACT)["n"].to_list() == [None]
    strict = replace(CONTRACT, rules={"missing": "stop"})
    with pytest.raises(InputError, match="row 0, column 'n' must be present"):
        validate_records(table([row], strict), strict)


def test_many_faults_are_counted() -> None:
    """The first is told, the others are numbered."""
    rows = [[-1, "x", "z", 9]] * 3
    with pytest.raises(InputError, match=r"11 more values or columns are refused\.$"):
        validate_records(table(rows, CONTRACT), CONTRACT)


VALUES = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(VALUES, min_size=2, max_size=6))
def test_the_meaning_of_a_value_does_not_depend_on_its_neighbours(values: list[Any]) -> None:
    """As text, a value reads the same alone and among values of other kinds."""
    column = Column("c", "string", categories=tuple("ab"))
    contract = Contract(
        name="t", task="regression", columns=(column, Column("y", "number", role="target")), missing_values=()
    )
    from headrace.core.contracts.casting import cast_columns

    def read(raw: list[Any]) -> list[Any]:
        return (
            cast_columns(series("c", raw).to_frame(), [column], missing_values=contract.missing_values)
            .frame["c"]
            .to_list()
        )

    together = read(values)
    alone = [read([value])[0] for value in values]
    assert together == alone


def test_records_hold_what_json_can() -> None:
    """Times become text that the contract reads again; missing values stay missing."""
    from datetime import datetime

    frame = pl.DataFrame(
        {"t": [datetime(2024, 3, 1, 12, 0, 0, 5), None], "x": [1.5, None]},  # noqa: DTZ001
        schema={"t": pl.Datetime("us"), "x": pl.Float64},
    )
    columns = (Column("t", "timestamp", role="timestamp"), Column("x", "number"))
    assert records(frame, columns) == [{"t": "2024-03-01 12:00:00.000005", "x": 1.5}, {"t": None, "x": None}]
