"""Rows to score against the contract: all of a block at once, by the rules of a server's door."""

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from headrace.core.base.errors import DataError, quote
from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column, Contract
from headrace.core.validation.row_rules import Rule
from headrace.core.validation.rule_masks import evaluate_rules, refused_rows


@dataclass(frozen=True)
class ScoringValidation:
    """Rows of a block against the contract.

    Attributes:
        table: Typed rows, all of them (n), with the contract's inputs.
        broken: Where each rule is broken (n,); rules that no row breaks are absent.
        refused: Which rows get no prediction (n,).
    """

    table: pl.DataFrame
    broken: Mapping[Rule, pl.Series]
    refused: pl.Series


def judge(frame: pl.DataFrame, contract: Contract) -> ScoringValidation:
    """Hold raw rows against the contract, as ``records.judged`` does with a request.

    Two things differ, because a table is not a request: a bad row is refused alone, and columns that the contract does
    not know may come along.

    Args:
        frame: Raw rows (n), of any dtypes.
        contract: The contract.

    Raises:
        DataError: If an input column is absent, unless the contract lets that pass.
    """
    absent = [column for column in contract.inputs if column.name not in frame.columns]
    if absent and contract.refuses("columns"):
        raise DataError(
            f"the table must hold each column that the model needs; {quote([column.name for column in absent])} are "
            f"absent; it holds {quote(frame.columns, 300) if frame.width else 'none of them'}."
        )
    there = [column for column in contract.inputs if column.name in frame.columns]
    table, broken = frame, dict[Rule, pl.Series]()
    if there:
        found = evaluate_rules(frame, there, contract)
        table, broken = found.frame, {**found.masks}
        broken |= found.missing(there) if contract.severity("missing") != "off" else {}
    if contract.severity("columns") == "warn":
        broken |= {("columns", column.name): _all(frame, value=True) for column in absent}
    infinite = _infinite(table, there, contract)
    refused = functools.reduce(operator.or_, infinite.values(), refused_rows(broken, contract, rows=frame.height))
    if absent:
        table = table.with_columns(pl.lit(None, casting.DTYPES[column.dtype]).alias(column.name) for column in absent)
    names = [column.name for column in contract.inputs]
    return ScoringValidation(table if table.columns == names else table.select(names), infinite | broken, refused)


def _infinite(table: pl.DataFrame, there: Sequence[Column], contract: Contract) -> dict[Rule, pl.Series]:
    """Where a feature is infinite, which no model takes, though the contract may let it pass."""
    if contract.refuses("finite"):
        return {}
    numbers = [column.name for column in there if column.dtype == "number" and column.role == "feature"]
    masks = {name: table.get_column(name).is_infinite().fill_null(value=False) for name in numbers}
    return {("finite", name): mask for name, mask in masks.items() if mask.any()}


def _all(frame: pl.DataFrame, *, value: bool) -> pl.Series:
    return pl.repeat(value, frame.height, dtype=pl.Boolean, eager=True)
