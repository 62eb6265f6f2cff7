"""A whole table against its contract."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import DataError
from headrace.core.base.files import read_json
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.contract_yaml import dump
from headrace.core.tables import parquet_table
from headrace.core.validation.block import REASONS
from headrace.core.validation.table import validate_table

COLUMNS = (
    Column("id", "integer", "id"),
    Column("y", "string", "target", categories=("no", "yes")),
    Column("age", "integer", minimum=0, maximum=120, missing=0.1),
    Column("color", "string", categories=("red", "blue")),
)


def contract(**given: Any) -> Contract:
    """A contract of four columns."""
    return Contract(**{"name": "people", "task": "binary", "columns": COLUMNS, **given})


def rows(count: int = 200) -> pl.DataFrame:
    """A raw table that keeps the contract and whose features tell little of the target."""
    draw = random.Random(1)  # noqa: S311 - test data
    return pl.DataFrame(
        {
            "id": [str(number) for number in range(count)],
            "y": [draw.choice(["no", "no", "yes"]) for _ in range(count)],
            "age": [str(draw.randrange(100)) for _ in range(count)],
            "color": [draw.choice(["red", "blue"]) for _ in range(count)],
        }
    )


def check(folder: Path, frame: pl.DataFrame, agreed: Contract, *, notes: Sequence[Note] = ()) -> dict[str, Any]:
    """Check a table on disk, in several parts; the checks that were written."""
    with parquet_table.TableWriter(folder / "raw") as writer:
        writer.write(frame.head(77))
        writer.write(frame.slice(77))
    (folder / "contract.yaml").write_text(dump(agreed))
    validate_table(
        folder / "raw",
        contract=folder / "contract.yaml",
        valid=folder / "valid",
        quarantine=folder / "quarantine",
        checks=folder / "checks.json",
        page=folder / "checks.html",
        notes=notes,
    )
    found: dict[str, Any] = read_json(folder / "checks.json")
    return found


def broken(checks: dict[str, Any]) -> dict[str, int]:
    """Counts by rule."""
    return {item["rule"]: item["count"] for item in checks["rules"]}


def test_a_sound_table_breaks_no_rule(tmp_path: Path) -> None:
    """All rows are valid and typed, in their order; the quarantine is an empty table."""
    checks = check(tmp_path, rows(), contract(keys=("id",)))
    assert checks["rules"] == []
    assert checks["rows"] == {"read": 200, "valid": 200, "quarantined": 0}
    assert sum(checks["class_balance"].values()) == 200
    valid = parquet_table.read(tmp_path / "valid")
    assert valid.schema == pl.Schema({"id": pl.Int64, "y": pl.String, "age": pl.Int64, "color": pl.String})
    assert valid.get_column("id").to_list() == list(range(200))
    assert parquet_table.read(tmp_path / "quarantine").height == 0


def test_bad_rows_go_to_the_quarantine_and_are_told(tmp_path: Path) -> None:
    """Rows are valid or quarantined, and the checks name rule, column, count and examples."""
    frame = rows().with_columns(
        age=pl.when(pl.col("id").is_in(["3", "150"])).then(pl.lit("999")).otherwise("age"),
        color=pl.when(pl.col("id") == "3").then(pl.lit("<b>pink</b>")).otherwise("color"),
    )
    checks = check(tmp_path, frame, contract())
    quarantine = parquet_table.read(tmp_path / "quarantine")
    assert quarantine.get_column(REASONS).to_list() == ["range:age; category:color", "range:age"]
    assert quarantine.get_column("_row").to_list() == [4, 151]
    assert checks["rows"] == {"read": 200, "valid": 198, "quarantined": 2}
    told = next(item for item in checks["rules"] if item["rule"] == "range")
    assert told["examples"] == ["'999' (row 4)", "'999' (row 151)"]
    assert told["message"].startswith("column 'age' must be from 0 to 120; 2 of 200 rows break this rule")
    page = (tmp_path / "checks.html").read_text()
    assert "&lt;b&gt;pink" in page
    assert "<b>pink" not in page


def test_what_only_the_whole_table_shows_is_counted(tmp_path: Path) -> None:
    """Duplicate rows and keys across parts, constants, missing values, unknown columns and rare classes are told."""
    frame = rows().with_columns(
        color=pl.lit("red"),
        age=pl.when(pl.col("id").cast(pl.Int64) % 2 == 0).then("age"),
        y=pl.when(pl.col("id") == "7").then(pl.lit("yes")).otherwise(pl.lit("no")),
        extra=pl.lit("x"),
    )
    checks = check(tmp_path, pl.concat([frame, frame.head(3)]), contract(keys=("id",)))
    assert broken(checks) == {
        "constant": 1 * 203,
        "missing": 101,
        "unknown_columns": 1,
        "duplicate_rows": 3,
        "duplicate_keys": 3,
        "class_balance": 1,
    }


def test_a_feature_that_gives_the_target_away_is_suspected(tmp_path: Path) -> None:
    """A copy of the target under another name is told, and no other column is."""
    frame = rows().with_columns(color=pl.when(pl.col("y") == "yes").then(pl.lit("red")).otherwise(pl.lit("blue")))
    checks = check(tmp_path, frame, contract())
    assert [(item["rule"], item["column"], item["holds"]) for item in checks["rules"]] == [("leakage", "color", True)]
    meant = contract(
        columns=tuple(replace(column, known_at_prediction=column.name == "color") for column in contract().columns)
    )
    assert check(tmp_path / "meant", frame, meant)["rules"] == []


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"rules": {"range": "stop"}}, "column 'age' must be from 0 to 120; 50 of 200 rows break this rule (range)"),
        ({}, "at most 20% of the rows may be set aside, but 50 of 200 (25.0%) were"),
    ],
)
def test_a_rule_that_stops_the_line_writes_what_was_found_before(
    tmp_path: Path, given: dict[str, Any], fragment: str
) -> None:
    """The error names column, rule, count and examples; checks, page and quarantine are there to look at."""
    frame = rows().with_columns(age=pl.when(pl.col("id").cast(pl.Int64) < 50).then(pl.lit("500")).otherwise("age"))
    with pytest.raises(DataError) as caught:
        check(tmp_path, frame, contract(**given))
    assert fragment in str(caught.value)
    assert "'500' (row 1)" in str(caught.value)
    assert parquet_table.read(tmp_path / "quarantine").height == 50
    assert read_json(tmp_path / "checks.json")["rows"]["quarantined"] == 50
    assert (tmp_path / "checks.html").exists()


@pytest.mark.parametrize(
    ("frame", "fragment"),
    [
        (rows(19), "at least 20 valid rows"),
        (rows(40).with_columns(y=pl.lit("no")), "at least two classes"),
        (rows(40).clear(), "must have rows"),
        (rows(40).drop("age"), "'age'"),
    ],
)
def test_a_table_from_which_nothing_can_be_learned_is_refused(
    tmp_path: Path, frame: pl.DataFrame, fragment: str
) -> None:
    """Too few rows, one class, no rows and absent columns are data errors."""
    with pytest.raises(DataError, match=fragment):
        check(tmp_path, frame, contract())
