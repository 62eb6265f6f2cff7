"""One row, six ways in (CSV, Parquet, JSON Lines, SQL, V1, V2): one answer."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.core.base.errors import RequestError
from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.inference.batch_scoring import validate_rows
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.readers.table_reader import TableReader
from headrace.core.tables.source import ReadOptions
from headrace.stores.sources.open_source import open_source

CONTRACT = Contract(
    name="t",
    task="regression",
    columns=(
        Column("n", "integer"),
        Column("x", "number"),
        Column("g", "number", format="1.234,56 €"),
        Column("w", "integer", format="1,234"),
        Column("c", "string", categories=("a", "Bonn", "18446744073709551615")),
        Column("ok", "boolean"),
        Column("t", "timestamp", role="timestamp"),
        Column("y", "number", role="target"),
    ),
    features=(RowFeature("day", "day_of_week", ("t",)),),
)
DOOR = RequestEncoder(CONTRACT)
NAMES = list(DOOR.names)
Row = dict[str, Any]

BLANKS = st.sampled_from(["", " ", "\t", "  "])
VALUES = {
    "n": ["40", "40.0", "-7", "4e1", "40.5", "9007199254740993", "18446744073709551615", "x", "", "NA", "1,234"],
    "x": ["1.5", "40", "1e3", "18446744073709551616", "1,5", "x", "", "NA", "0.1"],
    "g": ["1.234,56 €", "12,5", "24.877", "12.5", "(5)", "5-", "\u22125", "€ 7", "5 $", "", "NA", "7"],
    "w": ["1,234", "1234", "5.00", "5.5", "", "9,007,199,254,740,993", "x"],
    "c": ["a", "Bonn", "bonn", "", "NA", "18446744073709551615", "z"],
    "ok": ["true", "Yes", "0", "maybe", ""],
    "t": ["2024-01-05", "2024-01-05T10:30:00", "2024-02-30", "", "NA"],
}
TEXTS = st.fixed_dictionaries(
    {name: st.tuples(BLANKS, st.sampled_from(texts), BLANKS).map("".join) for name, texts in VALUES.items()}
)
TYPED = st.fixed_dictionaries(
    {
        "n": st.one_of(st.integers(-(2**62), 2**62), st.sampled_from([40.0, 2.5]), st.none()),
        "x": st.one_of(st.floats(-1e6, 1e6), st.integers(-(2**53), 2**53), st.none()),
        "g": st.one_of(st.floats(-1e6, 1e6).map(lambda value: round(value, 2)), st.none()),
        "w": st.one_of(st.integers(0, 10**6), st.none()),
        "c": st.sampled_from(["a", "Bonn ", "z", None]),
        "ok": st.sampled_from([True, False, None]),
        "t": st.sampled_from(["2024-01-05", None]),
    }
)


def scored(address: str) -> list[list[float] | None]:
    """The matrix rows of a table; None for a row that is refused."""
    options = ReadOptions(missing_values=CONTRACT.missing_values)
    block = validate_rows(pl.concat(TableReader(open_source(address), options).frames()), CONTRACT)
    rows = iter(() if block.matrix is None else block.matrix)
    return [None if refused else next(rows).tolist() for refused in block.validation.refused]


def asked(ask: Callable[[], Any]) -> list[float] | None:
    """The matrix row of a request; None if it is refused."""
    try:
        row: list[float] = ask().matrix[0].tolist()
    except RequestError:
        return None
    return row


def ways(rows: list[Row], folder: Path, *, texts: bool) -> dict[str, list[list[float] | None]]:
    """The same rows by each way."""
    kinds: dict[str, Any] = {"n": "NUMERIC", "x": "REAL", "g": "REAL", "w": "INTEGER", "ok": "BOOLEAN"}
    text = io.StringIO()
    writer = csv.DictWriter(text, NAMES)
    writer.writeheader()
    writer.writerows([{name: german(name, value) for name, value in row.items()} for row in rows])
    (folder / "t.csv").write_text(text.getvalue())
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    frame = pl.DataFrame({name: pl.Series(name, [row[name] for row in rows], strict=False) for name in NAMES})
    frame.write_parquet(folder / "t.parquet")
    (folder / "t.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "t.db")) as database, database:
        columns = ", ".join(f'"{name}" {"TEXT" if texts else kinds.get(name, "TEXT")}' for name in NAMES)
        database.execute(f"CREATE TABLE t ({columns})")
        marks = ", ".join("?" * len(NAMES))
        database.executemany(f"INSERT INTO t VALUES ({marks})", [[row[name] for name in NAMES] for row in rows])  # noqa: S608
    found = {
        "CSV": scored(str(folder / "t.csv")),
        "JSON Lines": scored(str(folder / "t.jsonl")),
        "Parquet": scored(str(folder / "t.parquet")),
        "SQL": scored(f"sqlite:///{folder / 't.db'}#t"),
        "V1": [asked(lambda row=row: DOOR.encode_rows([row])) for row in rows],
        "V2": [asked(lambda row=row: DOOR.encode_columns({name: [row[name]] for name in NAMES})) for row in rows],
    }
    if texts:
        arrays = [{name: np.array([row[name]], dtype=object) for name in NAMES} for row in rows]
        found["V2 arrays"] = [asked(lambda each=each: DOOR.encode_columns(each)) for each in arrays]
    return found


def german(name: str, value: Any) -> Any:
    """A value as a CSV of the contract's notation holds it."""
    if name == "g" and isinstance(value, float):
        return f"{value:,.2f}".translate({ord(","): ".", ord("."): ","})
    return repr(value) if isinstance(value, float) else value


def agree(found: dict[str, list[list[float] | None]]) -> None:
    """Hold each way against the CSV."""
    for way, answers in found.items():
        for answer, wanted in zip(answers, found["CSV"], strict=True):
            if wanted is None or answer is None:
                assert answer == wanted, way
            else:
                np.testing.assert_array_equal(answer, wanted, err_msg=way)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, min_size=1, max_size=4))
@example([{"n": "40.0", "x": "1.5", "g": "5-", "w": "1,234", "c": "Bonn ", "ok": " true", "t": "2024-01-05 "}])
def test_texts_have_one_answer_whatever_way_they_come(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    """Blanks, whole numbers with .0, notations and long ids are read alike, or refused alike, in each source."""
    agree(ways(rows, tmp_path_factory.mktemp("ways"), texts=True))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TYPED, min_size=1, max_size=4))
def test_values_have_one_answer_whatever_way_they_come(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    """A number is the same number as JSON, in Parquet, in a database and as the text of a CSV."""
    agree(ways(rows, tmp_path_factory.mktemp("ways"), texts=False))
