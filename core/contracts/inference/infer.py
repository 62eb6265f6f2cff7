"""The data contract of a table that has none yet, or a person's contract held against a table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core.base.errors import DataError, InputError, MissingError, quote
from headrace.core.base.notes import Note, as_json
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.contract_yaml import load
from headrace.core.contracts.inference import identity, inference_notes, open_categories, positive_class, sentinels
from headrace.core.contracts.inference.agreement import ContractHints, check_agreement, require_name
from headrace.core.contracts.inference.hints import apply_hints
from headrace.core.contracts.inference.target import as_numbers, classes, guess_task
from headrace.core.contracts.profiling import standing_rows
from headrace.core.contracts.profiling.column_defaults import (
    allowed_missing,
    input_column,
    is_named_like_id,
    row_features,
)
from headrace.core.contracts.profiling.column_profile import ColumnProfile, survey
from headrace.core.contracts.profiling.conventions import WritingConventions
from headrace.core.tables import parquet_table


@dataclass(frozen=True)
class InferredContract:
    """A table's contract, and what a person should know of how it was inferred.

    Attributes:
        contract: The contract.
        notes: What was guessed.
    """

    contract: Contract
    notes: tuple[Note, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What the contract's metadata tell: task, number of columns and of row features, notes."""
        made = self.contract
        counts = {"task": made.task, "columns": len(made.columns), "features": len(made.features)}
        return {**counts, "notes": as_json(self.notes)}


def infer_contract(  # noqa: PLR0913 - the component's parameters
    table: Path | str,
    *,
    name: str,
    target: str,
    task: str = "",
    time_column: str = "",
    id_columns: Sequence[str] = (),
    group_column: str = "",
    drop: Sequence[str] = (),
    hash: Sequence[str] = (),  # noqa: A002 - the user's word
    positive: str = "",
    given: Path | str = "",
    country: str = "",
) -> Contract:
    """Infer the contract of a table, or hold a person's against it.

    Args:
        table: Folder of the raw table.
        name: Name of the contract and of the model.
        target: Column to predict.
        task: ``binary``, ``multiclass`` or ``regression``; empty to infer it.
        time_column: Timestamp by which the table is to be split.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values are to stay on one side of the split.
        drop: Columns to leave out; those that the table no longer has are no matter.
        hash: Columns that are, or are to be, hashed.
        positive: The positive class of a binary task.
        given: File of a contract that a person made; empty to infer one.
        country: ISO 3166 code of the country whose public holidays matter.

    Returns:
        The contract.

    Raises:
        MissingError: If the given contract does not exist.
        InputError: If a column that is named is absent, or the given contract contradicts the table or
            the other wishes.
        DataError: If the target cannot be predicted.
    """
    wishes = ContractHints(
        task, time_column, tuple(id_columns), group_column, tuple(drop), tuple(hash), positive, country
    )
    return infer_with_notes(table, name=name, target=target, wishes=wishes, given=given).contract


def infer_with_notes(
    table: Path | str, *, name: str, target: str, wishes: ContractHints, given: Path | str = ""
) -> InferredContract:
    """Infer the contract of a table, or hold a person's against it, and say what was guessed.

    Args:
        table: Folder of the raw table.
        name: Name of the contract and of the model.
        target: Column to predict.
        wishes: What else a person says.
        given: File of a contract that a person made; empty to infer one.

    Raises:
        MissingError: If the given contract does not exist.
        InputError: If a column that is named is absent, or the given contract contradicts the table or
            the other wishes.
        DataError: If the target cannot be predicted.
    """
    customs = WritingConventions(wishes.decimal, wishes.thousands, wishes.country)  # type: ignore[arg-type]
    rows = parquet_table.scan(Path(table))
    names = rows.collect_schema().names()
    if given:
        return InferredContract(check_agreement(load(given), names, target=target, wishes=wishes))
    for wanted, what in _requested_columns(target, wishes):
        require_name(wanted, names, what=what)
    rows, facts, told = standing_rows.survey_standing_rows(
        rows,
        target=target,
        survey=partial(survey, texts=[target], customs=customs),
        ignored=(*wishes.drop, *wishes.hash),
    )
    if not next(iter(facts.values())).rows:
        raise DataError("the table must have rows, but has none; give a table with data.")
    contract = apply_hints(
        _contract(rows, facts, name=name, target=target, wishes=wishes), parquet_table.hints(Path(table)), facts=facts
    )
    wished = [wishes.time_column, wishes.group_column, *wishes.id_columns, *wishes.drop, *wishes.hash]
    told += inference_notes.of_task(facts[target], contract, asked=wishes.task)
    if contract.task == "binary":
        counts = positive_class.class_rows(rows, contract.target)
        found = positive_class.choose(contract.target.categories or (), rows=counts, positive=wishes.positive)
        contract = replace(contract, positive=found.name)
        told += inference_notes.of_positive(found, contract, counts)
    told += inference_notes.of_columns(contract, facts, wished=wished)
    told += identity.identity_notes(contract, group=wishes.group_column, ids=wishes.id_columns)
    told += sentinels.sentinel_notes(rows, facts, {column.name: column for column in contract.columns})
    told += open_categories.open_notes({column.name: column for column in contract.columns})
    told += [note for item in facts.values() for note in item.notes]
    return InferredContract(contract, tuple(told))


def _requested_columns(target: str, wishes: ContractHints) -> list[tuple[str, str]]:
    named = [(target, "target"), (wishes.time_column, "time column"), (wishes.group_column, "group column")]
    named += [(column, "id column") for column in wishes.id_columns]
    named += [(column, "column to hash") for column in wishes.hash]
    return [(column, what) for column, what in named if column or what == "target"]


def _contract(
    rows: pl.LazyFrame, facts: dict[str, ColumnProfile], *, name: str, target: str, wishes: ContractHints
) -> Contract:
    task = guess_task(facts[target], task=wishes.task)
    goal = as_numbers(facts[target], task=wishes.task)
    names = classes(goal) if task != "regression" else ()
    columns = {}
    for item in facts.values():
        columns[item.name] = _requested_column(item, wishes) or input_column(item)
    columns[target] = Column(
        target,
        goal.dtype,
        "target",
        unit=goal.unit,
        categories=names or None,
        missing=allowed_missing(goal),
        format=goal.format,
    )
    keys = _keys(rows, facts, columns, wishes)
    for key in keys:
        if columns[key].role in {"feature", "ignore"} and not columns[key].personal:
            columns[key] = replace(
                columns[key],
                role="id",
                categories=None,
                minimum=None,
                maximum=None,
                description=identity.ANOTHER,
            )
    columns = identity.assign_identity_roles(rows, facts, columns, keys=keys, group=wishes.group_column)
    columns = open_categories.open_incomplete_lists(rows, columns)
    times = [facts[item.name] for item in columns.values() if item.role == "timestamp"]
    return Contract(
        name=name,
        task=task,
        columns=tuple(columns.values()),
        features=row_features(times, country=wishes.country, taken=columns),
        keys=keys,
        time_column=wishes.time_column,
    )


def _requested_column(facts: ColumnProfile, wishes: ContractHints) -> Column | None:
    """The column as the user's wishes make it; None if there are none about it."""
    name = facts.name
    if name in wishes.drop:
        return Column(name, facts.dtype, "ignore", "It was asked to be dropped.", personal="drop", format=facts.format)
    hidden = name in wishes.hash
    dtype = "string" if hidden else facts.dtype
    missing = allowed_missing(facts)
    personal, form = ("hash", "") if hidden else ("", facts.format)
    if name == wishes.time_column:
        if facts.dtype != "timestamp":
            raise InputError(
                f"the time column {quote(name)} must hold timestamps, but holds {facts.dtype} values; choose another."
            )
        return Column(name, "timestamp", "timestamp", missing=missing, format=form)
    if name == wishes.group_column:
        return Column(name, dtype, "group", missing=missing, personal=personal, format=form)  # type: ignore[arg-type]
    if name in wishes.id_columns:
        return Column(name, dtype, "id", missing=missing, personal=personal, format=form)  # type: ignore[arg-type]
    if hidden:
        return Column(name, "string", "ignore", "It was asked to be hashed.", personal="hash", missing=missing)
    return None


def _keys(
    rows: pl.LazyFrame, facts: dict[str, ColumnProfile], columns: dict[str, Column], wishes: ContractHints
) -> tuple[str, ...]:
    """The id columns if together they tell the rows apart, else the first column that looks like an id and does."""
    kept = [name for name, column in columns.items() if column.personal != "drop"]
    wished = tuple(name for name in wishes.id_columns if name in kept)
    if wished:
        return wished if _tell_apart(rows, wished) else ()
    for name in kept:
        item = facts[name]
        looks = is_named_like_id(name) or (item.dtype == "integer" and item.most - item.least == item.rows - 1)
        candidate = columns[name].role in {"feature", "ignore", "id"} and item.dtype in {"integer", "string"}
        if candidate and item.rows >= 20 and item.missing == 0 and item.unique and looks and _tell_apart(rows, (name,)):
            return (name,)
    return ()


def _tell_apart(rows: pl.LazyFrame, names: tuple[str, ...]) -> bool:
    total = pl.len()
    different = pl.struct(names).n_unique()
    row = rows.select(total.alias("rows"), different.alias("different")).collect(engine="streaming").row(0)
    return bool(row[0] == row[1])


__all__ = [
    "ContractHints",
    "InferredContract",
    "MissingError",
    "check_agreement",
    "infer_contract",
    "infer_with_notes",
    "require_name",
]
