"""Which rules a table's rows may break, by a summary of its columns, so that valid tables pass fast."""

import math
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

import narwhals as nw
import polars as pl

from headrace.core.contracts.contract import Column, Contract
from headrace.core.validation import row_rules
from headrace.core.validation.row_rules import Rule

ColumnSummaries = dict[str, dict[str, Any]]


def summary(table: pl.DataFrame, columns: Sequence[Column]) -> ColumnSummaries:
    """Return missing counts of each column of n rows, and extreme values where rules need them, in one pass."""
    names = [column.name for column in columns]
    if not names:
        return {"missing": {}, "least": {}, "most": {}}
    ordered = [
        column.name
        for column in columns
        if column.role == "feature" or (column.role != "ignore" and column.dtype in {"integer", "number"})
    ]
    expressions = {"missing": pl.col(names).null_count().name.prefix("missing:")}
    if ordered:
        expressions["least"] = pl.col(ordered).min().name.prefix("least:")
        expressions["most"] = pl.col(ordered).max().name.prefix("most:")
    values = iter(table.select(*expressions.values()).row(0))
    kinds = {"missing": names, "least": ordered, "most": ordered}
    return {kind: dict(zip(group, islice(values, len(group)), strict=True)) for kind, group in kinds.items()}


def find_possible_violations(
    contract: Contract, columns: Sequence[Column], *, summaries: ColumnSummaries, failed: Collection[str]
) -> dict[Rule, nw.Expr]:
    """Return the rules that some row may break, as far as the summary shows.

    Args:
        contract: The table's contract.
        columns: The columns to check.
        summaries: Their ``summary``.
        failed: Columns in which casts failed.

    Returns:
        For each of those rules the expression that flags its violations, as in ``row_rules.flags``.
    """
    return {
        (rule, column.name): row_rules.flag(column, rule)
        for rule, column in row_rules.applicable(contract, columns, failed=failed)
        if _may_break(rule, column, summaries)
    }


def _may_break(rule: str, column: Column, summaries: ColumnSummaries) -> bool:
    if rule == "target_missing":
        return bool(summaries["missing"][column.name])
    # Extreme values inside the bounds prove all others, which saves a pass over the rows.
    if rule in {"finite", "range"}:
        least, most = summaries["least"][column.name], summaries["most"][column.name]
        if least is None:
            return False
        if rule == "finite":
            return not (math.isfinite(least) and math.isfinite(most))
        low, high = column.minimum, column.maximum
        return bool((low is not None and least < low) or (high is not None and most > high))
    return True


def marks(table: pl.DataFrame, flags: dict[Rule, nw.Expr]) -> dict[Rule, pl.Series]:
    """Return a mask (n,) of the violations of each rule, without missing values; unbroken rules are absent."""
    if not flags:
        return {}
    expressions = (flag.fill_null(value=False).alias(f"{position}") for position, flag in enumerate(flags.values()))
    masks = nw.from_native(table).select(*expressions).to_native().get_columns()
    return {rule: mask for rule, mask in zip(flags, masks, strict=True) if mask.any()}
