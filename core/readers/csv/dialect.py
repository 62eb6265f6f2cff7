"""How a CSV file is written: its delimiter, the names of its columns, and which parts are not the table."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from headrace.core.base.errors import InputError, quote
from headrace.core.readers.csv import cell_patterns
from headrace.core.readers.csv.layout import CsvLayout, layout_of
from headrace.core.tables.row_blocks import TextBlock, rows_end
from headrace.core.tables.source import ReadOptions, check_names

SAMPLE_BYTES = 256 * 1024
UNNAMED = "\0field {}"
"""Name of a skipped field without a name, until it is skipped."""


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV is written.

    Attributes:
        delimiter: The character between fields.
        names: Names of all fields of a row, stripped of white space; skipped fields have a placeholder.
        header: Whether a row holds the names.
        layout: Layout of the beginning of the file; None if it was not examined.
        counter: Positions of fields without a name that number the rows; they are skipped.
        empty: Positions of fields without a name or values; they are skipped.
        named: Positions of fields with a made-up name.
        replaced: The names in the header that the user's names replace.
        raw: The cells of the header, as far as they name the fields.
    """

    delimiter: str
    names: tuple[str, ...]
    header: bool
    layout: CsvLayout | None = field(default=None, repr=False)
    counter: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()
    named: tuple[int, ...] = ()
    replaced: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the table's columns."""
        skipped = {*self.counter, *self.empty}
        return (
            tuple(name for position, name in enumerate(self.names) if position not in skipped)
            if skipped
            else self.names
        )

    @property
    def begin(self) -> int:
        """Number of lines of the file before the first row of the table."""
        if self.layout is None:
            return 0
        return self.layout.body if self.header or not self.layout.header else self.layout.top

    @property
    def comment(self) -> str:
        """Start of a comment line; empty without comments."""
        return self.layout.comment if self.layout else ""

    @property
    def units(self) -> dict[str, str]:
        """Units by name of the column, where a row below the header names them."""
        units = self.layout.units if self.layout else ()
        pairs = zip(self.names, units, strict=False)
        return {name: unit for name, unit in pairs if unit and name in self.kept}


def dialect_of(
    first: Iterable[TextBlock], *, name: str, options: ReadOptions, like: CsvDialect | None = None
) -> CsvDialect:
    """Detect how a CSV is written, from its first rows.

    Args:
        first: The first blocks of the file, ``SAMPLE_BYTES`` or more if the file is that long.
        name: The file's name, for messages.
        options: Options of the reader.
        like: The table's first file, which decides on fields without a name; None if this is the first.

    Raises:
        InputError: If a name occurs twice in the header, or the number of given names is not that of the fields.
    """
    layout = layout_of(sample_of(b"".join(block.data for block in first)), options=options)
    if layout is None:
        raise InputError(f"{name} holds only blank lines; give a table with a header and rows.")
    if options.column_names:
        return _with_names(layout, options, name)
    if not layout.header:
        count = layout.width
        names = tuple(f"column_{position}" for position in range(1, count + 1))
        return CsvDialect(layout.delimiter, names, header=False, layout=layout)
    cells = _fit_header(layout)
    if len(cells) > 1:
        return _name_columns(layout, cells, name, like)
    check_names(cells, where=f"the header of {name}")
    return CsvDialect(layout.delimiter, cells, header=True, layout=layout, raw=cells)


def _fit_header(layout: CsvLayout) -> tuple[str, ...]:
    """Return the header with a cell for each field; a short one lacks the first, or an always empty last."""
    cells, width = layout.header, layout.width
    while len(cells) > width and not cells[-1]:
        cells = cells[:-1]
    last = [row[-1].strip() for row in layout.rows if len(row) == width]
    if len(cells) != width - 1 or not last:
        return cells
    if not any(last):
        return (*cells, "")
    return ("", *cells) if all(cells) else cells


def _name_columns(layout: CsvLayout, cells: tuple[str, ...], name: str, like: CsvDialect | None) -> CsvDialect:
    """Return the dialect with names for the fields without one, unless they are skipped."""
    names = list(cells)
    counter, empty, named = [], [], []
    for position, cell in enumerate(cells):
        if cell:
            continue
        values = [row[position].strip() for row in layout.rows if len(row) == len(cells)]
        if like is not None and len(like.names) == len(cells):
            is_empty, is_counter = position in like.empty, position in like.counter
        else:
            is_empty, is_counter = not any(values), position == 0 and _counts(values)
        if is_empty:
            empty.append(position)
        elif is_counter:
            counter.append(position)
        else:
            named.append(position)
        default_name = "index" if position == 0 and "index" not in cells else f"column_{position + 1}"
        names[position] = UNNAMED.format(position) if is_empty or is_counter else default_name
    check_names(names, where=f"the header of {name}")
    return CsvDialect(
        layout.delimiter,
        tuple(names),
        header=True,
        layout=layout,
        counter=tuple(counter),
        empty=tuple(empty),
        named=tuple(named),
        raw=cells,
    )


def _counts(values: Sequence[str]) -> bool:
    """Check whether texts are whole numbers that go up by one."""
    if not values or not all(re.fullmatch(r"\d{1,15}", value) for value in values):
        return False
    numbers = list(map(int, values))
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _with_names(layout: CsvLayout, options: ReadOptions, name: str) -> CsvDialect:
    """Return the dialect with the user's names, in place of the header if there is one."""
    chosen, header = options.column_names, layout.header
    cells = _fit_header(layout) if header else ()
    count = max(len(cells), layout.width)
    is_header = bool(header) and _is_header(cells, layout, chosen)
    unnamed = (
        _name_columns(layout, cells, name, None)
        if is_header and "" in cells and len(set(cells)) == len(cells)
        else None
    )
    if unnamed and len(chosen) == len(unnamed.kept) < count:
        names, places = list(unnamed.names), iter(chosen)
        names = [each if each.startswith("\0") else next(places) for each in names]
        return CsvDialect(
            layout.delimiter, tuple(names), header=True, layout=layout, counter=unnamed.counter, empty=unnamed.empty,
            replaced=header, raw=cells,
        )  # fmt: skip
    if len(chosen) != count:
        raise InputError(
            f"{name} has {count} fields in its first line, split at {quote(layout.delimiter)}; got {len(chosen)} names "
            "for them."
        )
    replaced = header if is_header and cells != chosen else ()
    raw = cells if is_header else ()
    return CsvDialect(layout.delimiter, chosen, header=is_header, layout=layout, replaced=replaced, raw=raw)


def _is_header(cells: Sequence[str], layout: CsvLayout, chosen: tuple[str, ...]) -> bool:
    """Check whether a first row is a header, though the user names the columns too.

    It does if it differs in kind from the rows below it, or holds the user's names. Where all columns are texts, it
    does if none of its cells occurs in a row below.
    """
    if {cell.lower() for cell in cells} & {name.lower() for name in chosen}:
        return True
    rows = [row for row in layout.rows if len(row) == layout.width]
    values = cell_patterns.value_columns(rows, width=layout.width)
    if values:
        return not cell_patterns.is_data(cells, values=values)
    return not any(cell in {row[position].strip() for row in rows} for position, cell in enumerate(cells) if cell)


def first_blocks(blocks: Iterator[TextBlock]) -> list[TextBlock]:
    """Return the blocks that detection needs, so that the result does not depend on where blocks are cut."""
    first: list[TextBlock] = []
    while sum(len(block.data) for block in first) < SAMPLE_BYTES and (block := next(blocks, None)):
        first.append(block)
    return first


def sample_of(data: bytes) -> bytes:
    """Return the first whole rows of a text."""
    if len(data) <= SAMPLE_BYTES:
        return data
    start = data[:SAMPLE_BYTES]
    end = rows_end(start, marks=start.count(b'"'))
    return data[:end] if end else data
