"""Applies what a table's source records about its columns, besides their values, to the contract."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.profiling.column_profile import ColumnProfile
from headrace.core.contracts.table_inference.identity import as_id, as_ignored


def apply_hints(contract: Contract, hints: Mapping[str, Any], *, profiles: Mapping[str, ColumnProfile]) -> Contract:
    """Return the contract with units from below the header, a data frame's index as id, and declared missing marks.

    Args:
        contract: The contract as inferred from the values.
        hints: What the table's writer recorded (``parquet_table.hints``).
        profiles: The profile of each column.
    """
    units = hints.get("units", {})
    ids = [name for name in hints.get("ids", ()) if name in profiles]
    columns = tuple(
        replace(column, unit=units[column.name])
        if column.name in units and not column.unit and column.dtype in {"integer", "number"}
        else _index(column, profiles[column.name])
        if column.name in ids
        else column
        for column in contract.columns
    )
    marks = tuple(hints.get("missing_values", ())) or contract.missing_values
    return replace(contract, columns=columns, missing_values=marks)


def _index(column: Column, profile: ColumnProfile) -> Column:
    """Return the index of a data frame as an id, or as ignored if it repeats; times and groups stay as they are."""
    if column.role not in {"feature", "ignore"} or column.personal or column.dtype not in {"integer", "string"}:
        return column
    if profile.unique:
        return as_id(column)
    return as_ignored(column, "It is the index of the data frame, and repeats.")
