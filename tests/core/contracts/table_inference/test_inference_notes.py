"""What the inference of a contract says that it guessed."""

from pathlib import Path

import polars as pl
import pytest

from headrace.core.base.files import read_json
from headrace.core.base.notes import Note
from headrace.core.contracts.contract_yaml import dump
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import InferredContract, infer_with_notes
from headrace.core.tables import parquet_table
from headrace.core.validation.table import validate_table
from tests.core.contracts.table_inference.test_infer import NUMBERS, N, raw, spread


def told(folder: Path, frame: pl.DataFrame, **wishes: str) -> InferredContract:
    """The contract and the notes of a table."""
    with parquet_table.TableWriter(folder / "raw") as writer:
        writer.write(frame)
    return infer_with_notes(folder / "raw", name="demo", target="y", hints=ContractHints(**wishes))  # type: ignore[arg-type]


def about(found: InferredContract, rule: str) -> Note | None:
    """The note of a rule."""
    return next((note for note in found.notes if note.rule == rule), None)


def test_the_positive_class_is_told_with_its_rows(tmp_path: Path) -> None:
    """Which class it is, how many rows it has, why it was chosen and how to choose the other; unless a person did."""
    frame = raw().with_columns(y=pl.Series(spread(["+", "-", "-"])))
    note = about(told(tmp_path / "a", frame), "positive_class")
    assert note
    assert (note.severity, note.column, note.count) == ("info", "y", 100)
    assert "is '+' (100 of 300 rows), by what the classes mean" in note.sentence
    assert note.remedy == "Give --positive '-' for the other one."
    assert about(told(tmp_path / "b", frame, positive="-"), "positive_class") is None


@pytest.mark.parametrize(
    ("values", "wishes", "sentence", "remedy"),
    [
        (
            spread(["3", "4", "5"]),
            {},
            "3 different numbers, which are treated as classes (multiclass)",
            "--task regression",
        ),
        (spread(["1", "2"]), {}, "2 different numbers, which are treated as classes (binary)", "--task regression"),
        (spread(["1.5", "2", "3"]), {}, "3 different numbers and is predicted as a number", "--task multiclass"),
        (spread(["0", "1"]), {}, "", ""),
        (spread(["3", "4", "5"]), {"task": "multiclass"}, "", ""),
        (spread(["a", "b", "c"]), {}, "", ""),
        (NUMBERS, {}, "", ""),
    ],
)
def test_a_target_of_few_numbers_says_how_it_was_taken(
    tmp_path: Path, values: list[str], wishes: dict[str, str], sentence: str, remedy: str
) -> None:
    """As classes or as a number, and how to choose the other; nothing where there was no choice."""
    note = about(told(tmp_path, raw().with_columns(y=pl.Series(values)), **wishes), "task")
    assert (note.sentence if note else "").count(sentence)
    assert (note.remedy if note else "").count(remedy)
    assert (note is None) == (not sentence)


def test_a_number_among_whose_texts_are_others_is_a_regression(tmp_path: Path) -> None:
    """Prices of which some are words are no two hundred classes: the words' rows are set aside, and that is told."""
    values = ["on request" if place % 20 == 0 else f"{place * 3 % 190 + 0.5}" for place in range(N)]
    frame = raw(x=spread(["1", "2", "3"])).with_columns(y=pl.Series(values))
    found = told(tmp_path, frame)
    assert (found.contract.task, found.contract.target.dtype) == ("regression", "number")
    note = about(found, "target_not_numbers")
    assert note
    assert note.severity == "warning"
    (tmp_path / "contract.yaml").write_text(dump(found.contract))
    folders = {name: tmp_path / name for name in ("valid", "quarantine", "checks", "page")}
    assert validate_table(tmp_path / "raw", contract=tmp_path / "contract.yaml", **folders)["quarantined"] == 15
    rules = {item["rule"] for item in read_json(folders["checks"])["notes"]}
    assert "type" in rules
    classes = told(tmp_path / "few", frame.with_columns(y=pl.Series(spread(["1", "2", "3", "unknown"]))))
    assert classes.contract.task == "multiclass"


@pytest.mark.parametrize(
    ("values", "pair"), [(["red", "Red", "blue"], "'Red' and 'red'"), (["a", "b", "a "], "'a' and 'a '")]
)
def test_classes_that_differ_by_case_or_blanks_are_named(tmp_path: Path, values: list[str | None], pair: str) -> None:
    """They are classes of their own, and a warning says so; the same of a feature's categories is good to know."""
    odd = pl.Series(spread(values))
    note = about(told(tmp_path / "target", raw().with_columns(y=odd)), "alike")
    assert note
    assert (note.severity, note.column, note.count) == ("warning", "y", 1)
    assert pair in note.sentence
    feature = about(told(tmp_path / "feature", raw(x=odd)), "alike")
    assert feature
    assert (feature.severity, feature.column) == ("info", "x")


def test_columns_that_are_nearly_numbers_are_told(tmp_path: Path) -> None:
    """A column that is left out though most of its texts are numbers is a warning."""
    nearly = ["broken" if place % 30 == 0 else f"{place / 7:.6f}" for place in range(N)]
    found = told(tmp_path, raw(id=NUMBERS, nearly=nearly, x=spread(["1", "2"])))
    left_out = about(found, "ignored")
    assert left_out
    assert (left_out.severity, left_out.column) == ("warning", "nearly")
    assert "dtype number" in left_out.sentence
