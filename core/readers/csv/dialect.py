"""What kind of CSV a file is: its delimiter, the names of its columns, and what in it is no part of the table."""

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
"""What a field without a name that is left out is called until it is left out."""


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV is written.

    Attributes:
        delimiter: The character between fields.
        names: Names of all fields of a row, stripped of white space; those that are left out have one of their own.
        header: Whether a row holds the names.
        layout: What else was found at the beginning of the file; None where nothing was looked for.
        counter: Fields without a name that number the rows, and are left out.
        empty: Fields without a name that hold nothing, and are left out.
        named: Names that were made up, by place.
        replaced: The names in the header that the user's took the place of.
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
        aside = {*self.counter, *self.empty}
        return tuple(name for place, name in enumerate(self.names) if place not in aside) if aside else self.names

    @property
    def begin(self) -> int:
        """Number of lines of the file before the first row of the table."""
        if self.layout is None:
            return 0
        return self.layout.body if self.header or not self.layout.header else self.layout.top

    @property
    def comment(self) -> str:
        """What a comment line begins with; empty if there are none."""
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
    """Find out how a CSV is written, from its first rows.

    Args:
        first: The first blocks of the file, of ``SAMPLE_BYTES`` or more if it has as many.
        name: The file's name, for messages.
        options: What the user knows about it.
        like: The table's first file, whose fields without a name decide; None if this is the first.

    Raises:
        InputError: If a name of the header stands twice, or the given names are not as many as the fields.
    """
    layout = layout_of(sample_of(b"".join(block.data for block in first)), options=options)
    if layout is None:
        raise InputError(f"{name} holds only blank lines; give a table with a header and rows.")
    if options.names:
        return _with_names(layout, options, name)
    if not layout.header:
        count = layout.width
        names = tuple(f"column_{place}" for place in range(1, count + 1))
        return CsvDialect(layout.delimiter, names, header=False, layout=layout)
    cells = _fit_header(layout)
    if len(cells) > 1:
        return _name_columns(layout, cells, name, like)
    check_names(cells, where=f"the header of {name}")
    return CsvDialect(layout.delimiter, cells, header=True, layout=layout, raw=cells)


def _fit_header(layout: CsvLayout) -> tuple[str, ...]:
    """The header with a cell for each field: one that is short lacks the first, or the last if no row has any there."""
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
    """Names for the fields without one, unless they are left out."""
    names = list(cells)
    counter, empty, named = [], [], []
    for place, cell in enumerate(cells):
        if cell:
            continue
        values = [row[place].strip() for row in layout.rows if len(row) == len(cells)]
        if like is not None and len(like.names) == len(cells):
            is_empty, is_counter = place in like.empty, place in like.counter
        else:
            is_empty, is_counter = not any(values), place == 0 and _counts(values)
        if is_empty:
            empty.append(place)
        elif is_counter:
            counter.append(place)
        else:
            named.append(place)
        free = "index" if place == 0 and "index" not in cells else f"column_{place + 1}"
        names[place] = UNNAMED.format(place) if is_empty or is_counter else free
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
    """Whether texts are whole numbers that go up by one."""
    if not values or not all(re.fullmatch(r"\d{1,15}", value) for value in values):
        return False
    numbers = list(map(int, values))
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _with_names(layout: CsvLayout, options: ReadOptions, name: str) -> CsvDialect:
    """The user's names, in place of the header if there is one."""
    given, found = options.names, layout.header
    cells = _fit_header(layout) if found else ()
    count = max(len(cells), layout.width)
    is_header = bool(found) and _is_header(cells, layout, given)
    unnamed = (
        _name_columns(layout, cells, name, None)
        if is_header and "" in cells and len(set(cells)) == len(cells)
        else None
    )
    if unnamed and len(given) == len(unnamed.kept) < count:
        names, places = list(unnamed.names), iter(given)
        names = [each if each.startswith("\0") else next(places) for each in names]
        return CsvDialect(
            layout.delimiter, tuple(names), header=True, layout=layout, counter=unnamed.counter, empty=unnamed.empty,
            replaced=found, raw=cells,
        )  # fmt: skip
    if len(given) != count:
        raise InputError(
            f"{name} has {count} fields in its first line, split at {quote(layout.delimiter)}; got {len(given)} names "
            "for them."
        )
    replaced = found if is_header and cells != given else ()
    raw = cells if is_header else ()
    return CsvDialect(layout.delimiter, given, header=is_header, layout=layout, replaced=replaced, raw=raw)


def _is_header(cells: Sequence[str], layout: CsvLayout, given: tuple[str, ...]) -> bool:
    """Whether a first row names the columns, though the user names them too.

    It does if it looks unlike the rows below it, or holds the user's names. Where all columns are texts it does if
    none of its cells stands in a row below.
    """
    if {cell.lower() for cell in cells} & {name.lower() for name in given}:
        return True
    rows = [row for row in layout.rows if len(row) == layout.width]
    values = cell_patterns.value_columns(rows, width=layout.width)
    if values:
        return not cell_patterns.is_data(cells, values=values)
    return not any(cell in {row[place].strip() for row in rows} for place, cell in enumerate(cells) if cell)


def first_blocks(blocks: Iterator[TextBlock]) -> list[TextBlock]:
    """The blocks that tell how a file is written, so that where they were cut does not matter."""
    found: list[TextBlock] = []
    while sum(len(block.data) for block in found) < SAMPLE_BYTES and (block := next(blocks, None)):
        found.append(block)
    return found


def sample_of(data: bytes) -> bytes:
    """The first whole rows of a text."""
    if len(data) <= SAMPLE_BYTES:
        return data
    start = data[:SAMPLE_BYTES]
    end = rows_end(start, marks=start.count(b'"'))
    return data[:end] if end else data
