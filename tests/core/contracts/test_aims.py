"""What a contract asks of a model: read, written, and refused with its place."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import dump, parse
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import infer_with_notes
from headrace.core.tables import parquet_table

NUMBERS = """
format: 1
name: trips
task: regression
objective: count
intervals: 0.9
columns:
  - {name: bikers, dtype: integer, role: target, minimum: 0}
  - {name: heat, dtype: number, monotone: increasing}
  - {name: month, dtype: string, categories: [may, june]}
"""
CLASSES = """
format: 1
name: grades
task: multiclass
class_weights: {low: 2, high: 3.5}
columns:
  - {name: grade, dtype: string, role: target, categories: [low, middle, high], ordered: true}
  - {name: size, dtype: number}
"""


@pytest.mark.parametrize("text", [NUMBERS, CLASSES, CLASSES.replace("{low: 2, high: 3.5}", "balanced")])
def test_what_is_asked_survives_writing_and_reading(text: str) -> None:
    """A contract that is written and read again asks for the same."""
    contract = parse(text)
    assert parse(dump(contract)) == contract


@pytest.mark.parametrize(
    ("text", "old", "new", "sentence"),
    [
        (NUMBERS, "objective: count", "objective: counts", "objective must be one of 'mean', 'quantile', 'count'; got"),
        (NUMBERS, "0.9", "90", "intervals must be a share above 0 and below 1, such as 0.9; got 90 instead"),
        (NUMBERS, "0.9", "often", "intervals must be a number; got 'often'"),
        (
            NUMBERS,
            "minimum: 0",
            "minimum: -1",
            "the target's minimum must be 0 or more for the objective count; got -1",
        ),
        (NUMBERS, "objective: count", "objective: quantile", "monotone must be absent beside the objective quantile"),
        (NUMBERS, "objective: count", "quantile: 0.9", "quantile must be absent unless the objective is quantile"),
        (NUMBERS, "objective: count", "quantile: 1", "quantile must be a share above 0 and below 1; got 1 instead"),
        (NUMBERS, "increasing", "rising", "monotone must be one of 'increasing', 'decreasing'; got 'rising'"),
        (NUMBERS, "[may, june]", "[may, june], monotone: decreasing", "monotone must be absent unless the column is a"),
        (NUMBERS, "minimum: 0", "ordered: true", "ordered must be absent unless the column is a target of three or"),
        (NUMBERS, "intervals: 0.9", "class_weights: balanced", "class_weights must be absent from a regression"),
        (CLASSES, "ordered: true", "ordered: yes please", "ordered must be true or false; got 'yes please'"),
        (
            CLASSES,
            "low: 2",
            "lower: 2",
            r"class_weights must be of the classes \['low', 'middle', 'high'\]; got 'lower'",
        ),
        (CLASSES, "low: 2", "low: 0", "class_weights.low must be a number above 0; got 0 instead"),
        (CLASSES, "low: 2", "low: many", "class_weights.low must be a number; got 'many' instead"),
        (CLASSES, "{low: 2, high: 3.5}", "even", "class_weights must be balanced, or a weight by class; got 'even'"),
        (CLASSES, "task: multiclass", "task: multiclass\nintervals: 0.9", "intervals must be absent from a multiclass"),
        (
            CLASSES,
            "dtype: number",
            "dtype: number, monotone: increasing",
            "absent from a task of more than two classes",
        ),
    ],
)
def test_a_contradiction_is_refused_in_a_sentence(text: str, old: str, new: str, sentence: str) -> None:
    """Each refusal says what was expected, what came, and where."""
    assert old in text
    with pytest.raises(InputError, match=sentence):
        parse(text.replace(old, new), source="mine.yaml")


def inferred(folder: Path, *, target: str = "counts", given: Path | str = "", **hints: Any) -> Contract:
    """The contract of a small table with a count and two classes."""
    frame = pl.DataFrame({"counts": [str(place % 30) for place in range(300)], "class": ["a", "a", "b"] * 100})
    with parquet_table.TableWriter(folder / "raw") as writer:
        writer.write(frame.with_columns(x=pl.int_range(300).cast(pl.String)))
    return infer_with_notes(
        folder / "raw", name="demo", target=target, hints=ContractHints(**hints), given=given
    ).contract


def test_options_go_into_the_contract_that_is_inferred(tmp_path: Path) -> None:
    """They become its keys, and are refused as its keys are."""
    found = inferred(tmp_path / "a", objective="count", intervals=0.9)
    assert (found.task, found.objective, found.intervals, found.quantile) == ("regression", "count", 0.9, 0.5)
    assert inferred(tmp_path / "b", target="class", class_weights="balanced").class_weights == "balanced"
    with pytest.raises(InputError, match=r"intervals must be absent from a binary task; got 0\.9"):
        inferred(tmp_path / "c", target="class", intervals=0.9)


def test_few_counts_are_no_classes_where_a_number_is_asked_for(tmp_path: Path) -> None:
    """A count of 0 to 3 would be inferred as four classes, which no objective, quantile or interval fits."""
    frame = pl.DataFrame({"size": [float(row) for row in range(60)], "visits": [row % 4 for row in range(60)]})
    with parquet_table.TableWriter(tmp_path / "raw") as writer:
        writer.write(frame.cast(pl.String))

    def task(**asked: object) -> str:
        hints = ContractHints(**asked)  # type: ignore[arg-type]
        return infer_with_notes(tmp_path / "raw", name="made", target="visits", hints=hints).contract.task

    assert task() == "multiclass"
    assert task(objective="count") == task(intervals=0.9) == task(objective="quantile", quantile=0.9) == "regression"


def test_an_option_that_contradicts_the_given_contract_is_refused(tmp_path: Path) -> None:
    """The contract is what counts; an option that says the same is no contradiction."""
    given = tmp_path / "mine.yaml"
    given.write_text(dump(inferred(tmp_path / "a", intervals=0.9)))
    assert inferred(tmp_path / "b", target="", given=given, intervals=0.9).intervals == 0.9
    with pytest.raises(InputError, match=r"the intervals must be the contract's, 0\.9; got 0\.8 instead"):
        inferred(tmp_path / "c", target="", given=given, intervals=0.8)
    with pytest.raises(InputError, match="the class weights must be the contract's, which names none; got 'balanced'"):
        inferred(tmp_path / "d", target="", given=given, class_weights="balanced")
