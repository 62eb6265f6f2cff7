"""A contract made wider for new rows, as far as a person allowed it, with every difference in words."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import polars as pl

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.monitors.decisions.policy import Widening
from headrace.core.validation.block import validate_block
from headrace.registry.models.contract_changes import differences

REQUEST_TIME = "request_time"
MOST_NEW_CATEGORIES = 100


@dataclass(frozen=True)
class WidenedContract:
    """A contract and how it differs from the one before.

    Attributes:
        contract: The contract.
        changes: The differences, a clause each; empty if nothing had to become wider.
    """

    contract: Contract
    changes: tuple[str, ...]


def with_time_column(contract: Contract) -> Contract:
    """Return the contract with a time column, by which the newest rows are held out.

    A contract that names none gets the column ``request_time``: the time of the request. It is no input of the model.
    """
    if contract.time_column:
        return contract
    name = REQUEST_TIME
    while name in contract.names | {feature.name for feature in contract.features}:
        name += "_"
    column = Column(name, "timestamp", "timestamp", description="time of the request, in UTC")
    return replace(contract, columns=(*contract.columns, column), time_column=name)


def widen_contract(contract: Contract, rows: pl.DataFrame, *, allowed: Collection[Widening]) -> WidenedContract:
    """Make a contract wide enough for new rows.

    Only inputs become wider: categories of texts, ranges of numbers, and shares of missing values.

    Args:
        contract: The contract before.
        rows: Raw rows (n), with every column of the contract.
        allowed: What may become wider.

    Raises:
        InputError: If a column has more than a hundred new categories: those are no categories.
    """
    open_rules = {**contract.rules, "range": "off", "category": "off"}
    typed = validate_block(rows, replace(contract, rules=open_rules)).valid
    names = {column.name for column in contract.inputs}
    columns = tuple(
        _widen_column(column, typed.get_column(column.name), allowed) if column.name in names else column
        for column in contract.columns
    )
    widened = replace(contract, columns=columns)
    clauses = [change.text for change in differences(contract, widened)]
    shares = [
        f"up to {new.missing:.1%} of {new.name} may be missing, instead of {old.missing:.1%}"
        for old, new in zip(contract.columns, columns, strict=True)
        if 0 < old.missing < new.missing
    ]
    return WidenedContract(widened, (*clauses, *shares))


def _widen_column(column: Column, values: pl.Series, allowed: Collection[Widening]) -> Column:
    """Return the column, as wide as its typed values (n) need."""
    if "missing" in allowed and values.len():
        column = replace(column, missing=max(column.missing, values.null_count() / values.len()))
    present = values.drop_nulls()
    if "range" in allowed and column.dtype in {"integer", "number"} and present.len():
        low, high = float(present.min()), float(present.max())  # type: ignore[arg-type]  # numbers, by the dtype
        column = replace(
            column,
            minimum=None if column.minimum is None else min(column.minimum, low),
            maximum=None if column.maximum is None else max(column.maximum, high),
        )
    if "categories" in allowed and column.dtype == "string" and column.categories is not None:
        new = sorted(set(present.cast(pl.String).unique()) - set(column.categories))
        if len(new) > MOST_NEW_CATEGORIES:
            raise InputError(
                f"{column.name} has {len(new):,} categories that the contract lacks, more than {MOST_NEW_CATEGORIES}: "
                "correct the data, or edit the contract."
            )
        column = replace(column, categories=(*column.categories, *new))
    return column
