"""Whatever form a table comes in, the same raw table comes out."""

import gzip
import hashlib
import hmac
from collections.abc import Generator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables.parquet_table import read
from headrace.core.tables.source import FileSource, ReadOptions, SourceFile

PLAIN = "a,b,c\n1,x,2.5\n2,y,\n3,NA,4\n"
ROWS = [("1", "x", "2.5"), ("2", "y", None), ("3", None, "4")]


def source(*paths: Path) -> FileSource:
    """Local files as a source."""

    def opened() -> Generator[SourceFile]:
        for path in paths:
            yield SourceFile(path.name, path)

    return FileSource(paths[0].name, opened)


def ingested(tmp_path: Path, data: bytes, name: str = "t.csv", *, block_bytes: int = 0, **options: Any) -> pl.DataFrame:
    """The raw table made of a file of these bytes."""
    path = tmp_path / name
    path.write_bytes(data)
    more = {"block_bytes": block_bytes} if block_bytes else {}
    ingest_table(source(path), folder=tmp_path / "table", options=ReadOptions(**options), **more)
    return read(tmp_path / "table")


# Named, because a packed file holds the second it was packed in, and two test processes must collect the same tests.
FORMS = {
    "plain": PLAIN.encode(),
    "utf-8 with a mark": PLAIN.encode("utf-8-sig"),
    "utf-16": PLAIN.encode("utf-16"),
    "utf-16 big-endian": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "utf-32": PLAIN.encode("utf-32"),
    "gzip": gzip.compress(PLAIN.encode()),
    "two gzip members": gzip.compress(PLAIN[:9].encode()) + gzip.compress(PLAIN[9:].encode()),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "bars": PLAIN.replace(",", "|").encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "CR": PLAIN.replace("\n", "\r").encode(),
    "blank lines between": PLAIN.replace("\n", "\n\n").encode(),
    "no last line end": PLAIN.rstrip().encode(),
    "blank lines around": ("\n \n" + PLAIN + "\n  \n").encode(),
    "spaces around commas": PLAIN.replace(",", " , ").encode(),
    "tabs after commas": PLAIN.replace(",", ",\t").encode(),
    "quoted": b'"a","b","c"\n"1","x","2.5"\n"2","y",""\n"3","NA","4"\n',
    "quoted and padded": b'a, "b", c\n1, "x", 2.5\n2, "y", \n3, "NA", 4\n',
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS.keys())
def test_one_table_in_many_forms(tmp_path: Path, data: bytes) -> None:
    """Marks, encodings, packing, delimiters, line ends, blank lines and padding change nothing."""
    frame = ingested(tmp_path, data)
    assert frame.columns == ["a", "b", "c"]
    assert frame.rows() == ROWS
    assert set(frame.dtypes) == {pl.String}


def test_facts_tell_where_it_came_from(tmp_path: Path) -> None:
    """The metadata hold counts, size, source, time, and the digest that sha256sum would print."""
    data = gzip.compress(PLAIN.encode())
    path = tmp_path / "t.csv.gz"
    path.write_bytes(data)
    facts = ingest_table(source(path), folder=tmp_path / "table")
    assert facts.pop("time").endswith("+00:00")
    assert facts == {
        "rows": 3,
        "columns": 3,
        "bytes": len(data),
        "source": "t.csv.gz",
        "digest": hashlib.sha256(data).hexdigest(),
    }


def test_a_given_encoding_is_used(tmp_path: Path) -> None:
    """A table in windows-1252 is read when its encoding is named."""
    frame = ingested(tmp_path, "né,b\ncafé,€\n".encode("cp1252"), encoding="windows-1252")
    assert (frame.columns, frame.rows()) == (["né", "b"], [("café", "€")])


def test_fields_may_hold_lines_delimiters_and_quotes(tmp_path: Path) -> None:
    """Quoted line ends, delimiters and doubled quotation marks belong to their field."""
    frame = ingested(tmp_path, b'a,b\n"x\ny, ""z""",1\n"\n\n",2\n')
    assert frame.rows() == [('x\ny, "z"', "1"), ("\n\n", "2")]


def test_stray_quotation_marks_are_literal(tmp_path: Path) -> None:
    """A mark inside a field that does not begin with one is a character like any other."""
    assert ingested(tmp_path, b'a,b\n5" x 3" disk,1\n"d"e,2\n').rows() == [('5" x 3" disk', "1"), ("de", "2")]


def test_odd_names_simply_work(tmp_path: Path) -> None:
    """Names with quotes, line ends, emoji and what kfp.local would rewrite come through unharmed."""
    names = ['say "x"', "two\nlines", "🐎", "{{$}}", "python3", "a.b", "^a", "b$"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    assert ingested(tmp_path, f"{header}\n1,2,3,4,5,6,7,8\n".encode()).columns == names


@pytest.mark.parametrize(
    ("data", "options", "names", "height"),
    [
        (b"1,2\n3,4\n", {"column_names": ("x", "y")}, ["x", "y"], 2),
        (b"x, y\n3,4\n", {"column_names": ("x", "y")}, ["x", "y"], 1),
        (b"1,2\n3,4\n", {"header": False}, ["column_1", "column_2"], 2),
        (b"1^2\n3^4\n", {"delimiter": "^"}, ["1", "2"], 1),
        (b"a\tb\n3\t4\n", {"delimiter": "tab"}, ["a", "b"], 1),
    ],
)
def test_headers_and_delimiters_as_told(
    tmp_path: Path, data: bytes, options: dict[str, Any], names: list[str], height: int
) -> None:
    """What the user says of names, header and delimiter is followed."""
    frame = ingested(tmp_path, data, **options)
    assert (frame.columns, frame.height) == (names, height)


def test_decimal_commas_do_not_confuse_the_delimiter(tmp_path: Path) -> None:
    """A semicolon wins over commas that stand in numbers."""
    assert ingested(tmp_path, b"a;b\n1,5;2,5\n3,5;4,5\n").rows() == [("1,5", "2,5"), ("3,5", "4,5")]


def test_a_table_of_one_column(tmp_path: Path) -> None:
    """A single column needs no delimiter; a quoted empty field is a row, an empty line is none."""
    assert ingested(tmp_path, b'a\n1\n\n""\n3\n').rows() == [("1",), (None,), ("3",)]


def test_missing_values_are_the_users_to_choose(tmp_path: Path) -> None:
    """Given texts replace the usual ones; the empty text is always missing."""
    frame = ingested(tmp_path, b"a,b\n-9,NA\n,\n -9 ,x\n", missing_values=["-9"])
    assert frame.rows() == [(None, "NA"), (None, None), (None, "x")]


def test_files_of_one_header_are_one_table(tmp_path: Path) -> None:
    """Several files are read in order, whatever delimiter and packing each has."""
    (tmp_path / "1.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "2.csv").write_bytes(gzip.compress(b"a;b\n3;4"))
    facts = ingest_table(source(tmp_path / "1.csv", tmp_path / "2.csv"), folder=tmp_path / "table")
    assert read(tmp_path / "table").rows() == [("1", "2"), ("3", "4")]
    both = (tmp_path / "1.csv").read_bytes() + (tmp_path / "2.csv").read_bytes()
    assert facts["digest"] == hashlib.sha256(both).hexdigest()


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Integers, numbers, texts, booleans and timestamps stay what they are, in their plain form."""
    frame = pl.DataFrame(
        {
            "small": pl.Series([1, None], dtype=pl.Int8),
            "half": pl.Series([0.5, 1.5], dtype=pl.Float32),
            "kind": pl.Series(["x", "y"], dtype=pl.Categorical),
            "day": pl.Series(["2024-01-02", "2024-01-03"]).str.to_date(),
            "at": pl.Series(["2024-01-02 03:00", "2024-01-02 04:00"]).str.to_datetime(time_zone="Europe/Berlin"),
            "yes": [True, False],
            "none": [None, None],
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    ingest_table(source(tmp_path / "t.parquet"), folder=tmp_path / "table")
    table = read(tmp_path / "table")
    assert table.dtypes == [pl.Int64, pl.Float64, pl.String, *[pl.Datetime("us")] * 2, pl.Boolean, pl.String]
    assert table["at"][0].hour == 2
    assert table["small"].to_list() == [1, None]


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    """Types are the narrowest that hold all rows, also those of later blocks; absent keys are missing values."""
    lines = [b'{"a": 1, "b": "x"}'] * 50 + [b"", b'{"b": "y", "a": 2.5, "c": true}', b'{"c": null}\n']
    frame = ingested(tmp_path, b"\n".join(lines), "t.jsonl", block_bytes=100)
    assert frame.schema == pl.Schema({"a": pl.Float64, "b": pl.String, "c": pl.Boolean})
    assert frame.height == 52
    assert frame.rows()[-2:] == [(2.5, "y", True), (None, None, None)]


def test_json_lines_are_known_by_their_content(tmp_path: Path) -> None:
    """A packed file of another name whose first line is an object is JSON Lines."""
    assert ingested(tmp_path, gzip.compress(b'{"a": 1}\n{"a": "x"}\n'), "t.txt").rows() == [("1",), ("x",)]


def test_a_header_that_begins_like_json_is_csv(tmp_path: Path) -> None:
    """A brace alone makes no JSON."""
    assert ingested(tmp_path, b"{{$}},b\n1,2\n").columns == ["{{$}}", "b"]


def test_columns_are_dropped_and_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped column is gone; a hashed one holds HMAC-SHA-256 under the key, missing values stay missing."""
    monkeypatch.setenv("HEADRACE_HASH_KEY", "kéy")
    frame = ingested(tmp_path, b"a,b,c\nAnn,1,x\n,2,y\n", drop_columns=["b"], hash_columns=["a"])
    expected = hmac.digest("kéy".encode(), b"Ann", "sha256").hex()[:32]
    assert frame.rows() == [(expected, "x"), (None, "y")]


def test_without_a_key_the_hash_is_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are hashed as their text, by SHA-256 when no key is set."""
    monkeypatch.delenv("HEADRACE_HASH_KEY", raising=False)
    frame = ingested(tmp_path, b'{"a": 7, "b": 1}', "t.jsonl", hash_columns=["a"])
    assert frame.rows() == [(hashlib.sha256(b"7").hexdigest()[:32], 1)]


def test_a_dropped_column_may_hold_anything(tmp_path: Path) -> None:
    """A nested column is refused unless it is dropped."""
    pl.DataFrame({"a": [[1]], "b": [1]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"column 'a' of t\.parquet holds values of type List\(Int64\)"):
        ingest_table(source(tmp_path / "t.parquet"), folder=tmp_path / "table")
    ingest_table(source(tmp_path / "t.parquet"), folder=tmp_path / "table", options=ReadOptions(drop_columns=("a",)))
    assert read(tmp_path / "table").rows() == [(1,)]
    assert ingested(tmp_path, b'{"a": {"b": 1}, "c": 2}', "t.jsonl", drop_columns=["a"]).rows() == [(2,)]
