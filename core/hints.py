"""What a table's source says of its columns beside their values, brought into its contract."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core.contract import Contract


def hinted(contract: Contract, hints: Mapping[str, Any]) -> Contract:
    """A contract with the units of a line below the header, and the marks for missing values that a person chose.

    Args:
        contract: What was inferred from the values.
        hints: What the table's writer knew (``tables.hints``).
    """
    units = hints.get("units", {})
    columns = tuple(
        replace(column, unit=units[column.name])
        if column.name in units and not column.unit and column.dtype in {"integer", "number"}
        else column
        for column in contract.columns
    )
    marks = tuple(hints.get("missing_values", ())) or contract.missing_values
    return replace(contract, columns=columns, missing_values=marks)
