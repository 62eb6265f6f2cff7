"""What kind of CSV a file is: its delimiter and the names of its columns."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.core.blocks import Block, rows_end
from headrace.core.errors import InputError, shown
from headrace.core.source import MAX_ROW_BYTES, ReadOptions, check_names

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 256 * 1024
SAMPLE_ROWS = 50


@dataclass(frozen=True)
class Dialect:
    """How a CSV is written.

    Attributes:
        delimiter: The character between fields.
        names: Names of the columns, stripped of white space.
        header: Whether the first row holds the names.
    """

    delimiter: str
    names: tuple[str, ...]
    header: bool


def rows_of(text: bytes, *, delimiter: str) -> "Reader":
    """A reader of CSV rows by the standard library: slow, and the measure of what a field is.

    Args:
        text: UTF-8.
        delimiter: The character between fields.
    """
    csv.field_size_limit(2 * MAX_ROW_BYTES)
    return csv.reader(io.StringIO(text.decode(), newline="\n"), delimiter=delimiter, skipinitialspace=True)


def dialect_of(block: Block, *, name: str, options: ReadOptions) -> Dialect:
    """Find out how a CSV is written, from its first rows.

    Args:
        block: The first rows.
        name: The file's name, for messages.
        options: What the user knows about it.

    Raises:
        InputError: If a name of the header is empty or stands twice, or the given names are not as many as the fields.
    """
    sample = _sample(block.data)
    delimiter = options.delimiter or detect_delimiter(sample)
    rows = rows_of(sample, delimiter=delimiter)
    first: list[str] = next((row for row in rows if "".join(row).strip()), [])
    fields = tuple(field.strip() for field in first)
    if not fields:
        raise InputError(f"{name} holds only blank lines; give a table with a header and rows.")
    if options.names:
        if len(options.names) != len(fields):
            raise InputError(
                f"{name} has {len(fields)} fields in its first line, split at {shown(delimiter)}; got "
                f"{len(options.names)} names for them."
            )
        return Dialect(delimiter, options.names, fields == options.names)
    if not options.header:
        return Dialect(delimiter, tuple(f"column_{i}" for i in range(1, len(fields) + 1)), header=False)
    check_names(fields, where=f"the header of {name}")
    return Dialect(delimiter, fields, header=True)


def detect_delimiter(sample: bytes) -> str:
    """The delimiter that splits most rows into as many fields as the first one; a comma if none splits it.

    Args:
        sample: Some whole rows, UTF-8.
    """
    best, best_score = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        counts = [len(row) for _, row in zip(range(SAMPLE_ROWS), rows_of(sample, delimiter=delimiter), strict=False)]
        counts = [count for count in counts if count]
        if not counts or counts[0] < 2:
            continue
        score = (Counter(counts)[counts[0]] / len(counts), counts[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _sample(data: bytes) -> bytes:
    if len(data) <= SAMPLE_BYTES:
        return data
    start = data[:SAMPLE_BYTES]
    end = rows_end(start, marks=start.count(b'"'))
    return data[:end] if end else data
