"""One type for the parts of a table: of whole numbers and numbers, of missing values and any type."""

import polars as pl


def wider(first: pl.DataType, second: pl.DataType) -> pl.DataType | None:
    """Return the type that holds the values of both; None if only text does."""
    if second in {first, pl.Null()}:
        return first
    if first == pl.Null:
        return second
    return pl.Float64() if {first, second} == {pl.Int64, pl.Float64} else None


def widen_schema(schema: pl.Schema, frame: pl.DataFrame) -> pl.Schema | None:
    """Return the schema that holds a table and further rows of it; None if they are not compatible.

    Args:
        schema: The table's.
        frame: The rows (n).
    """
    if schema.names() != frame.columns:
        return None
    types = {}
    for column, current in schema.items():
        dtype = frame.schema[column]
        is_empty = dtype == pl.String and frame.get_column(column).null_count() == frame.height
        widened = current if is_empty else wider(current, dtype)
        if widened is None and current != pl.String:
            return None
        types[column] = dtype if widened is None else widened
    return pl.Schema(types)
