"""Rows to score against the contract: all of a block at once, by the rules of a server's door."""

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from headrace.core import casts, rules
from headrace.core.check import marked
from headrace.core.contract import Column, Contract
from headrace.core.errors import DataError, shown
from headrace.core.rules import Rule
from headrace.core.suspects import marks, summary, suspected

_REFUSING = frozenset({"quarantine", "stop"})


@dataclass(frozen=True)
class Judged:
    """Rows of a block against the contract.

    Attributes:
        table: Typed rows, all of them (n), with the contract's inputs.
        broken: Where each rule is broken (n,); rules that no row breaks are absent.
        refused: Which rows get no prediction (n,).
    """

    table: pl.DataFrame
    broken: Mapping[Rule, pl.Series]
    refused: pl.Series


def judge(frame: pl.DataFrame, contract: Contract) -> Judged:
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
    if absent and contract.severity("columns") in _REFUSING:
        raise DataError(
            f"the table must hold each column that the model needs; {shown([column.name for column in absent])} are "
            f"absent; it holds {shown(frame.columns, 300) if frame.width else 'none of them'}."
        )
    there = [column for column in contract.inputs if column.name in frame.columns]
    table, broken = _checked(frame, there, contract)
    broken |= _missing(table, there, contract)
    if contract.severity("columns") == "warn":
        broken |= {("columns", column.name): _all(frame, value=True) for column in absent}
    aside = [mask for (rule, _), mask in broken.items() if contract.severity(rule) in _REFUSING]
    infinite = _infinite(table, there, contract)
    refused = functools.reduce(operator.or_, [*aside, *infinite.values()], _all(frame, value=False))
    if absent:
        table = table.with_columns(pl.lit(None, casts.DTYPES[column.dtype]).alias(column.name) for column in absent)
    names = [column.name for column in contract.inputs]
    return Judged(table if table.columns == names else table.select(names), infinite | broken, refused)


def _checked(
    frame: pl.DataFrame, there: Sequence[Column], contract: Contract
) -> tuple[pl.DataFrame, dict[Rule, pl.Series]]:
    """The typed table, and the marks of all rules about values."""
    if not there:
        return frame, {}
    typed = casts.typed(frame, there, missing_values=contract.missing_values)
    table = marked(typed)

    def marks_of(table: pl.DataFrame) -> dict[Rule, pl.Series]:
        return marks(table, suspected(contract, there, facts=summary(table, there), failed=typed.failed))

    broken = marks_of(table)
    strange = [name for rule, name in broken if rule == "category" and table.schema[name] == pl.String]
    if strange:  # some of them may be texts that stand for a missing value
        table = casts.unmasked(table, strange, missing_values=contract.missing_values)
        broken = marks_of(table)
    return table, broken


def _missing(table: pl.DataFrame, there: Sequence[Column], contract: Contract) -> dict[Rule, pl.Series]:
    """Where a value is missing that must not be; one that could not be cast breaks the rule ``type`` already."""
    if contract.severity("missing") == "off":
        return {}
    found: dict[Rule, pl.Series] = {}
    for column in there:
        if column.missing == 0 and column.role != "ignore" and table.get_column(column.name).null_count():
            mask = table.get_column(column.name).is_null()
            failed = rules.failed_name(column.name)
            mask = mask & ~table.get_column(failed) if failed in table.columns else mask
            if mask.any():
                found["missing", column.name] = mask
    return found


def _infinite(table: pl.DataFrame, there: Sequence[Column], contract: Contract) -> dict[Rule, pl.Series]:
    """Where a feature is infinite, which no model takes, though the contract may let it pass."""
    if contract.severity("finite") in _REFUSING:
        return {}
    numbers = [column.name for column in there if column.dtype == "number" and column.role == "feature"]
    masks = {name: table.get_column(name).is_infinite().fill_null(value=False) for name in numbers}
    return {("finite", name): mask for name, mask in masks.items() if mask.any()}


def _all(frame: pl.DataFrame, *, value: bool) -> pl.Series:
    return pl.repeat(value, frame.height, dtype=pl.Boolean, eager=True)
