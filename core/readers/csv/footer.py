"""What stands below the rows of a CSV: totals, numbers of rows, sources, dashes."""

from collections.abc import Iterable, Iterator

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.readers.csv import cell_patterns
from headrace.core.readers.csv.cell_patterns import Row
from headrace.core.readers.csv.delimiter import readable, rows_of
from headrace.core.readers.csv.dialect import CsvDialect
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.row_blocks import TextBlock

_TAIL_BYTES = 16 * 1024
_MOST_SHOWN = 3


def without_tail(
    blocks: Iterable[TextBlock], *, dialect: CsvDialect, name: str, told: NoteCollector
) -> Iterator[TextBlock]:
    """The blocks of a file, the last one without the lines that are no rows.

    A block waits until the next one is known; a last one that is small is joined to the one before.

    Args:
        blocks: Whole rows, without the header.
        dialect: How they are written.
        name: The file's name, for messages.
        told: Takes what was left out.
    """
    held: TextBlock | None = None
    for block in blocks:
        if held is None:
            held = block
        elif len(block.data) < _TAIL_BYTES:
            held = TextBlock(
                held.data + block.data, held.line, held.quoted or block.quoted, max(held.highest, block.highest)
            )
        else:
            yield held
            held = block
    if held is not None:
        yield _cut_footer(held, dialect, name, told)


def _cut_footer(block: TextBlock, dialect: CsvDialect, name: str, told: NoteCollector) -> TextBlock:
    """The block without the lines below its last row."""
    width = len(dialect.names)
    if width < 2 or dialect.layout is None:
        return block
    start = _start(block.data)
    tail = block.data[start:]
    lines = list(_lines(tail, dialect))
    last, aside = _last_row(lines, width)
    if not aside or (last < 0 and start == 0):
        return block
    end = lines[last][1] if last >= 0 else 0
    kept = block.data[: start + _offset(tail, end)]
    dashes = all(cell_patterns.is_rule(row) for row in aside)
    if not dashes:
        told.add(_note(aside, name, dialect.delimiter))
    return TextBlock(kept, block.line, block.quoted, block.highest)


def _start(data: bytes) -> int:
    """Where the last lines begin, outside quotation marks."""
    at = max(0, len(data) - _TAIL_BYTES)
    while at > 0:
        at = data.find(b"\n", at) + 1
        if at == 0:
            return len(data)
        if data.count(b'"', 0, at) % 2 == 0:
            break
    return at


def _lines(tail: bytes, dialect: CsvDialect) -> Iterator[tuple[Row, int, bool]]:
    """The rows of a text, the number of the line after each, and whether a blank line or a mark stands before it."""
    reader = rows_of(tail, delimiter=dialect.delimiter)
    apart = False
    for row in readable(reader):
        if not any(cell.strip() for cell in row):
            apart = len(row) < 2
            continue
        yield row, reader.line_num, apart
        apart = False


def _last_row(lines: list[tuple[Row, int, bool]], width: int) -> tuple[int, list[Row]]:
    """The place of the last row of the table, and the rows below it."""
    place = len(lines) - 1
    aside: list[Row] = []
    while place >= 0:
        row = lines[place][0]
        above = [line for line, _, _ in lines[:place] if len(line) == width]
        if not (
            cell_patterns.is_note(row, width=width, apart=_is_set_apart(lines, place, width))
            or _is_total(row, above, width)
        ):
            break
        aside.insert(0, row)
        place -= 1
    return place, aside


def _is_set_apart(lines: list[tuple[Row, int, bool]], place: int, width: int) -> bool:
    """Whether a blank line stands between the last row of the table's width and a line."""
    for row, _, apart in reversed(lines[: place + 1]):
        if apart:
            return True
        if len(row) == width:
            return False
    return False


def _is_total(row: Row, above: list[Row], width: int) -> bool:
    return len(row) <= width and cell_patterns.is_total([*row, *[""] * (width - len(row))], above=above)


def _offset(text: bytes, lines: int) -> int:
    """Where the line after so many begins."""
    at = 0
    for _ in range(lines):
        end = text.find(b"\n", at)
        if end < 0:
            return len(text)
        at = end + 1
    return at


def _note(aside: list[Row], name: str, delimiter: str) -> Note:
    count = len(aside)
    texts = [delimiter.join(row).strip(delimiter + " ") for row in aside]
    some = ", ".join(quote(text, 40) for text in texts[:_MOST_SHOWN])
    more = f" and {count - _MOST_SHOWN} more" if count > _MOST_SHOWN else ""
    return Note(
        "warning",
        "",
        "lines_after_data",
        count,
        f"{count} {'lines' if count > 1 else 'line'} below the last row of {name} {'were' if count > 1 else 'was'} "
        f"left out, as totals or remarks: {some}{more}.",
        "Mend the file, if one of them is a row.",
    )
