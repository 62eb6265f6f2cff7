"""Where the table begins in a CSV: past comments, titles and a line that names the delimiter.

Spreadsheets, SQL shells, R and measuring devices write lines around a table that are not rows. What a line is follows
from the lines below it: the table's width is that of most rows, and a header is above cells that look like values.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from headrace.core.readers.csv import cell_patterns
from headrace.core.readers.csv.cell_patterns import Row
from headrace.core.readers.csv.comments import commented_header, comments
from headrace.core.readers.csv.delimiter import LAYOUT_ROWS, SAMPLE_ROWS, detect_delimiter, readable, rows_of
from headrace.core.tables.source import ReadOptions

_SEPARATOR_LINE = re.compile(r'"?sep=(\\t|[^\w\s"]|\t| )"?[;,\t ]*', re.IGNORECASE)
_MOST_UNIT_ROWS = 2
_NEAR = 12


@dataclass(frozen=True)
class CsvLayout:
    """The layout of the beginning of a CSV.

    Attributes:
        delimiter: The character between fields.
        header: Cells of the row that holds the names, stripped; empty without a header.
        width: Fields of the table's rows.
        top: Number of lines before the header, or before the first row of a table without one.
        body: Number of lines before the first row of the table.
        rows: The first rows of the table.
        passed: Skipped text lines before the header, without comments and the line that names the delimiter.
        units: Cells of the rows of units below the header.
        comment: Start of a comment line anywhere in the file; empty without comments.
        commented: Comment lines before the header.
    """

    delimiter: str
    header: tuple[str, ...]
    width: int
    top: int
    body: int
    rows: tuple[Row, ...]
    passed: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    comment: str = ""
    commented: int = 0


@dataclass(frozen=True)
class _Line:
    """A row of the sample: its cells and the number of the line after it."""

    row: Row
    end: int

    @property
    def filled(self) -> int:
        """Number of cells that are not empty."""
        return sum(bool(cell.strip()) for cell in self.row)


def layout_of(sample: bytes, *, options: ReadOptions) -> CsvLayout | None:
    """Find the header and the first row of a table.

    Args:
        sample: Some whole lines from the beginning of the file, UTF-8.
        options: Options of the reader.

    Returns:
        The layout; None if there are only blank lines.
    """
    start, delimiter = 0, options.delimiter
    if options.skip_lines >= 0:
        start = options.skip_lines
    elif separator := _SEPARATOR_LINE.fullmatch(_line(sample, 0)):
        start, delimiter = 1, delimiter or separator[1].replace("\\t", "\t")
    text = _from_line(sample, start)
    comment, leading, body = comments(text, options)
    delimiter = delimiter or detect_delimiter(body)
    lines = _lines(body, delimiter, count=SAMPLE_ROWS)
    if not _is_even(lines):
        lines = _lines(body, delimiter, count=LAYOUT_ROWS)
    lines = [line for line in lines if line.row and not (comment and line.row[0].startswith(comment))]
    if not any(line.filled for line in lines):
        return None
    lines = [line for line in lines if line.filled]
    offset = start + leading
    width = _width(lines)
    if options.skip_lines >= 0:
        first, has_header = 0, options.header
    else:
        first, has_header = _first(lines, width, wants_header=options.header)
    header: Row = lines[first].row if has_header else ()
    rest = lines[first + has_header :]
    width = width if rest or not has_header else len(header)
    named_by_comment = commented_header(
        text, leading, comment, delimiter, [line.row for line in lines[first:]], width, options
    )
    if named_by_comment:
        header, rest = named_by_comment, lines[first:]
    units, skipped = _units(rest, width) if header else ((), 0)
    rows_before = (first + has_header if not named_by_comment else first) + skipped
    end = lines[rows_before - 1].end if rows_before else 0
    return CsvLayout(
        delimiter=delimiter,
        header=tuple(cell.strip() for cell in header),
        width=width,
        top=offset + (lines[first - 1].end if first else 0),
        body=offset + end,
        rows=tuple(cell_patterns.without_tail([line.row for line in rest[skipped:]], width=width)[:SAMPLE_ROWS]),
        passed=tuple(
            " ".join(delimiter.join(line.row).split()).rstrip(delimiter)
            for line in lines[:first]
            if not cell_patterns.is_rule(line.row)
        ),
        units=units,
        comment=comment,
        commented=max(0, sum(bool(line.strip()) for line in text.split(b"\n")[:leading]) - bool(named_by_comment)),
    )


def _line(text: bytes, number: int) -> str:
    return next(iter(_from_line(text, number).split(b"\n", 1))).decode(errors="replace").strip("\r ")


def _from_line(text: bytes, number: int) -> bytes:
    offset = 0
    for _ in range(number):
        end = text.find(b"\n", offset)
        offset = end + 1 if end >= 0 else len(text)
    return text[offset:]


def _lines(text: bytes, delimiter: str, *, count: int) -> list[_Line]:
    reader = rows_of(text, delimiter=delimiter)
    return [_Line(row, reader.line_num) for _, row in zip(range(count), readable(reader), strict=False)]


def _is_even(lines: Sequence[_Line]) -> bool:
    """Check whether all rows have as many fields as the first, which fills them all, so that it is the header."""
    first = lines[0].row if lines else []
    return all(cell.strip() for cell in first) and all(len(line.row) == len(first) for line in lines) and len(first) > 1


def _width(lines: Sequence[_Line]) -> int:
    """Return the number of fields of most rows, or of the first row where no other number is clearly common."""
    widths = [len(line.row) for line in lines]
    first = widths[0]
    counts = Counter(width for width in widths if width > 1)
    common, count = max(counts.items(), key=lambda item: (item[1], item[0] == first), default=(first, 0))
    if common == first or (first > 1 and count <= widths.count(first)):
        return first
    if first > 1:
        return common
    first_common = widths.index(common)  # a title comes first, or some texts of a single column are split
    titles = [lines[position].row[0] for position in range(1, first_common)]
    below = widths[first_common:]
    split = 2 * below.count(common) <= len(below) or 2 * sum(map(cell_patterns.is_value, titles)) > len(titles)
    return first if split or (count < 2 and first_common > 1) else common


def _first(lines: Sequence[_Line], width: int, *, wants_header: bool) -> tuple[int, bool]:
    """Return which line is the header, or the first row of a table without one."""
    if width < 2:
        return 0, wants_header
    full_rows = [position for position, line in enumerate(lines) if len(line.row) == width]
    rows = [lines[position].row for position in full_rows]
    values = cell_patterns.value_columns(cell_patterns.without_tail(rows[1:], width=width), width=width)
    position = next((position for position in full_rows if not _is_title(lines, position, width, values)), full_rows[0])
    if not wants_header:
        return position, False
    previous = position - 1 if position else -1
    if (
        previous >= 0
        and cell_patterns.is_data(lines[position].row, values=values)
        and _may_name(lines[previous].row, width)
    ):
        return previous, True
    return position, True


def _may_name(row: Row, width: int) -> bool:
    """Check whether a row of another width than the table's may name its columns."""
    cells = [cell.strip() for cell in row]
    if cell_patterns.is_rule(row):
        return False
    return len(cells) > 1 or (width == 2 and not re.search(r"[\s:]", cells[0]))


def _is_title(lines: Sequence[_Line], position: int, width: int, values: Sequence[int]) -> bool:
    """Check whether a row of the table's width is a title padded with delimiters, or a line of dashes.

    It is a title if it fills fewer fields than a row that follows soon and looks like a header.
    """
    line = lines[position]
    if cell_patterns.is_rule(line.row):
        return True
    below = [each for each in lines[position + 1 : position + _NEAR] if len(each.row) == width]
    header = next((each for each in below if each.filled > line.filled + 1), None)
    if header is None or cell_patterns.is_data(header.row, values=values):
        return False
    filled = [bool(cell.strip()) for cell in line.row]
    index = not filled[0] and all(filled[filled.index(True) :]) if any(filled) else False
    return not index and (bool(values) or line.filled == 1)


def _units(rest: Sequence[_Line], width: int) -> tuple[tuple[str, ...], int]:
    """Return the units below a header, and the number of rows there that are not rows of the table."""
    units: tuple[str, ...] = ()
    count = unit_rows = 0
    while count < len(rest):
        row = rest[count].row
        below = [line.row for line in rest[count + 1 :] if len(line.row) == width]
        if cell_patterns.is_rule(row) and below and not cell_patterns.is_value(row[0]):
            count += 1
            continue
        values = cell_patterns.value_columns(below, width=width)
        if (
            len(row) == width
            and unit_rows < _MOST_UNIT_ROWS
            and cell_patterns.is_units(row, below=below, values=values)
        ):
            row_units = tuple(map(cell_patterns.unit, row))
            units = units or row_units
            count, unit_rows = count + 1, unit_rows + 1
            continue
        break
    return units, count
