"""What is told of a table that was checked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.notes import Note, from_json
from headrace.core.contracts.contract import Column
from headrace.core.contracts.unused_columns import find_unused_columns
from headrace.core.evaluation.evaluation_document import EqualInputs, Evaluation, NearInputs
from headrace.core.packaging import run_notes
from tests.core.validation.test_table import COLUMNS, check, contract, rows
from tests.made_documents import around, make_checks, make_evaluation


def noted(checks: dict[str, Any]) -> dict[str, Note]:
    """The notes in the checks, by rule."""
    return {note.rule: note for note in from_json(checks["notes"])}


def test_what_no_model_sees_is_told_with_the_reason() -> None:
    """Ignored columns with what the contract says of them, and timestamps of which no row feature is made."""
    more = (
        Column("note", "string", "ignore", "It has about 900 different texts in 1000 rows, too many for categories."),
        Column("plain", "string", "ignore"),
        Column("seen", "timestamp", "timestamp"),
    )
    found = {note.column: note for note in find_unused_columns(contract(columns=(*COLUMNS, *more)))}
    assert found["note"].sentence == (
        "Column 'note' is left out: it has about 900 different texts in 1000 rows, too many for categories."
    )
    assert found["plain"].sentence == "Column 'plain' is left out, as the contract says."
    assert "no row feature" in found["seen"].sentence
    assert set(found) == {"note", "plain", "seen"}
    assert "seen" not in {
        note.column for note in find_unused_columns(contract(columns=(*COLUMNS, *more), time_column="seen"))
    }


def test_broken_rules_are_told_by_their_weight(tmp_path: Path) -> None:
    """A few values that are set aside are good to know, many are a warning; so is what makes a result wrong."""
    frame = rows(1000).with_columns(
        age=pl.when(pl.col("id").is_in(["5"])).then(pl.lit("900")).otherwise("age"),
        color=pl.when(pl.col("id").cast(pl.Int64) % 10 == 0).then(pl.lit("pink")).otherwise("color"),
        extra=pl.lit("x"),
    )
    found = noted(check(tmp_path, pl.concat([frame, frame.tail(2)]), contract(keys=("id",))))
    assert {rule: note.severity for rule, note in found.items()} == {
        "range": "info",
        "category": "warning",
        "unknown_columns": "info",
        "duplicate_rows": "info",
        "duplicate_keys": "warning",
    }
    assert found["range"].count == 1
    assert found["range"].sentence.startswith("Column 'age' must be from 0 to 120; 1 of 1002 rows break this rule")
    assert found["range"].sentence.endswith("They are set aside.")
    assert found["range"].remedy.startswith("Correct them")


def test_notes_of_earlier_steps_go_before_the_contracts(tmp_path: Path) -> None:
    """What the reader of a table has said of a column that is left out is not said again in the contract's words."""
    early = Note("warning", "color", "ignored", 1, "Column 'color' is left out: most of its values are numbers.")
    columns = tuple(replace(c, role="ignore") if c.name == "color" else c for c in COLUMNS)
    found = check(tmp_path, rows(), contract(columns=columns), notes=[early])["notes"]
    assert from_json(found) == (early,)


def test_a_run_adds_what_the_evaluation_shows() -> None:
    """Copies of training rows among the test rows, and a model without errors where no leak was found."""
    copies = EqualInputs(0.25, 0.01, True, "These are copies.", "Remove them.")
    perfect = make_evaluation(metrics={"accuracy": around(1.0), "roc_auc": around(1.0)})
    near = NearInputs(0.6, 50, True, "These are near.", "Name a group.")
    early = Note("info", "x", "ignored", 1, "Column 'x' is left out.")
    shown = replace(perfect, equal_inputs=copies, near_inputs=near)
    found = run_notes.gather(make_checks(notes=(early,)), shown)
    assert [(note.rule, note.severity, note.count) for note in found] == [
        ("equal_inputs", "warning", 20),
        ("near_inputs", "warning", 30),
        ("no_errors", "warning", 80),
        ("ignored", "info", 1),
    ]
    leak = Note("warning", "x", "leakage", 1, "Column 'x' alone tells the target.")
    assert run_notes.gather(make_checks(notes=(leak,)), perfect) == (leak,)


@pytest.mark.parametrize("evaluation", [None, make_evaluation("regression", metrics={"r2": around(0.9)})])
def test_a_run_with_nothing_to_tell_tells_nothing(evaluation: Evaluation | None) -> None:
    """A run that broke off, and one that is well."""
    assert run_notes.gather(None, evaluation) == ()
