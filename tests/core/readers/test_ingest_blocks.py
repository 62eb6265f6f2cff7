"""Laws of reading: where a block is cut changes nothing, and the quick parser agrees with the standard library's."""

import csv
import io
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.readers.csv import rows as csv_rows
from headrace.core.readers.csv.dialect import CsvDialect
from headrace.core.readers.file_readers import file_frames
from headrace.core.tables.row_blocks import TextBlock, blocks, rows_end
from headrace.core.tables.source import MISSING_VALUES, ReadOptions
from headrace.core.tables.text_stream import SourceDigest
from tests.core.readers.test_ingest import source
from tests.properties import examples

FIELD = st.text(alphabet=' \tab,;"\n\r1.é🐎NA?', max_size=6)


def written(rows: list[list[str]], quoting: Literal[0, 1, 2, 3]) -> bytes:
    """Rows as the standard library writes them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n", quoting=quoting).writerows(rows)
    return text.getvalue().encode()


def expected(rows: list[list[str]]) -> list[tuple[str | None, ...]]:
    """Rows as the raw table is to hold them."""
    stripped = [[field.strip(" \t") for field in row] for row in rows]
    return [tuple(None if field in MISSING_VALUES else field for field in row) for row in stripped]


@given(
    rows=st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1, max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    size=st.integers(1, 60),
    cut=st.integers(1, 30),
)
@examples(150)
def test_any_rows_come_back(rows: list[list[str]], quoting: Literal[0, 1, 2, 3], size: int, cut: int) -> None:
    """Rows with any fields, in blocks of any size made of chunks of any size, are read as they were written."""
    data = written(rows, quoting)
    chunks = [b"\n", *(data[start : start + cut] for start in range(0, len(data), cut))]
    dialect = CsvDialect(",", ("x", "y"), header=False)
    cuts = list(blocks(chunks, name="t", size=size))
    frames = [csv_rows.parse(block, dialect=dialect, missing=MISSING_VALUES, name="t") for block in cuts]
    assert pl.concat(frames).rows() == expected(rows)
    assert b"".join(block.data for block in cuts) == b"".join(chunks)
    assert [block.line for block in cuts] == [
        1 + b"".join(b.data for b in cuts[:number]).count(b"\n") for number in range(len(cuts))
    ]


@given(rows=st.lists(st.lists(FIELD, min_size=2, max_size=2), min_size=1, max_size=8))
@examples(100)
def test_both_parsers_agree(rows: list[list[str]]) -> None:
    """The standard library's reader, which is asked in doubt, gives the same fields as the quick one."""
    data = written(rows, csv.QUOTE_ALL)
    dialect = CsvDialect(",", ("x", "y"), header=False)
    block = TextBlock(data, 1, quoted=True)
    slow = csv_rows._strip_blanks(csv_rows._slow(block, dialect, MISSING_VALUES, "t"), MISSING_VALUES, tabs=True)
    assert slow.rows() == csv_rows.parse(block, dialect=dialect, missing=MISSING_VALUES, name="t").rows()


NUMBER = st.one_of(
    st.floats().map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        ["NAN", "-nan", "nan", "Infinity", "1e400", "+7", "007", "3.", ".5", " 1", "1 ", "\t2", "1_0", "-999"]
    ),
    st.text(alphabet='0123456789.+-eE nNaAiIfF_\t,"', max_size=5),
    st.just("NA"),
    st.just(""),
)


@given(
    rows=st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    missing=st.sampled_from([MISSING_VALUES, ("", "-999"), ("", "0", "nan")]),
    only=st.sampled_from([(), ("number",), ("text", "integer"), ("text", "number", "integer")]),
)
@examples(300)
def test_numbers_read_at_once_are_those_of_the_texts(
    rows: list[tuple[str, str, str]], quoting: Literal[0, 1, 2, 3], missing: tuple[str, ...], only: tuple[str, ...]
) -> None:
    """Wherever a column comes as numbers, it holds what a cast of its texts gives, and no text was lost by it."""
    dialect = CsvDialect(",", ("number", "integer", "text"), header=False)
    data = written([list(row) for row in rows], quoting)
    block = TextBlock(data, 1, quoted=True, highest=max(data, default=0))
    wanted = {"number": pl.Float64, "integer": pl.Int64}
    texts = csv_rows.parse(block, dialect=dialect, missing=missing, name="t")
    found = csv_rows.parse(block, dialect=dialect, missing=missing, name="t", only=only, numbers=wanted)
    assert set(found.columns) == set(only or dialect.names)
    for values in found:
        text = texts.get_column(values.name)
        cast = text.cast(values.dtype, strict=False)
        assert values.equals(cast, null_equal=True)
        assert values.dtype == pl.String or (values.null_count() == text.null_count() and not _has_nan(values))


def _has_nan(values: pl.Series) -> bool:
    return values.dtype == pl.Float64 and bool(values.is_nan().any())


@pytest.mark.parametrize(
    ("data", "end"), [(b"a\nb", 2), (b'a\n"b\n', 2), (b'a\n"b\n"\n', 7), (b'"a\n', 0), (b"", 0), (b'"a"\n', 4)]
)
def test_rows_end_outside_quotation_marks(data: bytes, end: int) -> None:
    """The end of the last whole row is found, and not a line end inside a field."""
    assert rows_end(data, marks=data.count(b'"')) == end


def test_rare_forms_are_still_read_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blank lines, padding, quotes and missing values need no row of the slow reader."""

    def refuse(*_: object) -> pl.DataFrame:
        raise AssertionError

    monkeypatch.setattr(csv_rows, "_slow", refuse)
    dialect = CsvDialect(",", ("x", "y"), header=False)
    for data in (b"1, 2\n\n ,4\n  \n", b'"a,b",2\n"c\nd",""\n'):
        block = TextBlock(data, 1, quoted=b'"' in data)
        assert csv_rows.parse(block, dialect=dialect, missing=MISSING_VALUES, name="t").height == 2


def test_frames_stay_small(tmp_path: Path) -> None:
    """No frame holds more rows than a block does, so that memory does not grow with the table."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"12345,1234\n" * 2_000_000)
    heights = [f.height for f in file_frames(source(path), ReadOptions(), digest=SourceDigest(), block_bytes=2**20)]
    assert sum(heights) == 2_000_000
    assert max(heights) * 11 <= 6 * 2**20
