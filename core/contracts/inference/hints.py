"""What a table's source says of its columns beside their values, brought into its contract."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.inference.identity import as_id, left_out
from headrace.core.contracts.profiling.column_profile import ColumnProfile


def apply_hints(contract: Contract, hints: Mapping[str, Any], *, facts: Mapping[str, ColumnProfile]) -> Contract:
    """A contract with units of a line below the header, a data frame's index as id, and marks that a person chose.

    Args:
        contract: What was inferred from the values.
        hints: What the table's writer knew (``tables.hints``).
        facts: What is known of the columns.
    """
    units = hints.get("units", {})
    ids = [name for name in hints.get("ids", ()) if name in facts]
    columns = tuple(
        replace(column, unit=units[column.name])
        if column.name in units and not column.unit and column.dtype in {"integer", "number"}
        else _index(column, facts[column.name])
        if column.name in ids
        else column
        for column in contract.columns
    )
    marks = tuple(hints.get("missing_values", ())) or contract.missing_values
    return replace(contract, columns=columns, missing_values=marks)


def _index(column: Column, facts: ColumnProfile) -> Column:
    """The index of a data frame: an id, unless it repeats; times and groups stay what they are."""
    if column.role not in {"feature", "ignore"} or column.personal or column.dtype not in {"integer", "string"}:
        return column
    if facts.unique:
        return as_id(column)
    return left_out(column, "It is the index of the data frame, and repeats.")
