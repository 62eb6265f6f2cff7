"""One schema for the Parquet files of a table."""

from dataclasses import dataclass, field

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.base.notes import Note
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.widening import wider


@dataclass
class UnifiedSchema:
    """The one schema of a table's files, as far as they are read.

    Attributes:
        told: Takes what was widened.
        first: Name of the first file.
        schema: Types by column; Null where no file held a value yet.
    """

    told: NoteCollector
    first: str = ""
    schema: dict[str, pl.DataType] = field(default_factory=dict)

    def conform(self, frame: pl.DataFrame, *, name: str) -> pl.DataFrame:
        """A frame in the order and the types of the table; a type that is wider counts from there on.

        Args:
            frame: Rows of plain types, or of nulls only, with the table's columns.
            name: The file's name, for messages.

        Raises:
            InputError: If a column has a type that does not go with that of the files before.
        """
        if not self.schema:
            self.schema, self.first = dict(frame.schema), name
        for column, known in self.schema.items():
            found = frame.schema[column]
            wide = wider(known, found)
            if wide is None:
                raise InputError(
                    f"files of one table must have the same types; the column {quote(column)} is {known} in "
                    f"{self.first} and {found} in {name}."
                )
            if pl.Null not in (known, found) and known != found:
                self.told.add(_note(column))
            self.schema[column] = wide
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
