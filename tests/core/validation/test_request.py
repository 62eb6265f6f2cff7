"""Blocks and requests against the contract."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import DataError
from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.validation.block import REASONS, ROW, validate_block
from headrace.core.validation.request import validate_rows
from headrace.core.validation.violation_counts import ViolationCounts

CONTRACT = Contract(
    name="people",
    task="binary",
    columns=(
        Column("id", "string", "id"),
        Column("y", "string", "target", categories=("no", "yes")),
        Column("age", "integer", minimum=0, maximum=120, missing=0, unit="years"),
        Column("weight", "number"),
        Column("color", "string", categories=("red", "blue")),
        Column("mail", "string", "ignore", personal="keep"),
        Column("name", "string", "ignore", personal="drop"),
        Column("seen", "timestamp", "timestamp"),
    ),
    features=(RowFeature("seen_hour", "hour", ("seen",)),),
)
GOOD = {
    "id": "a1", "y": "yes", "age": "40", "weight": "71.5", "color": "red", "mail": "x@example.org", "name": "Ann",
    "seen": "2024-05-01 10:00:00",
}  # fmt: skip


def raw(*changes: dict[str, str | None]) -> pl.DataFrame:
    """Good rows with some values changed, all text."""
    return pl.DataFrame([{**GOOD, **change} for change in changes], schema=dict.fromkeys(GOOD, pl.String))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"age": "forty"}, "type:age"),
        ({"age": "-1"}, "range:age"),
        ({"weight": "inf"}, "finite:weight"),
        ({"color": "green"}, "category:color"),
        ({"y": "perhaps"}, "category:y"),
        ({"y": None}, "target_missing:y"),
        ({"y": "NA"}, "target_missing:y"),
        ({"seen": "2024-02-31"}, "type:seen"),
        ({"age": "500", "color": "green"}, "range:age; category:color"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reasons(change: dict[str, str | None], rule: str) -> None:
    """The bad row, as it was read, is in the quarantine; the good ones beside it are valid."""
    block = validate_block(raw({}, change, {}), CONTRACT, first_row=11)
    assert block.valid.height == 2
    assert block.quarantine.get_column(REASONS).to_list() == [rule]
    assert block.quarantine.get_column(ROW).to_list() == [12]
    assert block.quarantine.select(*change).to_dicts() == [change]
    assert block.counts.quarantined == 1


def test_missing_features_are_no_reason_to_set_a_row_aside() -> None:
    """Missing values, and texts that stand for them, stay in the valid table as missing."""
    block = validate_block(raw({"age": None, "color": "?", "weight": "NA"}), CONTRACT)
    assert block.valid.select("age", "color", "weight").row(0) == (None, None, None)
    assert block.counts.missing["color"] == 1


def test_personal_data_never_show() -> None:
    """A dropped column is in neither table, and no example shows a personal value."""
    block = validate_block(raw({"age": "x"}), CONTRACT)
    assert "name" not in block.valid.columns + block.quarantine.columns
    contract = Contract(
        name="people",
        task="binary",
        columns=(*CONTRACT.columns[:2], Column("mail", "integer", "id", personal="keep")),
    )
    block = validate_block(raw({}).select("id", "y", "mail"), contract)
    assert [example.value for examples in block.counts.examples.values() for example in examples] == [""]


def test_a_hashed_column_is_hashed_once() -> None:
    """Values in clear are hashed, values that are hashed already stay as they are."""
    columns = (*CONTRACT.columns[:2], Column("mail", "string", "group", personal="hash"))
    contract = Contract(name="people", task="binary", columns=columns)
    once = validate_block(raw({}).select("id", "y", "mail"), contract).valid
    assert once.item(0, "mail") != GOOD["mail"]
    assert validate_block(once, contract).valid.equals(once)


def test_severities_of_the_contract_decide() -> None:
    """A rule set to warn counts without costing the row; one set to off does not count."""
    frame = raw({"age": "500", "color": "green"})
    contract = Contract(name="a", task="binary", columns=CONTRACT.columns, rules={"range": "warn", "category": "off"})
    block = validate_block(frame, contract)
    assert block.valid.height == 1
    assert dict(block.counts.broken) == {("range", "age"): 1}


def test_an_absent_column_ends_the_check() -> None:
    """A table without a column of the contract is no such table."""
    with pytest.raises(DataError, match="'age'"):
        validate_block(raw({}).drop("age"), CONTRACT)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.sampled_from(["1", "200", "x", None]),
            "y": st.sampled_from(["yes", "no", None, "?", "other"]),
            "weight": st.sampled_from(["1.5", "inf", "nan", "heavy", None]),
            "color": st.sampled_from(["red", "blue", "green", "NA", None]),
        }
    ),
    min_size=1,
    max_size=20,
)


@given(ROWS, st.integers(0, 20))
def test_blocks_add_up_to_the_table(rows: list[dict[str, str | None]], cut: int) -> None:
    """Each row is valid or quarantined, never both, and the counts of two blocks are those of the whole."""
    whole = validate_block(raw(*rows), CONTRACT)
    first = validate_block(raw(*rows[:cut]), CONTRACT)
    second = validate_block(raw(*rows[cut:]), CONTRACT, first_row=min(cut, len(rows)) + 1)
    assert first.counts + second.counts == whole.counts + ViolationCounts()
    assert whole.valid.height + whole.quarantine.height == len(rows)
    assert first.valid.height + second.valid.height == whole.valid.height
    numbers = [*first.quarantine.get_column(ROW), *second.quarantine.get_column(ROW)]
    assert numbers == whole.quarantine.get_column(ROW).to_list()
    assert all(whole.quarantine.get_column(REASONS).str.len_chars() > 0)


def test_a_request_needs_the_inputs_alone() -> None:
    """Target, ids and ignored columns are not looked at; row features come from their sources."""
    request = pl.DataFrame({"age": [40], "weight": [70], "color": ["red"], "seen": ["2024-05-01"], "y": ["nonsense"]})
    checked = validate_rows(request, CONTRACT, serving=True)
    assert checked.violations == []
    assert checked.frame.columns == ["age", "weight", "color", "seen"]
    assert checked.frame.schema["weight"] == pl.Float64


def test_a_request_that_breaks_rules_is_told_each_of_them() -> None:
    """Absent and unknown columns and wrong values are named with what was expected and what came."""
    request = pl.DataFrame(
        {"age": ["40", "old"], "weight": [1.0, float("inf")], "color": ["green", None], "hue": [1, 2]}
    )
    checked = validate_rows(request, CONTRACT, serving=True)
    told = {(item.row, item.column, item.rule) for item in checked.violations}
    assert told == {
        (-1, "seen", "columns"),
        (-1, "hue", "unknown_columns"),
        (1, "age", "type"),
        (1, "weight", "finite"),
        (0, "color", "category"),
    }
    assert {item.rule for item in checked.refused} == {"columns", "type", "finite", "category"}
    assert "row 1, column 'age' must be an integer; got 'old' instead." in [str(item) for item in checked.violations]
    assert checked.frame.columns == ["age", "weight", "color", "seen"]


def test_a_value_that_may_not_be_missing_is_told() -> None:
    """A request without a value that training always had is a warning, for the model can impute it."""
    checked = validate_rows(
        pl.DataFrame({"age": [None], "weight": [1.0], "color": ["red"], "seen": [None]}), CONTRACT, serving=True
    )
    assert [(item.rule, item.column, item.severity) for item in checked.violations] == [("missing", "age", "warn")]


def test_a_large_bad_request_is_told_in_a_bounded_answer() -> None:
    """However many values are wrong, at most a hundred are told."""
    checked = validate_rows(pl.DataFrame({"age": ["x"] * 5_000}), CONTRACT, serving=True)
    assert len(checked.violations) == 100


def test_a_request_without_any_known_column_is_told_what_is_absent() -> None:
    """No column at all is an absent column, not a failure."""
    from headrace.core.contracts.contract import Column, Contract

    agreed = Contract(
        name="t", task="regression", columns=(Column("a", "number"), Column("y", "number", role="target"))
    )
    found = validate_rows(pl.DataFrame({"x": [1, 2]}), agreed, serving=True)
    assert [(item.rule, item.column) for item in found.violations] == [("columns", "a"), ("unknown_columns", "x")]
    assert found.frame.height == 2
