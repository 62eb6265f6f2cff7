"""Skips what is below the rows of a CSV: totals, row counts, sources, dashes."""

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
    blocks: Iterable[TextBlock], *, dialect: CsvDialect, name: str, collector: NoteCollector
) -> Iterator[TextBlock]:
    """Yield the blocks of a file, the last one without the lines that are not rows.

    A block is held back until the next one arrives; a small last one is joined to the one before.

    Args:
        blocks: Whole rows, without the header.
        dialect: The dialect of the file.
        name: The file's name, for messages.
        collector: Receives a note on the skipped lines.
    """
    pending: TextBlock | None = None
    for block in blocks:
        if pending is None:
            pending = block
        elif len(block.data) < _TAIL_BYTES:
            pending = TextBlock(
                pending.data + block.data,
                pending.line,
                pending.quoted or block.quoted,
                max(pending.highest, block.highest),
            )
        else:
            yield pending
            pending = block
    if pending is not None:
        yield _cut_footer(pending, dialect, name, collector)


def _cut_footer(block: TextBlock, dialect: CsvDialect, name: str, collector: NoteCollector) -> TextBlock:
    """Return the block without the lines below its last row."""
    width = len(dialect.names)
    if width < 2 or dialect.layout is None:
        return block
    start = _start(block.data)
    tail = block.data[start:]
    lines = list(_lines(tail, dialect))
    last, remarks = _last_row(lines, width)
    if not remarks or (last < 0 and start == 0):
        return block
    end = lines[last][1] if last >= 0 else 0
    rows = block.data[: start + _offset(tail, end)]
    dashes = all(cell_patterns.is_rule(row) for row in remarks)
    if not dashes:
        collector.add(_note(remarks, name, dialect.delimiter))
    return TextBlock(rows, block.line, block.quoted, block.highest)


def _start(data: bytes) -> int:
    """Return the offset of the last lines, outside quotation marks."""
    offset = max(0, len(data) - _TAIL_BYTES)
    while offset > 0:
        offset = data.find(b"\n", offset) + 1
        if offset == 0:
            return len(data)
        # After an odd number of quotation marks a line end is inside a field.
        if data.count(b'"', 0, offset) % 2 == 0:
            break
    return offset


def _lines(tail: bytes, dialect: CsvDialect) -> Iterator[tuple[Row, int, bool]]:
    """Yield the rows of a text, the number of the line after each, and whether a blank line precedes it."""
    reader = rows_of(tail, delimiter=dialect.delimiter)
    apart = False
    for row in readable(reader):
        if not any(cell.strip() for cell in row):
            apart = len(row) < 2
            continue
        yield row, reader.line_num, apart
        apart = False


def _last_row(lines: list[tuple[Row, int, bool]], width: int) -> tuple[int, list[Row]]:
    """Return the position of the table's last row, and the rows below it."""
    position = len(lines) - 1
    remarks: list[Row] = []
    while position >= 0:
        row = lines[position][0]
        above = [line for line, _, _ in lines[:position] if len(line) == width]
        if not (
            cell_patterns.is_note(row, width=width, apart=_is_set_apart(lines, position, width))
            or _is_total(row, above, width)
        ):
            break
        remarks.insert(0, row)
        position -= 1
    return position, remarks


def _is_set_apart(lines: list[tuple[Row, int, bool]], position: int, width: int) -> bool:
    """Check whether a blank line separates a line from the last row of the table's width."""
    for row, _, apart in reversed(lines[: position + 1]):
        if apart:
            return True
        if len(row) == width:
            return False
    return False


def _is_total(row: Row, above: list[Row], width: int) -> bool:
    return len(row) <= width and cell_patterns.is_total([*row, *[""] * (width - len(row))], above=above)


def _offset(text: bytes, lines: int) -> int:
    """Return the offset after the given number of lines."""
    offset = 0
    for _ in range(lines):
        end = text.find(b"\n", offset)
        if end < 0:
            return len(text)
        offset = end + 1
    return offset


def _note(remarks: list[Row], name: str, delimiter: str) -> Note:
    count = len(remarks)
    texts = [delimiter.join(row).strip(delimiter + " ") for row in remarks]
    examples = ", ".join(quote(text, 40) for text in texts[:_MOST_SHOWN])
    more = f" and {count - _MOST_SHOWN} more" if count > _MOST_SHOWN else ""
    return Note(
        "warning",
        "",
        "lines_after_data",
        count,
        f"{count} {'lines' if count > 1 else 'line'} below the last row of {name} {'were' if count > 1 else 'was'} "
        f"left out, as totals or remarks: {examples}{more}.",
        "Correct the file, if one of them is a row.",
    )
