"""Blocks of CSV as frames of text columns.

Polars parses; a count of delimiters proves that each row has all its fields, which Polars does not check. Whatever is
unusual (blank lines, stray quotation marks, a ragged row) is read again by the standard library's reader, which either
makes sense of it or names the line.
"""

import csv
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.readers.csv.delimiter import rows_of
from headrace.core.readers.csv.dialect import CsvDialect
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.row_blocks import TextBlock, lines
from headrace.core.tables.source import empty_frame

_SLOW_ROWS = 20_000


def parse(
    block: TextBlock,
    *,
    dialect: CsvDialect,
    missing: tuple[str, ...],
    name: str,
    only: Sequence[str] = (),
    numbers: Mapping[str, type[pl.DataType]] | None = None,
    listed: Collection[str] = (),
    told: NoteCollector | None = None,
) -> pl.DataFrame:
    """The rows of a block.

    Args:
        block: Whole rows, without the header.
        dialect: How they are written.
        missing: Texts that stand for a missing value.
        name: The file's name, for messages.
        only: Columns that are needed; empty for all.
        numbers: Columns that may come as Int64 or Float64, if all their texts are such numbers.
        listed: Columns in which only the empty text is missing.
        told: Takes what was left out: comments, rows that repeat the header, empty fields at the ends of lines.

    Returns:
        The columns, as text stripped of spaces and tabs; null where a value is missing.

    Raises:
        InputError: If a row has more or fewer fields than the table.
    """
    told, marks = told or NoteCollector(), missing
    missing = ("",) if listed else missing
    wanted = tuple(only or dialect.kept)
    read = _Read(dialect, missing, (*wanted, *(dialect.names[place] for place in dialect.empty)))
    whole, block = block, _without_comments(block, dialect)
    frame = _with_numbers(block, read, numbers) if numbers else None
    if frame is None:
        frame = _fast(block.data, block.quoted, read, missing)
    if frame is None and not block.quoted:
        frame = _fast(_without_blank_lines(block.data, dialect), block.quoted, read, missing)
    if frame is None:
        frame = _slow(whole, dialect, missing, name, told).select(read.only)
    elif block is not whole:
        told.count("comment_lines", name, lines(whole.data) - lines(block.data))
    frame = _strip_blanks(frame, missing, tabs=b"\t" in block.data)
    if dialect.empty:
        _require_empty(frame, dialect, name)
        frame = frame.select(wanted)
    if listed:
        others = [each for each, dtype in frame.schema.items() if dtype == pl.String and each not in listed]
        frame = frame.with_columns(_mask_missing(pl.col(each), marks) for each in others)
    return _without_headers(frame, dialect, name, told)


@dataclass(frozen=True)
class _Read:
    """What all blocks of a file have in common."""

    dialect: CsvDialect
    missing: tuple[str, ...]
    only: tuple[str, ...]

    @property
    def places(self) -> list[int] | None:
        """Which fields of a row are needed; None for all."""
        names = self.dialect.names
        return [names.index(name) for name in self.only] if len(self.only) < len(names) else None


def _with_numbers(block: TextBlock, read: _Read, numbers: Mapping[str, type[pl.DataType]]) -> pl.DataFrame | None:
    """The frame with those columns as numbers; None unless casts of their texts would give the same.

    Polars is much faster when it need not look for the texts of missing values. They are no numbers, so that it fails
    on them and is asked again; NaN alone it takes, in spellings that the texts of missing values do not hold.
    """
    for nulls in (read.missing,) if any(map(_is_number, read.missing)) else ((), read.missing):
        frame = _fast(block.data, block.quoted, read, nulls, numbers)
        if frame is not None and not _has_nan(frame, block):
            return frame if nulls else frame.with_columns(_mask_missing(pl.col(pl.String), read.missing))
    return None


def _has_nan(frame: pl.DataFrame, block: TextBlock) -> bool:
    if block.highest < ord("N"):
        return False
    return any(each.is_nan().any() for each in frame if each.dtype == pl.Float64)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _fast(
    data: bytes,
    quoted: bool,
    read: _Read,
    missing: tuple[str, ...],
    numbers: Mapping[str, type[pl.DataType]] | None = None,
) -> pl.DataFrame | None:
    """The frame as Polars reads it; None unless it is certain to be right."""
    dialect, dtypes = read.dialect, numbers or {}
    if not data:
        return empty_frame(read.only)
    if _unusual(data, quoted, dialect):
        return None
    try:
        frame = pl.read_csv(
            data,
            columns=read.places,
            has_header=False,
            schema={column: dtypes.get(column, pl.String) for column in dialect.names},
            separator=dialect.delimiter,
            quote_char='"' if quoted else None,
            null_values=list(missing) or None,
        )
    except pl.exceptions.PolarsError:
        return None
    expected = frame.height * (len(dialect.names) - 1)
    return frame if _delimiters(data, quoted, dialect.delimiter) == expected else None


def _unusual(data: bytes, quoted: bool, dialect: CsvDialect) -> bool:
    delimiter = dialect.delimiter.encode()
    spaced = quoted and any(mark in data for mark in (delimiter + b' "', delimiter + b'\t"', b'\n "', b'\n\t"'))
    blank = len(dialect.names) == 1 and (data[:1] in b"\r\n" or b"\n\n" in data or b"\n\r\n" in data)
    return spaced or blank


def _without_blank_lines(data: bytes, dialect: CsvDialect) -> bytes:
    """Leave out lines that hold no row; a line of spaces is a row of a table of one column."""
    if len(dialect.names) == 1:
        return re.sub(rb"^\r?\n", b"", data, flags=re.MULTILINE)
    return re.sub(rb"^ *\r?\n|^ +\r?\Z", b"", data, flags=re.MULTILINE)


def _delimiters(data: bytes, quoted: bool, delimiter: str) -> int:
    """How many delimiters stand outside quotation marks."""
    text = np.frombuffer(data, np.uint8)
    count, inside = 0, False
    for start in range(0, text.size, 2**20):
        piece = text[start : start + 2**20]
        found = piece == ord(delimiter)
        if quoted:
            quotes = np.logical_xor.accumulate(piece == ord('"')) ^ inside
            found &= ~quotes
            inside = bool(quotes[-1])
        count += int(np.count_nonzero(found))
    return count


def _without_comments(block: TextBlock, dialect: CsvDialect) -> TextBlock:
    """The block without its comment lines, if it has some; quotation marks are left to the slow reader."""
    mark = dialect.comment.encode()
    if not mark or (not block.data.startswith(mark) and b"\n" + mark not in block.data):
        return block
    if block.quoted:
        return TextBlock(block.data, block.line, block.quoted, block.highest)
    data = re.sub(rb"^" + re.escape(mark) + rb"[^\n]*(?:\n|\Z)", b"", block.data, flags=re.MULTILINE)
    return TextBlock(data, block.line, block.quoted, block.highest)


def _without_headers(frame: pl.DataFrame, dialect: CsvDialect, name: str, told: NoteCollector) -> pl.DataFrame:
    """The rows that are not the header once more, as in files that were joined end to end."""
    heads = dict(zip(dialect.names, dialect.raw, strict=False))
    there = [column for column in frame.columns if heads.get(column)]
    if not there or any(dtype != pl.String for dtype in frame.dtypes):
        return frame
    first = frame.get_column(there[0]) == heads[there[0]]
    if not first.any():
        return frame
    again = frame.select(pl.all_horizontal(pl.col(each) == heads[each] for each in there).fill_null(value=False))
    mask = again.to_series()
    if not mask.any() or len(there) < min(2, len(heads)):
        return frame
    told.count("repeated_header", name, int(mask.sum()))
    return frame.filter(~mask)


def _require_empty(frame: pl.DataFrame, dialect: CsvDialect, name: str) -> None:
    """Refuse a value in a column that has no name and was empty in the first rows.

    Raises:
        InputError: If there is one.
    """
    for place in dialect.empty:
        values = frame.get_column(dialect.names[place]).drop_nulls()
        if values.len():
            raise InputError(
                f"column {place + 1} of {name} has no name and is empty in the first rows, but holds "
                f"{quote(values[0])} further down; name it in the header, or mend that line."
            )


def _slow(
    block: TextBlock, dialect: CsvDialect, missing: tuple[str, ...], name: str, told: NoteCollector | None = None
) -> pl.DataFrame:
    rows = _checked_rows(block, dialect, name, told or NoteCollector())
    schema = dict.fromkeys(dialect.names, pl.String)
    frames = [empty_frame(dialect.names)]
    while some := list(islice(rows, _SLOW_ROWS)):
        frames.append(pl.DataFrame(some, schema=schema, orient="row"))
    return pl.concat(frames).with_columns(_mask_missing(pl.all(), missing))


def _checked_rows(block: TextBlock, dialect: CsvDialect, name: str, told: NoteCollector) -> Iterator[list[str]]:
    width, line, mark = len(dialect.names), block.line, dialect.comment
    reader = rows_of(block.data, delimiter=dialect.delimiter)
    try:
        for row in reader:
            if mark and row and row[0].startswith(mark):
                told.count("comment_lines", name, 1)
            elif len(row) == width:
                yield row
            elif width > 1 and len(row) > width and not "".join(row[width:]).strip() and "".join(row).strip():
                told.count("empty_fields", name, 1)
                yield row[:width]
            elif len(row) > 1 or "".join(row).strip():
                raise InputError(
                    f"line {line:,} of {name} has {len(row)} fields where {width} are expected; mend the line, or "
                    f"put fields that contain {quote(dialect.delimiter)} in quotation marks."
                )
            line = block.line + reader.line_num
    except csv.Error as error:
        raise InputError(f"line {line:,} of {name} cannot be read as CSV ({error}); mend the line.") from error


def _strip_blanks(frame: pl.DataFrame, missing: tuple[str, ...], *, tabs: bool) -> pl.DataFrame:
    """Take spaces and tabs off the ends of fields, in the columns that have any."""
    blanks = (" ", "\t") if tabs else (" ",)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    if not texts:
        return frame
    checks = [_has_blanks(pl.col(name), blanks).any() for name in texts]
    padded = [name for name, found in zip(texts, frame.select(checks).row(0), strict=True) if found]
    return frame.with_columns(_mask_missing(pl.col(name).str.strip_chars(" \t"), missing) for name in padded)


def _has_blanks(column: pl.Expr, blanks: tuple[str, ...]) -> pl.Expr:
    found = [column.str.starts_with(blank) | column.str.ends_with(blank) for blank in blanks]
    return pl.any_horizontal(found).alias(column.meta.output_name())


def _mask_missing(column: pl.Expr, missing: tuple[str, ...]) -> pl.Expr:
    return pl.when(~column.is_in(missing)).then(column)
