"""The data contract of a table: inferred, or a user's contract checked against the table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core.base.errors import DataError, InputError, MissingError, quote
from headrace.core.base.notes import Note, as_json
from headrace.core.contracts.contract import Column, Contract, Task
from headrace.core.contracts.contract_yaml import load
from headrace.core.contracts.profiling import standing_rows
from headrace.core.contracts.profiling.column_defaults import (
    allowed_missing,
    input_column,
    is_named_like_id,
    row_features,
)
from headrace.core.contracts.profiling.column_profile import ColumnProfile, profile_columns
from headrace.core.contracts.profiling.conventions import WritingConventions
from headrace.core.contracts.table_inference import (
    identity,
    inference_notes,
    open_categories,
    positive_class,
    sentinels,
)
from headrace.core.contracts.table_inference.agreement import ContractHints, check_agreement, require_name
from headrace.core.contracts.table_inference.hints import apply_hints
from headrace.core.contracts.table_inference.target import as_numbers, classes, guess_task
from headrace.core.tables import parquet_table


@dataclass(frozen=True)
class InferredContract:
    """A table's contract, and notes on how it was inferred.

    Attributes:
        contract: The contract.
        notes: What was assumed.
    """

    contract: Contract
    notes: tuple[Note, ...] = ()

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of the contract: task, number of columns and of row features, notes."""
        contract = self.contract
        counts = {"task": contract.task, "columns": len(contract.columns), "features": len(contract.features)}
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
    drop_columns: Sequence[str] = (),
    hash_columns: Sequence[str] = (),
    positive: str = "",
    given: Path | str = "",
    country: str = "",
) -> Contract:
    """Infer the contract of a table, or check a user's contract against it.

    Args:
        table: Folder of the raw table.
        name: Name of the contract and of the model.
        target: Column to predict; empty for an anomaly task without labels.
        task: ``binary``, ``multiclass``, ``regression`` or ``anomaly``; empty to infer one of the first three.
        time_column: Timestamp that the table is split by.
        id_columns: Columns that identify a row.
        group_column: Column whose equal values stay on one side of the split.
        drop_columns: Columns to leave out; columns that the table no longer has are allowed.
        hash_columns: Columns to hash, or hashed already.
        positive: The positive class of a binary task.
        given: File of the user's contract; empty to infer one.
        country: ISO 3166 code of the country whose public holidays apply.

    Returns:
        The contract.

    Raises:
        MissingError: If the given contract does not exist.
        InputError: If a column that is named is absent, or the given contract contradicts the table or
            the other hints.
        DataError: If the target cannot be predicted.
    """
    hints = ContractHints(
        task, time_column, tuple(id_columns), group_column, tuple(drop_columns), tuple(hash_columns), positive, country
    )
    return infer_with_notes(table, name=name, target=target, hints=hints, given=given).contract


def infer_with_notes(
    table: Path | str, *, name: str, target: str, hints: ContractHints, given: Path | str = ""
) -> InferredContract:
    """Infer the contract of a table, or check a user's contract against it, and report what was assumed.

    Args:
        table: Folder of the raw table.
        name: Name of the contract and of the model.
        target: Column to predict; empty for an anomaly task without labels.
        hints: What else the user specifies.
        given: File of the user's contract; empty to infer one.

    Raises:
        MissingError: If the given contract does not exist.
        InputError: If a column that is named is absent, or the given contract contradicts the table or
            the other hints.
        DataError: If the target cannot be predicted.
    """
    conventions = WritingConventions(hints.decimal, hints.thousands, hints.country)  # type: ignore[arg-type]
    rows = parquet_table.scan(Path(table))
    names = rows.collect_schema().names()
    if given:
        return InferredContract(check_agreement(load(given), names, target=target, hints=hints))
    if not target and hints.task != "anomaly":
        raise InputError("the target must be named; only the task anomaly does without one.")
    hints = _with_stored_group(hints, Path(table))
    for column, what in _requested_columns(target, hints):
        require_name(column, names, what=what)
    rows, profiles, notes = standing_rows.profile_valid_rows(
        rows,
        target="" if hints.task == "anomaly" else target,
        survey=partial(profile_columns, texts=[target], conventions=conventions),
        ignored=(*hints.drop_columns, *hints.hash_columns),
        texts=parquet_table.hints(Path(table)).get("texts", ()),
    )
    if not next(iter(profiles.values())).rows:
        raise DataError("the table must have rows, but has none; give a table with data.")
    if hints.wants_number and not hints.task and as_numbers(profiles[target]).dtype in {"integer", "number"}:
        hints = replace(hints, task="regression")  # few different counts would be taken for classes
    contract = apply_hints(
        _contract(rows, profiles, name=name, target=target, hints=hints),
        parquet_table.hints(Path(table)),
        profiles=profiles,
    )
    named = [hints.time_column, hints.group_column, *hints.id_columns, *hints.drop_columns, *hints.hash_columns]
    if contract.task != "anomaly":
        notes += inference_notes.task_notes(profiles[target], contract, requested=hints.task)
    if contract.task == "binary" or (contract.label_column and contract.task == "anomaly"):
        counts = positive_class.class_rows(rows, contract.target)
        positive = positive_class.choose(contract.target.categories or (), rows=counts, positive=hints.positive)
        contract = replace(contract, positive=positive.name)
        notes += inference_notes.positive_class_notes(positive, contract, counts)
    notes += inference_notes.column_notes(contract, profiles, named=named)
    notes += identity.identity_notes(contract, group=hints.group_column, ids=hints.id_columns)
    notes += sentinels.sentinel_notes(rows, profiles, {column.name: column for column in contract.columns})
    notes += open_categories.open_notes({column.name: column for column in contract.columns})
    notes += [note for item in profiles.values() for note in item.notes]
    return InferredContract(contract, tuple(notes))


def _with_stored_group(hints: ContractHints, table: Path) -> ContractHints:
    """Return the hints with the group column that the table's writer recorded, unless the user chose another split."""
    stored = parquet_table.hints(table).get("group", "")
    return replace(hints, group_column=stored) if stored and not (hints.group_column or hints.time_column) else hints


def _requested_columns(target: str, hints: ContractHints) -> list[tuple[str, str]]:
    named = [(target, "target"), (hints.time_column, "time column"), (hints.group_column, "group column")]
    named += [(column, "id column") for column in hints.id_columns]
    named += [(column, "column to hash") for column in hints.hash_columns]
    return [(column, what) for column, what in named if column]


def _contract(
    rows: pl.LazyFrame, profiles: dict[str, ColumnProfile], *, name: str, target: str, hints: ContractHints
) -> Contract:
    task = guess_task(profiles[target], task=hints.task) if target else "anomaly"
    columns = {}
    for item in profiles.values():
        columns[item.name] = _requested_column(item, hints) or input_column(item)
    if target:
        columns[target] = _target_column(profiles[target], task, requested=hints.task)
    keys = _keys(rows, profiles, columns, hints)
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
    columns = identity.assign_identity_roles(rows, profiles, columns, keys=keys, group=hints.group_column)
    columns = open_categories.open_incomplete_lists(rows, columns)
    timestamps = [profiles[item.name] for item in columns.values() if item.role == "timestamp"]
    return Contract(
        name=name,
        task=task,
        columns=tuple(columns.values()),
        features=row_features(timestamps, country=hints.country, taken=columns),
        keys=keys,
        time_column=hints.time_column,
        **hints.aims,
    )


def _target_column(profile: ColumnProfile, task: Task, *, requested: str) -> Column:
    profile = as_numbers(profile, task=requested)
    class_names = classes(profile) if task != "regression" else ()
    return Column(
        profile.name,
        profile.dtype,
        "target",
        unit=profile.unit,
        categories=class_names or None,
        missing=1.0 if task == "anomaly" else allowed_missing(profile),
        format=profile.format,
    )


def _requested_column(profile: ColumnProfile, hints: ContractHints) -> Column | None:
    """Return the column as the user's hints define it; None without a hint."""
    name = profile.name
    if name in hints.drop_columns:
        return Column(name, profile.dtype, "ignore", "Dropped on request.", personal="drop", format=profile.format)
    hashed = name in hints.hash_columns
    dtype = "string" if hashed else profile.dtype
    missing = allowed_missing(profile)
    personal, form = ("hash", "") if hashed else ("", profile.format)
    if name == hints.time_column:
        if profile.dtype != "timestamp":
            raise InputError(
                f"the time column {quote(name)} must hold timestamps, but holds {profile.dtype} values; choose another."
            )
        return Column(name, "timestamp", "timestamp", missing=missing, format=form)
    if name == hints.group_column:
        return Column(name, dtype, "group", missing=missing, personal=personal, format=form)  # type: ignore[arg-type]
    if name in hints.id_columns:
        return Column(name, dtype, "id", missing=missing, personal=personal, format=form)  # type: ignore[arg-type]
    if hashed:
        return Column(name, "string", "ignore", "Hashed on request.", personal="hash", missing=missing)
    return None


def _keys(
    rows: pl.LazyFrame, profiles: dict[str, ColumnProfile], columns: dict[str, Column], hints: ContractHints
) -> tuple[str, ...]:
    """Return the id columns if together they are unique, else the first unique column that looks like an id."""
    available = [name for name, column in columns.items() if column.personal != "drop"]
    requested = tuple(name for name in hints.id_columns if name in available)
    if requested:
        return requested if _tell_apart(rows, requested) else ()
    for name in available:
        item = profiles[name]
        # Whole numbers without gaps or repeats number the rows.
        looks_like_id = is_named_like_id(name) or (item.dtype == "integer" and item.most - item.least == item.rows - 1)
        candidate = columns[name].role in {"feature", "ignore", "id"} and item.dtype in {"integer", "string"}
        if (
            candidate
            and item.rows >= 20
            and item.missing == 0
            and item.unique
            and looks_like_id
            and _tell_apart(rows, (name,))
        ):
            return (name,)
    return ()


def _tell_apart(rows: pl.LazyFrame, names: tuple[str, ...]) -> bool:
    total = pl.len()
    distinct = pl.struct(names).n_unique()
    row = rows.select(total.alias("rows"), distinct.alias("different")).collect(engine="streaming").row(0)
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
