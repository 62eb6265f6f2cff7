"""Comment lines at the beginning of a CSV, and column names in the last of them."""

from collections import Counter

from headrace.core.readers.csv import cell_patterns
from headrace.core.readers.csv.cell_patterns import Row
from headrace.core.readers.csv.delimiter import SAMPLE_ROWS, detect_delimiter, rows_of
from headrace.core.tables.source import ReadOptions

_MARKS = ("#", "%", "//", "!")


def comments(text: bytes, options: ReadOptions) -> tuple[str, int, bytes]:
    """Return the comment mark, the number of leading lines that are comments or blank, and the text after them."""
    lines = text.split(b"\n")
    marks = (options.comment,) if options.comment else _MARKS if options.skip_lines < 0 else ()
    first = next((line.strip() for line in lines if line.strip()), b"")
    mark = next((mark for mark in marks if first.startswith(mark.encode())), options.comment)
    if not mark or not first.startswith(mark.encode()):
        return mark, 0, text
    count = 0
    for line in lines:
        if line.strip() and not line.strip().startswith(mark.encode()):
            break
        count += 1
    rest = b"\n".join(lines[count:])
    if not rest.strip():  # every line begins with the mark: it belongs to the values
        return options.comment, 0, text
    if count == 1 and not options.comment and _is_header_line(first, rest, mark=mark):
        return "", 0, text
    return mark, count, rest


def _is_header_line(first: bytes, rest: bytes, *, mark: str) -> bool:
    """Check whether a first line that begins with a mark is the header, the first name of which has the mark."""
    delimiter = detect_delimiter(rest)
    heads = next(iter(rows_of(first, delimiter=delimiter)), [])
    below = [row for _, row in zip(range(SAMPLE_ROWS), rows_of(rest, delimiter=delimiter), strict=False) if row]
    width = Counter(map(len, below)).most_common(1)[0][0] if below else 0
    values = cell_patterns.value_columns(below, width=width)
    if len(heads) != width or width < 2 or (mark == "#" and not heads[0][1:2].strip()):
        return False
    return cell_patterns.is_data(below[0], values=values) or not values


def commented_header(
    text: bytes, leading: int, mark: str, delimiter: str, rows: list[Row], width: int, options: ReadOptions
) -> Row:
    """Return the column names from the last comment line, where NumPy writes them; empty without names."""
    if not (mark and leading and options.header) or width < 2 or not rows:
        return ()
    values = cell_patterns.value_columns(rows, width=width)
    if not cell_patterns.is_data(rows[0], values=values):
        return ()
    last = next((line for line in reversed(text.split(b"\n")[:leading]) if line.strip()), b"")
    row: Row = next(
        iter(rows_of(last.strip().removeprefix(mark.encode()).lstrip(mark.encode()), delimiter=delimiter)), []
    )
    return row if len(row) == width and all(cell.strip() for cell in row) else ()
