"""Types of parts of one table, brought to one: whole numbers and numbers, missing values and any."""

import polars as pl


def wider(first: pl.DataType, second: pl.DataType) -> pl.DataType | None:
    """The type that holds the values of both; None if there is none but text."""
    if second in {first, pl.Null()}:
        return first
    if first == pl.Null:
        return second
    return pl.Float64() if {first, second} == {pl.Int64, pl.Float64} else None


def widen_schema(schema: pl.Schema, frame: pl.DataFrame) -> pl.Schema | None:
    """The schema that holds a table and further rows of it; None if there is none.

    Args:
        schema: The table's.
        frame: The rows.
    """
    if schema.names() != frame.columns:
        return None
    types = {}
    for column, known in schema.items():
        found = frame.schema[column]
        empty = found == pl.String and frame.get_column(column).null_count() == frame.height
        wide = known if empty else wider(known, found)
        if wide is None and known != pl.String:
            return None
        types[column] = found if wide is None else wide
    return pl.Schema(types)
