"""Parser of CSV: blocks of text become frames of text columns.

Polars parses; a count of delimiters proves that each row has all its fields, which Polars does not check. Anything
unusual (blank lines, stray quotation marks, a ragged row) is read again by the standard library's reader, which either
understands it or names the line.
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
    collector: NoteCollector | None = None,
) -> pl.DataFrame:
    """Return the rows of a block.

    Args:
        block: Whole rows, without the header.
        dialect: The dialect of the file.
        missing: Texts that mean a missing value.
        name: The file's name, for messages.
        only: Columns to read; empty for all.
        numbers: Columns that may be returned as Int64 or Float64, if all their texts are such numbers.
        listed: Columns in which only the empty text is missing.
        collector: Receives counts of what was skipped: comments, repeated headers, empty fields at ends of lines.

    Returns:
        The columns of n rows, as text stripped of spaces and tabs; null where a value is missing.

    Raises:
        InputError: If a row has more or fewer fields than the table.
    """
    collector, marks = collector or NoteCollector(), missing
    missing = ("",) if listed else missing
    selected = tuple(only or dialect.kept)
    common = _Read(dialect, missing, (*selected, *(dialect.names[position] for position in dialect.empty)))
    original, block = block, _without_comments(block, dialect)
    frame = _with_numbers(block, common, numbers) if numbers else None
    if frame is None:
        frame = _fast(block.data, block.quoted, common, missing)
    if frame is None and not block.quoted:
        frame = _fast(_without_blank_lines(block.data, dialect), block.quoted, common, missing)
    if frame is None:
        frame = _slow(original, dialect, missing, name, collector).select(common.only)
    elif block is not original:
        collector.count("comment_lines", name, lines(original.data) - lines(block.data))
    frame = _strip_blanks(frame, missing, tabs=b"\t" in block.data)
    if dialect.empty:
        _require_empty(frame, dialect, name)
        frame = frame.select(selected)
    if listed:
        others = [each for each, dtype in frame.schema.items() if dtype == pl.String and each not in listed]
        frame = frame.with_columns(_mask_missing(pl.col(each), marks) for each in others)
    return _without_headers(frame, dialect, name, collector)


@dataclass(frozen=True)
class _Read:
    """Settings that all blocks of a file have in common."""

    dialect: CsvDialect
    missing: tuple[str, ...]
    only: tuple[str, ...]

    @property
    def places(self) -> list[int] | None:
        """Positions of the needed fields of a row; None for all."""
        names = self.dialect.names
        return [names.index(name) for name in self.only] if len(self.only) < len(names) else None


def _with_numbers(block: TextBlock, read: _Read, numbers: Mapping[str, type[pl.DataType]]) -> pl.DataFrame | None:
    """Return the frame with those columns as numbers; None unless casts of their texts would give the same.

    Polars is much faster without a list of missing-value texts. These are not numbers, so it fails on them and reads
    again with the list; only NaN it accepts, in spellings that are not among the missing-value texts.
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
    """Return the frame as Polars reads it; None unless it is certain to be right."""
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
    # Polars does not check the number of fields of a row; the number of delimiters does.
    expected = frame.height * (len(dialect.names) - 1)
    return frame if _delimiters(data, quoted, dialect.delimiter) == expected else None


def _unusual(data: bytes, quoted: bool, dialect: CsvDialect) -> bool:
    delimiter = dialect.delimiter.encode()
    spaced = quoted and any(mark in data for mark in (delimiter + b' "', delimiter + b'\t"', b'\n "', b'\n\t"'))
    blank = len(dialect.names) == 1 and (data[:1] in b"\r\n" or b"\n\n" in data or b"\n\r\n" in data)
    return spaced or blank


def _without_blank_lines(data: bytes, dialect: CsvDialect) -> bytes:
    """Remove lines without a row; a line of spaces is a row of a table of one column."""
    if len(dialect.names) == 1:
        return re.sub(rb"^\r?\n", b"", data, flags=re.MULTILINE)
    return re.sub(rb"^ *\r?\n|^ +\r?\Z", b"", data, flags=re.MULTILINE)


def _delimiters(data: bytes, quoted: bool, delimiter: str) -> int:
    """Return the number of delimiters outside quotation marks."""
    text = np.frombuffer(data, np.uint8)
    count, inside = 0, False
    for start in range(0, text.size, 2**20):
        piece = text[start : start + 2**20]
        is_delimiter = piece == ord(delimiter)
        if quoted:
            # True between quotation marks, carried over from piece to piece.
            quotes = np.logical_xor.accumulate(piece == ord('"')) ^ inside
            is_delimiter &= ~quotes
            inside = bool(quotes[-1])
        count += int(np.count_nonzero(is_delimiter))
    return count


def _without_comments(block: TextBlock, dialect: CsvDialect) -> TextBlock:
    """Return the block without its comment lines; with quotation marks the slow reader removes them."""
    mark = dialect.comment.encode()
    if not mark or (not block.data.startswith(mark) and b"\n" + mark not in block.data):
        return block
    if block.quoted:
        return TextBlock(block.data, block.line, block.quoted, block.highest)
    data = re.sub(rb"^" + re.escape(mark) + rb"[^\n]*(?:\n|\Z)", b"", block.data, flags=re.MULTILINE)
    return TextBlock(data, block.line, block.quoted, block.highest)


def _without_headers(frame: pl.DataFrame, dialect: CsvDialect, name: str, collector: NoteCollector) -> pl.DataFrame:
    """Remove rows that repeat the header, as in files that were joined end to end."""
    heads = dict(zip(dialect.names, dialect.raw, strict=False))
    present = [column for column in frame.columns if heads.get(column)]
    if not present or any(dtype != pl.String for dtype in frame.dtypes):
        return frame
    first = frame.get_column(present[0]) == heads[present[0]]
    if not first.any():
        return frame
    matches = frame.select(pl.all_horizontal(pl.col(each) == heads[each] for each in present).fill_null(value=False))
    mask = matches.to_series()
    if not mask.any() or len(present) < min(2, len(heads)):
        return frame
    collector.count("repeated_header", name, int(mask.sum()))
    return frame.filter(~mask)


def _require_empty(frame: pl.DataFrame, dialect: CsvDialect, name: str) -> None:
    """Raise if a column without a name, empty in the first rows, has a value further down.

    Raises:
        InputError: If there is such a value.
    """
    for position in dialect.empty:
        values = frame.get_column(dialect.names[position]).drop_nulls()
        if values.len():
            raise InputError(
                f"column {position + 1} of {name} has no name and is empty in the first rows, but holds "
                f"{quote(values[0])} further down; name it in the header, or fix that line."
            )


def _slow(
    block: TextBlock, dialect: CsvDialect, missing: tuple[str, ...], name: str, collector: NoteCollector | None = None
) -> pl.DataFrame:
    rows = _checked_rows(block, dialect, name, collector or NoteCollector())
    schema = dict.fromkeys(dialect.names, pl.String)
    frames = [empty_frame(dialect.names)]
    while chunk := list(islice(rows, _SLOW_ROWS)):
        frames.append(pl.DataFrame(chunk, schema=schema, orient="row"))
    return pl.concat(frames).with_columns(_mask_missing(pl.all(), missing))


def _checked_rows(block: TextBlock, dialect: CsvDialect, name: str, collector: NoteCollector) -> Iterator[list[str]]:
    width, line, mark = len(dialect.names), block.line, dialect.comment
    reader = rows_of(block.data, delimiter=dialect.delimiter)
    try:
        for row in reader:
            if mark and row and row[0].startswith(mark):
                collector.count("comment_lines", name, 1)
            elif len(row) == width:
                yield row
            elif width > 1 and len(row) > width and not "".join(row[width:]).strip() and "".join(row).strip():
                collector.count("empty_fields", name, 1)
                yield row[:width]
            elif len(row) > 1 or "".join(row).strip():
                raise InputError(
                    f"line {line:,} of {name} has {len(row)} fields where {width} are expected; fix the line, or "
                    f"put fields that contain {quote(dialect.delimiter)} in quotation marks."
                )
            line = block.line + reader.line_num
    except csv.Error as error:
        raise InputError(f"line {line:,} of {name} cannot be read as CSV ({error}); fix the line.") from error


def _strip_blanks(frame: pl.DataFrame, missing: tuple[str, ...], *, tabs: bool) -> pl.DataFrame:
    """Strip spaces and tabs off the ends of fields, in the columns that have any."""
    blanks = (" ", "\t") if tabs else (" ",)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    if not texts:
        return frame
    checks = [_has_blanks(pl.col(name), blanks).any() for name in texts]
    padded = [name for name, has_blanks in zip(texts, frame.select(checks).row(0), strict=True) if has_blanks]
    return frame.with_columns(_mask_missing(pl.col(name).str.strip_chars(" \t"), missing) for name in padded)


def _has_blanks(column: pl.Expr, blanks: tuple[str, ...]) -> pl.Expr:
    conditions = [column.str.starts_with(blank) | column.str.ends_with(blank) for blank in blanks]
    return pl.any_horizontal(conditions).alias(column.meta.output_name())


def _mask_missing(column: pl.Expr, missing: tuple[str, ...]) -> pl.Expr:
    return pl.when(~column.is_in(missing)).then(column)
