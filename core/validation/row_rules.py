"""The rules about a single row, as narwhals expressions that run on any engine."""

from collections.abc import Collection, Iterable

import narwhals as nw

from headrace.core.base.errors import quote
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.vocabulary import ROW_RULES

Rule = tuple[str, str]
"""Name of the rule and of the column."""

_NOUNS = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "timestamp": "a timestamp such as 2026-01-31 or 2026-01-31 12:30:00",
    "picture": "a whole PNG or JPEG file in base64",
}


def failed_name(column: str) -> str:
    """Return the name of the boolean column that flags failed casts of ``column``."""
    return f"_failed:{column}"


def flags(contract: Contract, columns: Iterable[Column], *, failed: Collection[str] = ()) -> dict[Rule, nw.Expr]:
    """Return the expression that flags violations of each rule.

    Args:
        contract: The table's contract.
        columns: The columns to check.
        failed: Columns for which the table holds a boolean column ``failed_name(column)``.

    Returns:
        Boolean expressions over the typed table, true, false or missing in each row; rules that are off are absent.
    """
    return {(rule, column.name): flag(column, rule) for rule, column in applicable(contract, columns, failed=failed)}


def applicable(
    contract: Contract, columns: Iterable[Column], *, failed: Collection[str] = ()
) -> list[tuple[str, Column]]:
    """Return the rules that apply to the rows of a table, as names and columns; rules that are off are absent."""
    enabled = {rule for rule in ROW_RULES if contract.severity(rule) != "off"}
    if contract.task == "anomaly":
        enabled.discard("target_missing")  # few rows have a label
    rules = []
    for column in columns:
        if column.role != "ignore":
            applies = {
                "type": column.name in failed,
                "finite": column.dtype == "number",
                "range": column.minimum is not None or column.maximum is not None,
                "category": column.categories is not None and column.dtype != "boolean" and column.unseen == "refuse",
                "target_missing": column.role == "target",
            }
            rules += [(rule, column) for rule, holds in applies.items() if holds and rule in enabled]
    return rules


def flag(column: Column, rule: str) -> nw.Expr:
    """Return the expression that flags violations of one rule in one column."""
    value = nw.col(column.name)
    if rule == "type":
        return nw.col(failed_name(column.name))
    if rule == "finite":
        return ~value.is_finite()
    if rule == "category":
        return ~value.is_in(categories_of(column))
    if rule == "target_missing":
        return value.is_null()
    if column.minimum is None or column.maximum is None:
        return value > column.maximum if column.minimum is None else value < column.minimum
    return (value < column.minimum) | (value > column.maximum)


def categories_of(column: Column) -> list[str] | list[int] | list[float]:
    """Return the categories of a column as values of its dtype."""
    texts = column.categories or ()
    if column.dtype == "integer":
        return [int(text) for text in texts]
    if column.dtype == "number":
        return [float(text) for text in texts]
    return list(texts)


def _noun(column: Column) -> str:
    if column.format and column.dtype in {"integer", "number"}:
        return f"{_NOUNS[column.dtype]}, written like {column.format}"
    if column.format and column.dtype == "timestamp":
        return f"{_NOUNS[column.dtype]}, or one written {column.format}"
    return _NOUNS[column.dtype]


def expectation(column: Column, rule: str) -> str:
    """Return what a value of a column must be, as the words after *must be*."""
    if rule in {"type", "finite"}:
        return "a finite number" if rule == "finite" else _noun(column)
    if rule == "category":
        texts = list(column.categories or ())
        more = f" or {len(texts) - 8} more" if len(texts) > 8 else ""
        return f"one of {', '.join(quote(text, 40) for text in texts[:8])}{more}"
    if rule == "range":
        low, high = column.minimum, column.maximum
        unit = f" {column.unit}" if column.unit else ""
        if low is None or high is None:
            return f"at least {low:g}{unit}" if low is not None else f"at most {high:g}{unit}"
        return f"from {low:g} to {high:g}{unit}"
    return "present"
