"""One schema for the Parquet files of a table."""

from dataclasses import dataclass, field

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.base.notes import Note
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.widening import wider


@dataclass
class UnifiedSchema:
    """The one schema of a table's files, as far as they have been read.

    Attributes:
        collector: Receives notes on widened columns.
        first: Name of the first file.
        schema: Types by column; Null where no file had a value yet.
    """

    collector: NoteCollector
    first: str = ""
    schema: dict[str, pl.DataType] = field(default_factory=dict)

    def conform(self, frame: pl.DataFrame, *, name: str) -> pl.DataFrame:
        """Return the frame in the order and the types of the table; a wider type applies from then on.

        Args:
            frame: Rows (n) of plain types, or all null, with the table's columns.
            name: The file's name, for messages.

        Raises:
            InputError: If the type of a column is not compatible with that in earlier files.
        """
        if not self.schema:
            self.schema, self.first = dict(frame.schema), name
        for column, expected in self.schema.items():
            actual = frame.schema[column]
            widened = wider(expected, actual)
            if widened is None:
                raise InputError(
                    f"files of one table must have the same types; the column {quote(column)} is {expected} in "
                    f"{self.first} and {actual} in {name}."
                )
            if pl.Null not in (expected, actual) and expected != actual:
                self.collector.add(_note(column))
            self.schema[column] = widened
        types = {column: pl.String() if dtype == pl.Null else dtype for column, dtype in self.schema.items()}
        schema = pl.Schema(types)
        return frame if frame.schema == schema else frame.select(schema.names()).cast(schema)


def _note(column: str) -> Note:
    return Note(
        "info",
        column,
        "widened",
        0,
        f"The column {quote(column)} holds whole numbers in some files and other numbers in others: all are numbers.",
        "",
    )
