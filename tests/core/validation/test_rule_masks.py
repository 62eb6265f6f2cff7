"""One routine says which rows break which rules, whether they come as a table, in a request or to be scored."""

import polars as pl
import pytest

from headrace.core.contracts.contract import SEVERITIES, Column, Contract
from headrace.core.validation.block import validate_block
from headrace.core.validation.request import validate_rows
from headrace.core.validation.rule_masks import evaluate_rules, refused_rows
from headrace.core.validation.scoring import validate_for_scoring

CONTRACT = Contract(
    name="trees",
    task="binary",
    columns=(
        Column("kind", "string", categories=("NA", "oak"), missing=0),
        Column("height", "number", minimum=0, maximum=100, unit="m"),
        Column("felled", "string", role="target", categories=("0", "1")),
    ),
    missing_values=("NA", "-", ""),
)
RAW = pl.DataFrame(
    {
        "kind": ["NA", "oak", "-", "elm", None],
        "height": ["3", "x", "200", "-", "7"],
        "felled": ["0", "1", "0", "-", "1"],
    }
)


def test_masks_are_given_by_rule_and_column() -> None:
    """A text that stands for a missing value breaks no rule about categories, one that is listed stays what it is."""
    found = evaluate_rules(RAW, CONTRACT.typed_columns, CONTRACT)
    assert {rule: mask.arg_true().to_list() for rule, mask in found.masks.items()} == {
        ("category", "kind"): [3],
        ("type", "height"): [1],
        ("range", "height"): [2],
        ("target_missing", "felled"): [3],
    }
    assert found.frame.get_column("kind").to_list() == ["NA", "oak", None, "elm", None]
    assert found.frame.columns == ["kind", "height", "felled"]
    assert found.summary["missing"] == {"kind": 2, "height": 2, "felled": 1}


def test_a_value_that_must_be_there_is_missing_in_these_rows() -> None:
    """Texts that stand for a missing value count as missing; a value that could not be cast does not."""
    strict = Contract(
        name="trees",
        task="binary",
        columns=(CONTRACT.columns[0], Column("height", "number", missing=0), CONTRACT.columns[2]),
        missing_values=CONTRACT.missing_values,
    )
    masks = evaluate_rules(RAW, strict.typed_columns, strict).missing(strict.typed_columns)
    assert {rule: mask.arg_true().to_list() for rule, mask in masks.items()} == {
        ("missing", "kind"): [2, 4],
        ("missing", "height"): [3],
    }


@pytest.mark.parametrize("rule", SEVERITIES)
def test_a_contract_refuses_rows_for_severe_rules_alone(rule: str) -> None:
    """A row is refused for a rule of severity quarantine or stop, not for one that is off or warns."""
    severities = ("off", "warn", "stop")
    contracts = [Contract("t", "binary", CONTRACT.columns, rules={rule: severity}) for severity in severities]
    assert [contract.refuses(rule) for contract in contracts] == [False, False, True]
    assert CONTRACT.refuses(rule) == (SEVERITIES[rule] in {"quarantine", "stop"})


def test_rows_are_refused_for_any_rule_that_refuses() -> None:
    """Without a broken rule no row is refused; a rule that warns refuses none."""
    lenient = Contract("t", "binary", CONTRACT.columns, rules={"range": "warn"}, missing_values=("NA", "-", ""))
    masks = evaluate_rules(RAW, lenient.typed_columns, lenient).masks
    assert refused_rows(masks, lenient, rows=5).arg_true().to_list() == [1, 3]
    assert refused_rows({}, lenient, rows=5).to_list() == [False] * 5


@pytest.mark.parametrize("values", [["NA", "oak"], ["NA", "elm"], ["NA", "-"], ["NA", "-", "elm"]])
def test_a_category_that_elsewhere_stands_for_a_missing_value_is_one_everywhere(values: list[str]) -> None:
    """Training, requests and scoring see the same values, whatever else stands in the column."""
    raw = pl.DataFrame({"kind": values, "height": [1.0] * len(values)})
    wanted = [None if value == "-" else value for value in values]
    assert validate_rows(raw, CONTRACT, serving=True).frame.get_column("kind").to_list() == wanted
    assert validate_for_scoring(raw, CONTRACT).table.get_column("kind").to_list() == wanted
    block = validate_block(raw.with_columns(pl.lit("0").alias("felled")), CONTRACT)
    assert block.valid.get_column("kind").to_list() == [value for value in wanted if value != "elm"]
