"""Which rules the rows of a table may break, told from a summary of its columns, so that sound tables are fast."""

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
    """Missing values of each column, least and largest values of those that rules ask for, in one pass."""
    names = [column.name for column in columns]
    if not names:
        return {"missing": {}, "least": {}, "most": {}}
    ordered = [
        column.name
        for column in columns
        if column.role == "feature" or (column.role != "ignore" and column.dtype in {"integer", "number"})
    ]
    asked = {"missing": pl.col(names).null_count().name.prefix("missing:")}
    if ordered:
        asked["least"] = pl.col(ordered).min().name.prefix("least:")
        asked["most"] = pl.col(ordered).max().name.prefix("most:")
    values = iter(table.select(*asked.values()).row(0))
    kinds = {"missing": names, "least": ordered, "most": ordered}
    return {kind: dict(zip(of, islice(values, len(of)), strict=True)) for kind, of in kinds.items()}


def find_possible_violations(
    contract: Contract, columns: Sequence[Column], *, facts: ColumnSummaries, failed: Collection[str]
) -> dict[Rule, nw.Expr]:
    """The rules that some row may break, as far as the summary can tell.

    Args:
        contract: The table's contract.
        columns: The columns to look at.
        facts: What ``summary`` says of them.
        failed: Columns in which casts failed.

    Returns:
        Where each of those rules is broken, as ``rules.flags`` gives it.
    """
    return {
        (rule, column.name): row_rules.flag(column, rule)
        for rule, column in row_rules.applicable(contract, columns, failed=failed)
        if _may_break(rule, column, facts)
    }


def _may_break(rule: str, column: Column, facts: ColumnSummaries) -> bool:
    if rule == "target_missing":
        return bool(facts["missing"][column.name])
    if rule in {"finite", "range"}:
        least, most = facts["least"][column.name], facts["most"][column.name]
        if least is None:
            return False
        if rule == "finite":
            return not (math.isfinite(least) and math.isfinite(most))
        low, high = column.minimum, column.maximum
        return bool((low is not None and least < low) or (high is not None and most > high))
    return True


def marks(table: pl.DataFrame, flags: dict[Rule, nw.Expr]) -> dict[Rule, pl.Series]:
    """Which rows break each rule, as masks (n,) without missing values; rules that no row breaks are absent."""
    if not flags:
        return {}
    flat = (flag.fill_null(value=False).alias(f"{place}") for place, flag in enumerate(flags.values()))
    masks = nw.from_native(table).select(*flat).to_native().get_columns()
    return {rule: mask for rule, mask in zip(flags, masks, strict=True) if mask.any()}
