"""The rules about one row, as narwhals expressions that any engine can run."""

from collections.abc import Collection, Iterable

import narwhals as nw

from headrace.core.contract import Column, Contract, Severity
from headrace.core.errors import shown

Rule = tuple[str, str]
"""Name of the rule and of the column."""

_NOUNS = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "timestamp": "a timestamp such as 2026-01-31 or 2026-01-31 12:30:00",
}


def failed_name(column: str) -> str:
    """Name of the boolean column that tells where the cast of ``column`` failed."""
    return f"_failed:{column}"


def flags(contract: Contract, columns: Iterable[Column], *, failed: Collection[str] = ()) -> dict[Rule, nw.Expr]:
    """Where each rule is broken.

    Args:
        contract: The table's contract.
        columns: The columns to look at.
        failed: Columns for which the table holds a boolean column ``failed_name(column)``.

    Returns:
        Boolean expressions over the typed table, true or missing in each row; rules that are off are absent.
    """
    found: dict[Rule, nw.Expr] = {}
    for column in columns:
        if column.name in failed:
            found["type", column.name] = nw.col(failed_name(column.name))
        if column.role != "ignore":
            found.update({(rule, column.name): flag for rule, flag in _value_flags(column).items()})
    return {rule: flag for rule, flag in found.items() if severity(contract, rule) != "off"}


def _value_flags(column: Column) -> dict[str, nw.Expr]:
    value, found = nw.col(column.name), {}
    if column.dtype == "number":
        found["finite"] = ~value.is_finite()
    outside = [value < column.minimum] if column.minimum is not None else []
    outside += [value > column.maximum] if column.maximum is not None else []
    if outside:
        found["range"] = outside[0] if len(outside) == 1 else outside[0] | outside[1]
    if column.categories is not None and column.dtype != "boolean":
        found["category"] = ~value.is_in(listed(column))
    if column.role == "target":
        found["target_missing"] = value.is_null()
    return found


def listed(column: Column) -> list[str] | list[int] | list[float]:
    """The categories of a column as values of its dtype."""
    texts = column.categories or ()
    if column.dtype == "integer":
        return [int(text) for text in texts]
    if column.dtype == "number":
        return [float(text) for text in texts]
    return list(texts)


def severity(contract: Contract, rule: Rule) -> Severity:
    """What happens when a rule is broken in a column; an ignored column never costs a row."""
    name, column = rule
    found = contract.severity(name)
    if column and contract.column(column).role == "ignore" and found in {"quarantine", "stop"}:
        return "warn"
    return found


def expected(column: Column, rule: str) -> str:
    """What a value of a column must be, to stand after *must be*."""
    if rule in {"type", "finite"}:
        return "a finite number" if rule == "finite" else _NOUNS[column.dtype]
    if rule == "category":
        texts = list(column.categories or ())
        more = f" or {len(texts) - 8} more" if len(texts) > 8 else ""
        return f"one of {', '.join(shown(text, 40) for text in texts[:8])}{more}"
    if rule == "range":
        low, high = column.minimum, column.maximum
        unit = f" {column.unit}" if column.unit else ""
        if low is None or high is None:
            return f"at least {low:g}{unit}" if low is not None else f"at most {high:g}{unit}"
        return f"from {low:g} to {high:g}{unit}"
    return "present"
