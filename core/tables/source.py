"""The source of a table's bytes, and the options that its reader needs."""

import codecs
import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.values import missing_values

MISSING_VALUES = (*missing_values.COMMON, *missing_values.RARE)
MAX_COLUMNS = 2_000
MAX_ROW_BYTES = 32 * 2**20
BEYOND = object()
"""Replaces, in a query's rows, a time that Python's calendar does not have, such as a database's infinity."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a table.

    Attributes:
        name: Name in messages, without secrets.
        path: Path on this machine.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class FileSource:
    """A table in one or several files of one header.

    Attributes:
        name: Name in metadata, without secrets.
        opened: Returns the files in order; a file may be deleted once the next one is requested or the generator is
            closed.
    """

    name: str
    opened: Callable[[], Generator[SourceFile]]


@dataclass(frozen=True)
class QuerySource:
    """A table that is the result of a database query.

    Attributes:
        name: Name in metadata, without secrets.
        rows: Returns the names of the columns and batches of rows, whose values may be ``BEYOND``; the connection ends
            with the generator.
    """

    name: str
    rows: Callable[[], tuple[list[str], Generator[list[tuple[object, ...]]]]]


Source = FileSource | QuerySource


_CHOSEN = (
    *("column_names", "header", "delimiter", "encoding", "skip_lines", "comment"),
    *("missing_values", "drop_columns", "hash_columns"),
)
_LONGEST_COMMENT = 8


@dataclass(frozen=True)
class ReadOptions:
    """Options of the reader of a source.

    Attributes:
        column_names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV names the columns; if not, and without ``column_names``, they are named
            ``column_1``, ``column_2`` and so on.
        delimiter: One ASCII character, or ``tab``; empty to detect ``,`` ``;`` tab or ``|``.
        encoding: A Python codec's name; empty for UTF-8, or what a byte-order mark says.
        skip_lines: Lines of a CSV before its header, or before its first row if it has none; negative to find them.
        comment: Start of a comment line of a CSV; empty for the usual marks, if lines before the header have one.
        missing_values: Texts that mean a missing value in a CSV; empty for ``MISSING_VALUES``. The empty text always
            does.
        listed: Columns of a CSV in which only the empty text is missing, since the contract lists a mark as a value.
        drop_columns: Columns to leave out.
        hash_columns: Columns whose values are replaced by a keyed hash before anything is written.
        only: Columns to read, where the table has them; empty for all.
        numbers: Columns of a CSV that may be read as Float64 at once, in blocks where all their texts are numbers.
        integers: Columns of a CSV that may be read as Int64 at once, in the same blocks.
        batch_cells: Approximate number of values of a Parquet file that are read at a time.
    """

    column_names: tuple[str, ...] = ()
    header: bool = True
    delimiter: str = ""
    encoding: str = ""
    skip_lines: int = -1
    comment: str = ""
    missing_values: tuple[str, ...] = MISSING_VALUES
    listed: tuple[str, ...] = ()
    drop_columns: tuple[str, ...] = ()
    hash_columns: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    batch_cells: int = 4_000_000

    def __post_init__(self) -> None:
        """Normalize the options, and raise if one is invalid.

        Raises:
            InputError: If the delimiter, the encoding or a name cannot be used.
        """
        for name in ("column_names", "missing_values", "drop_columns", "hash_columns"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.missing_values:
            object.__setattr__(self, "missing_values", MISSING_VALUES)
        if "" not in self.missing_values:
            object.__setattr__(self, "missing_values", ("", *self.missing_values))
        object.__setattr__(self, "delimiter", _delimiter(self.delimiter))
        if (
            len(self.comment) > _LONGEST_COMMENT
            or not self.comment.isprintable()
            or self.comment != self.comment.strip()
        ):
            raise InputError(
                f"the mark of comments must be some visible characters, such as #; got {quote(self.comment)} instead."
            )
        if self.encoding:
            object.__setattr__(self, "encoding", _encoding(self.encoding))
        if self.column_names:
            check_names(self.column_names, where="the option column_names")

    def select_columns(self, names: Iterable[str]) -> list[str]:
        """Return the table's columns to read; all, if it has none of ``only``."""
        present = list(names)
        return [name for name in present if name in self.only] or present

    @property
    def chosen_options(self) -> str:
        """The user's choices as JSON, to read the source again in the same way; empty without choices."""
        default = ReadOptions()
        chosen = {name: getattr(self, name) for name in _CHOSEN if getattr(self, name) != getattr(default, name)}
        return json.dumps(chosen, sort_keys=True) if chosen else ""

    @property
    def for_csv_only(self) -> list[str]:
        """Options that were set and apply only to a CSV."""
        default = ReadOptions()
        chosen = ("column_names", "header", "delimiter", "encoding", "skip_lines", "comment")
        return [f.name for f in fields(self) if f.name in chosen and getattr(self, f.name) != getattr(default, f.name)]


def _delimiter(text: str) -> str:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(delimiter) > 1 or not delimiter.isascii() or delimiter in {'"', "\n", "\r", "\0"} - {""}:
        raise InputError(f"the delimiter must be one ASCII character or the word tab; got {quote(text)} instead.")
    return delimiter


def _encoding(name: str) -> str:
    try:
        codec = codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError) as error:
        raise InputError(
            f"the encoding must be one that Python knows, such as utf-8 or windows-1252; got {quote(name)} instead."
        ) from error
    return codec.name


def check_names(names: Iterable[str], *, where: str) -> None:
    """Raise if column names are empty, repeated or too many.

    Args:
        names: The names, stripped of white space.
        where: Name of their source in messages.

    Raises:
        InputError: If a name is empty or occurs twice, or there are more than ``MAX_COLUMNS``.
    """
    positions: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            raise InputError(f"column {number} of {where} has no name; name every column.")
        if name in positions:
            raise InputError(
                f"{where} has the column {quote(name)} twice, as number {positions[name]} and {number}; "
                "rename one of them."
            )
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise InputError(f"{where} has the column {quote(name)}, which is a pattern and not a name; rename it.")
        positions[name] = number
    if len(positions) > MAX_COLUMNS:
        raise InputError(f"{where} has {len(positions):,} columns; at most {MAX_COLUMNS:,} are read, so select fewer.")


def check_same(names: Iterable[str], *, first: Iterable[str], name: str, first_name: str) -> None:
    """Raise if the columns of a file are not those of the table's first file.

    Raises:
        InputError: If a name differs, naming the first that does.
    """
    columns, first_columns = list(names), list(first)
    if columns == first_columns:
        return
    pairs = zip(columns, first_columns, strict=False)
    number = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(columns), len(first_columns)))
    found, expected = (quote(part[number]) if number < len(part) else "no column" for part in (columns, first_columns))
    raise InputError(
        f"files of one table must have the same columns in the same order; column {number + 1} is {expected} in "
        f"{first_name} and {found} in {name}."
    )


def check_selected(selected: Iterable[str], *, columns: Iterable[str], what: str, source: str) -> None:
    """Raise if an option names a column that the table does not have.

    Raises:
        InputError: If a selected column is absent.
    """
    present = list(columns)
    for name in selected:
        if name not in present:
            examples = ", ".join(quote(column, 40) for column in present[:20])
            more = f" and {len(present) - 20} more" if len(present) > 20 else ""
            raise InputError(f"the column {quote(name)} to {what} is not in {source}; it has {examples}{more}.")


def empty_frame(names: Iterable[str]) -> pl.DataFrame:
    """Return a frame of text columns without rows."""
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
