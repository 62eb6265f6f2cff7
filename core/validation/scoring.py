"""Validation of rows to score, a block at a time, by the rules that a server applies to a request."""

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
    """The validation of a block of rows to score.

    Attributes:
        table: All n rows, typed, with the contract's inputs.
        broken: A mask (n,) of violations by rule; rules without violations are absent.
        refused: The mask (n,) of rows that get no prediction.
    """

    table: pl.DataFrame
    broken: Mapping[Rule, pl.Series]
    refused: pl.Series


def validate_for_scoring(frame: pl.DataFrame, contract: Contract) -> ScoringValidation:
    """Validate raw rows against the contract, as ``records.validate_with_warnings`` does with a request.

    Two things differ, because a table is not a request: an invalid row is refused alone, and columns outside the
    contract are allowed.

    Args:
        frame: Raw rows (n), of any dtypes.
        contract: The contract.

    Raises:
        DataError: If an input column is absent and the contract refuses that.
    """
    absent = [column for column in contract.inputs if column.name not in frame.columns]
    if absent and contract.refuses("columns"):
        raise DataError(
            f"the table must hold each column that the model needs; {quote([column.name for column in absent])} are "
            f"absent; it holds {quote(frame.columns, 300) if frame.width else 'none of them'}."
        )
    present = [column for column in contract.inputs if column.name in frame.columns]
    table, broken = frame, dict[Rule, pl.Series]()
    if present:
        evaluated = evaluate_rules(frame, present, contract)
        table, broken = evaluated.frame, {**evaluated.masks}
        broken |= evaluated.missing(present) if contract.severity("missing") != "off" else {}
    if contract.severity("columns") == "warn":
        broken |= {("columns", column.name): _all(frame, value=True) for column in absent}
    infinite = _infinite(table, present, contract)
    refused = functools.reduce(operator.or_, infinite.values(), refused_rows(broken, contract, rows=frame.height))
    if absent:
        table = table.with_columns(pl.lit(None, casting.DTYPES[column.dtype]).alias(column.name) for column in absent)
    names = [column.name for column in contract.inputs]
    return ScoringValidation(table if table.columns == names else table.select(names), infinite | broken, refused)


def _infinite(table: pl.DataFrame, present: Sequence[Column], contract: Contract) -> dict[Rule, pl.Series]:
    """Return masks of infinite features, which no model accepts, where the contract allows them."""
    if contract.refuses("finite"):
        return {}
    numbers = [column.name for column in present if column.dtype == "number" and column.role == "feature"]
    masks = {name: table.get_column(name).is_infinite().fill_null(value=False) for name in numbers}
    return {("finite", name): mask for name, mask in masks.items() if mask.any()}


def _all(frame: pl.DataFrame, *, value: bool) -> pl.Series:
    return pl.repeat(value, frame.height, dtype=pl.Boolean, eager=True)
