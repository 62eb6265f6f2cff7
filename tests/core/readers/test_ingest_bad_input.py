"""Bad input ends in one sentence that names the thing and the remedy, and leaves no table behind."""

import gzip
import io
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import UserError
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables.source import MAX_ROW_BYTES, ReadOptions
from tests.core.readers.test_ingest import source


def parquet(**columns: Any) -> bytes:
    """A Parquet file of these columns."""
    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


WIDE = ",".join(f"c{i}" for i in range(10_000)).encode() + b"\n" + b",".join([b"1"] * 10_000) + b"\n"
ROWS = b"1,2\n" * 1_000

CASES: dict[str, tuple[str, bytes, dict[str, Any], str]] = {
    "empty": ("t.csv", b"", {}, r"t\.csv is empty; give a table"),
    "empty once unpacked": ("t.csv.gz", gzip.compress(b""), {}, r"t\.csv\.gz is empty once unpacked"),
    "blank": ("t.csv", b"\n \n\n", {}, r"t\.csv holds only blank lines"),
    "header only": ("t.csv", b"a,b\n", {}, r"t\.csv has no rows; give a table with at least one row"),
    "no rows": ("t.parquet", parquet(a=[]), {}, r"t\.parquet has no rows"),
    "binary": (
        "t.csv",
        bytes(range(256)) * 10,
        {},
        r"t\.csv is not UTF-8 text: byte 0x80 at offset 128, line 2; .*name",
    ),
    "NUL": ("t.csv", b"a,b\n1,\x002\n", {}, r"not text: it holds a NUL byte at offset 6, line 2; .*utf-16"),
    "zip": ("t.xlsx", b"PK\x03\x04rest", {}, r"t\.xlsx is a zip archive or an Excel workbook; unpack it"),
    "pickle": ("t.csv", b"\x80\x04\x95rest", {}, r"is a pickle, which may run code; save it as Parquet"),
    "latin": (
        "t.csv",
        b"a,b\n1,caf\xe9\n",
        {},
        r"0xe9 at offset 9, line 2; .* name its encoding, for example windows-1252",
    ),
    "not that encoding": ("t.csv", b"a,b\n1,\xff\n", {"encoding": "ascii"}, r"0xff at offset 6, line 2"),
    "cut UTF-16": ("t.csv", "a,b\n1,2\n".encode("utf-16")[:-1], {}, r"is not utf-16-le text at byte 14"),
    "truncated gzip": ("t.csv.gz", gzip.compress(ROWS)[:-9], {}, r"truncated or damaged gzip file .*; fetch or pack"),
    "damaged gzip": ("t.csv.gz", gzip.compress(ROWS)[:10] + b"\xff" * 99, {}, r"truncated or damaged gzip file"),
    "truncated Parquet": ("t.parquet", parquet(a=[1, 2])[:-20], {}, r"truncated or damaged Parquet file"),
    "too few fields": (
        "t.csv",
        b"a,b,c\n1,2,3\n4,5\n",
        {},
        r"line 3 of t\.csv has 2 fields where 3 are expected; fix",
    ),
    "too many fields": ("t.csv", b"a,b\n1,2\n" + ROWS + b"4,5,6\n", {}, r"line 1,003 of t\.csv has 3 fields where 2"),
    "both": ("t.csv", b"a,b,c\n1,2\n1,2,3,4\n", {}, r"line 2 of t\.csv has 2 fields"),
    "empty fields missing": ("t.csv", b"a,b,c\n1,2,3\n,\n", {}, r"line 3 of t\.csv has 2 fields where 3"),
    "quoted and ragged": ("t.csv", b'a,b\n"x\ny",2\n"1,2"\n', {}, r"line 4 of t\.csv has 1 fields where 2"),
    "unclosed": ("t.csv", b'a,b\n1,2\n"3,4\n5,6\n', {}, r"quotation mark opened in line 3 of t\.csv is never closed"),
    "double": (
        "t.csv",
        b"a,b, a\n1,2,3\n",
        {},
        r"header of t\.csv has the column 'a' twice, as number 1 and 3; rename",
    ),
    "double keys": ("t.parquet", b"", {}, ""),
    "nameless": ("t.parquet", parquet(**{"": [1], "a": [2]}), {}, r"column 1 of t\.parquet has no name"),
    "pattern": ("t.csv", b"^a.*$,b\n1,2\n", {}, r"'\^a\.\*\$', which is a pattern"),
    "wide": ("t.csv", WIDE, {}, r"has 10,000 columns; at most 2,000 are read"),
    "wide JSON": ("t.jsonl", b'{"' + b'":1,"'.join(b"%d" % i for i in range(2_001)) + b'":1}', {}, r"2,001 columns"),
    "names too few": (
        "t.csv",
        b"1,2,3\n",
        {"column_names": ["a", "b"]},
        r"t\.csv has 3 fields in its first line, .*got 2 names",
    ),
    "names double": ("t.csv", b"1,2\n", {"column_names": ["a", "a"]}, r"option column_names has the column 'a' twice"),
    "encoding": ("t.csv", b"a,b\n1,2\n", {"encoding": "klingon"}, r"encoding must be one that Python knows.*'klingon'"),
    "no text encoding": ("t.csv", b"a,b\n1,2\n", {"encoding": "hex"}, r"encoding must be one that Python knows"),
    "delimiter": ("t.csv", b"a,b\n1,2\n", {"delimiter": "ab"}, r"delimiter must be one ASCII character.*got 'ab'"),
    "option for CSV": (
        "t.jsonl",
        b'{"a":1}',
        {"delimiter": ";"},
        r"option delimiter is for CSV only; omit it, for t\.jsonl is JSON",
    ),
    "drop": ("t.csv", b"a,b\n1,2\n", {"drop_columns": ["x"]}, r"column 'x' to drop is not in t\.csv; it has 'a', 'b'"),
    "hash": ("t.csv", b"a,b\n1,2\n", {"hash_columns": ["x"]}, r"column 'x' to hash is not in t\.csv"),
    "drop all": ("t.csv", b"a,b\n1,2\n", {"drop_columns": ["a", "b"]}, r"all columns of t\.csv are dropped"),
    "no JSON": ("t.jsonl", b'{"a":1}\n{"a":\n', {}, r"line 2 of t\.jsonl is not JSON"),
    "no object": ("t.jsonl", b'{"a":1}\n[1]\n', {}, r"line 2 of t\.jsonl must be a JSON object .*got \[1\]"),
    "key twice": ("t.jsonl", b'{"a":1}\n{"a":1,"a":2}\n', {}, r"stand once; line 2 of t\.jsonl has 'a' more than once"),
    "key twice, spaced": ("t.jsonl", b'{"a" : 1, "a" : 2}\n', {}, r"stand once; line 1 of t\.jsonl has 'a'"),
    "JSON list": ("t.json", b'[{"a":1}]', {}, r"t\.json is not JSON Lines; write one JSON object per line"),
    "nested": ("t.jsonl", b'{"a":{"b":1}}', {}, r"column 'a' of t\.jsonl holds values of type dict"),
}
del CASES["double keys"]


@pytest.mark.parametrize("case", CASES)
def test_one_sentence_and_no_table(tmp_path: Path, case: str) -> None:
    """The error is the user's, names the thing and the remedy on one line, and nothing is left."""
    name, data, options, message = CASES[case]
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        ingest_table(source(path), folder=tmp_path / "out" / "table", options=ReadOptions(**options))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_field_of_50_megabytes(tmp_path: Path, quote: bytes) -> None:
    """A row beyond the limit is named by its line."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n3," + quote + b"x" * 50_000_000 + quote + b"\n")
    assert MAX_ROW_BYTES < 50_000_000
    expected = r"quotation mark opened in line 3|line 3 of t\.csv is longer than 32 MB"
    with pytest.raises(UserError, match=expected):
        ingest_table(source(path), folder=tmp_path / "table")
    assert not (tmp_path / "table").exists()


def test_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(UserError, match=r"there is no file t\.csv"):
        ingest_table(source(tmp_path / "t.csv"), folder=tmp_path / "table")


def test_a_folder(tmp_path: Path) -> None:
    """A folder is told how its files can be named."""
    with pytest.raises(UserError, match=r"is a folder; name a file in it, or several by a pattern"):
        ingest_table(source(tmp_path), folder=tmp_path / "table")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """A named pipe, which cannot be read twice, is refused without waiting for its writer."""
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(UserError, match="must be a file that can be read twice"):
        ingest_table(source(tmp_path / "t.csv"), folder=tmp_path / "table")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without permission is named, with the system's word for it; root reads all, so the system is played."""
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"cannot read t\.csv: Permission denied"):
        ingest_table(source(tmp_path / "t.csv"), folder=tmp_path / "table")


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (b"a,c\n1,2\n", r"column 2 is 'b' in 1\.csv and 'c' in 2\.csv"),
        (b"a\n1\n", r"column 2 is 'b' in 1\.csv and no column in 2\.csv"),
        (parquet(a=[1], b=[2]), r"must be of one kind; 1\.csv is CSV and 2\.csv Parquet"),
    ],
)
def test_files_that_do_not_fit_together(tmp_path: Path, second: bytes, message: str) -> None:
    """Files of different headers or kinds are no table; the first difference is named."""
    (tmp_path / "1.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "2.csv").write_bytes(second)
    with pytest.raises(UserError, match=message):
        ingest_table(source(tmp_path / "1.csv", tmp_path / "2.csv"), folder=tmp_path / "table")
    assert not (tmp_path / "table").exists()


def test_parquet_files_of_other_types(tmp_path: Path) -> None:
    """A column that is a number here and a text there is named; a whole number may stand among numbers."""
    for name, values in {"1": [1.5], "2": [1], "3": ["x"]}.items():
        (tmp_path / name).write_bytes(parquet(a=values))
    ingest_table(source(tmp_path / "1", tmp_path / "2"), folder=tmp_path / "table")
    with pytest.raises(UserError, match="column 'a' is Float64 in 1 and String in 3"):
        ingest_table(source(tmp_path / "1", tmp_path / "3"), folder=tmp_path / "other")


def test_the_folder_for_a_table_cannot_be_written(tmp_path: Path) -> None:
    """An output below a file is refused."""
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(UserError, match="cannot write in the folder"):
        ingest_table(source(tmp_path / "t.csv"), folder=tmp_path / "t.csv" / "table")
