"""Tables of labels: what was true of rows that a model has scored, checked row by row.

A label names its row by ``request_id`` and ``row``, by the contract's keys, or as an event of a stream by ``topic``,
``partition`` and ``offset``, which make its request's id; columns as they are stored:

===================  ================================================================================================
``request_id``       Text: the id that request and response share; absent where labels name keys.
``row``              Int32: position in the request, from 0.
``key_<column>``     A key of the contract, of its dtype; absent where labels name requests.
``actual``           What was true: text of a class, or Float64.
``observed``         Datetime (microseconds, UTC): when it was true, or became known; null if the table does not say.
===================  ================================================================================================
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Column, Contract
from headrace.core.features.matrix_layout import classes
from headrace.core.monitors.data.window_rows import REQUEST_ID, ROW
from headrace.core.validation.row_rules import expectation
from headrace.core.validation.rule_masks import evaluate_rules

ACTUAL, OBSERVED, KEY_PREFIX = "actual", "observed", "key_"
REASON = "reason"
CLOCK_ALLOWANCE = dt.timedelta(minutes=5)
_LARGEST_ACTUAL = 1e100
"""Largest magnitude of a number: squares of errors must not overflow float64."""
_MOST_ROW = 2**31 - 1

LabelKind = Literal["request", "key", "event"]
EVENT_COLUMNS = ("topic", "partition", "offset")
"""Columns that name an event of a stream."""


@dataclass(frozen=True)
class LabelColumns:
    """Names of the columns of a table of labels.

    Attributes:
        request_id: Column of the request's id; where the table lacks it, the contract's keys name the row.
        row: Column of the position in the request; rows of a table that lacks it are the first of their requests.
        actual: Column of what was true; empty for the contract's target.
        observed: Column of the time at which it was true, or became known; a table may lack it.
    """

    request_id: str = "request_id"
    row: str = "row"
    actual: str = ""
    observed: str = "observed"


@dataclass(frozen=True)
class LabelTable:
    """A table of labels whose rows were checked.

    Attributes:
        kind: What names the rows.
        labels: The m accepted labels, in the order of the table.
        refused: The n - m refused rows as they were, with the ``reason`` of each.
    """

    kind: LabelKind
    labels: pl.DataFrame
    refused: pl.DataFrame

    @property
    def by(self) -> list[str]:
        """Columns that name the row."""
        return name_columns(self.labels)


def name_columns(labels: pl.DataFrame) -> list[str]:
    """Return the columns of stored labels that name the row."""
    keys = [name for name in labels.columns if name.startswith(KEY_PREFIX)]
    return keys or [REQUEST_ID, ROW]


def check_labels(
    table: pl.DataFrame,
    contract: Contract,
    *,
    now: dt.datetime,
    columns: LabelColumns | None = None,
) -> LabelTable:
    """Check a table of labels row by row.

    Args:
        table: Raw rows (n), of any dtypes.
        contract: The contract of the model.
        now: The time, with a time zone: what was observed more than five minutes later is refused.
        columns: Names of the table's columns.

    Returns:
        The labels, and the refused rows with their reasons.

    Raises:
        InputError: If the column of the actual value is absent, or neither request ids nor all keys are there.
    """
    if contract.task == "anomaly":
        raise InputError(
            f"monitors take no labels of an anomaly model, and {contract.name} is one: they watch its inputs and "
            "scores; labels belong into the target column of a table that is evaluated."
        )
    columns = columns or LabelColumns()
    actual = columns.actual or contract.target.name
    if actual not in table.columns:
        raise InputError(
            f"a table of labels must have the column {quote(actual)} with what was true; it has "
            f"{quote(table.columns, 300)}: name another column by --actual-column."
        )
    kind = _find_kind(table, contract, columns)
    parts = [
        _read_names(table, contract, columns, kind),
        _read_actual(table.get_column(actual), contract),
        _read_observed(table, columns.observed, now),
    ]
    reasons = pl.select(pl.coalesce(pl.lit(reason) for _, reason in parts)).to_series()
    labels = pl.concat([frame for frame, _ in parts], how="horizontal")
    return LabelTable(
        kind,
        labels.filter(reasons.is_null()),
        table.with_columns(reasons.alias(_free_name(table))).filter(reasons.is_not_null()),
    )


def _free_name(table: pl.DataFrame) -> str:
    return REASON if REASON not in table.columns else f"label_{REASON}"


def _find_kind(table: pl.DataFrame, contract: Contract, columns: LabelColumns) -> LabelKind:
    kind = find_kind(table.columns, contract, columns)
    if kind:
        return kind
    personal = [name for name in contract.keys if contract.column(name).personal]
    keys = f"the contract's keys {quote(list(contract.keys))}" if contract.keys else "keys, which the contract lacks"
    if personal:
        keys += f" (but {quote(personal)} are personal and are not stored)"
    raise InputError(
        f"a table of labels must name the scored rows by the column {quote(columns.request_id)}, by {keys}, or events "
        f"of a stream by {', '.join(EVENT_COLUMNS)}; it has {quote(table.columns, 300)}: name a column by "
        "--request-id-column."
    )


def find_kind(names: Iterable[str], contract: Contract, columns: LabelColumns) -> LabelKind | None:
    """Return what names the rows of labels with some columns; None if nothing does.

    Args:
        names: Names of the columns.
        contract: The contract of the model.
        columns: Names of the table's columns.
    """
    present = set(names)
    if columns.request_id in present:
        return "request"
    is_stored = not any(contract.column(name).personal for name in contract.keys)
    if contract.keys and is_stored and present.issuperset(contract.keys):
        return "key"
    return "event" if present.issuperset(EVENT_COLUMNS) else None


Part = tuple[pl.DataFrame, pl.Series]
"""Columns (n rows) and the reason (n,) for which each row is refused, null if it is not."""


def _read_names(table: pl.DataFrame, contract: Contract, columns: LabelColumns, kind: LabelKind) -> Part:
    if kind == "request":
        return _read_requests(table, columns)
    return _read_keys(table, contract) if kind == "key" else _read_events(table)


def _read_events(table: pl.DataFrame) -> Part:
    topic, partition, offset = EVENT_COLUMNS
    topics = table.get_column(topic).cast(pl.String)
    whole = [Column(name, dtype="integer") for name in (partition, offset)]
    numbers = cast_columns(table.select(partition, offset), whole, missing_values=()).frame
    bad = {name: numbers.get_column(name).is_null() | (numbers.get_column(name) < 0) for name in (partition, offset)}
    named = pl.DataFrame([topics, numbers.get_column(partition), numbers.get_column(offset)])
    frame = named.select(pl.concat_str(pl.all(), separator="/").alias(REQUEST_ID), pl.lit(0, pl.Int32()).alias(ROW))
    faults = [(mask, f"the {name} must be a whole number from 0") for name, mask in bad.items()]
    return frame, _first_reason(table.height, [(topics.is_null() | (topics == ""), "the topic is missing"), *faults])


def _read_requests(table: pl.DataFrame, columns: LabelColumns) -> Part:
    ids = table.get_column(columns.request_id).cast(pl.String).alias(REQUEST_ID)
    raw = table.get_column(columns.row) if columns.row in table.columns else _constant(table, 0, pl.Int32())
    typed = cast_columns(raw.to_frame(ROW), [Column(ROW, dtype="integer")], missing_values=()).frame.get_column(ROW)
    bad = typed.is_null() | (typed < 0) | (typed > _MOST_ROW)
    frame = pl.DataFrame([ids, typed.set(bad, None).cast(pl.Int32).alias(ROW)])
    return frame, _first_reason(
        table.height,
        [
            (ids.is_null() | (ids == ""), "the request's id is missing"),
            (bad, "the row must be a whole number from 0"),
        ],
    )


def _read_keys(table: pl.DataFrame, contract: Contract) -> Part:
    keys = [contract.column(name) for name in contract.keys]
    typed = cast_columns(table.select(contract.keys), keys, missing_values=contract.missing_values).frame
    faults = [
        (typed.get_column(key.name).is_null(), f"the key {quote(key.name)} must be {expectation(key, 'type')}")
        for key in keys
    ]
    return typed.rename({key.name: f"{KEY_PREFIX}{key.name}" for key in keys}), _first_reason(table.height, faults)


def _read_actual(raw: pl.Series, contract: Contract) -> Part:
    target = replace(contract.target, unseen="refuse")
    evaluated = evaluate_rules(raw.to_frame(target.name), [target], contract)
    value = evaluated.frame.get_column(target.name)
    failed = evaluated.failed.get(target.name, _constant(raw.to_frame(), value=False, dtype=pl.Boolean()))
    faults = [(failed, f"the actual value must be {expectation(target, 'type')}")]
    if contract.task == "regression":
        number = value.cast(pl.Float64)
        faults.append((~number.is_finite(), "the actual value must be a finite number"))
        faults.append((number.abs() > _LARGEST_ACTUAL, "the actual value must be within 1e100 of zero"))
        value = number
    else:
        value = value.cast(pl.String)
        known = value.str.to_lowercase() if target.dtype == "boolean" else value
        faults.append((~_canonical(known, target).is_in(list(classes(contract))), _class_reason(target)))
        value = _canonical(known, target)
    faults += [
        (mask, f"the actual value must be {expectation(target, rule)}")
        for (rule, _), mask in evaluated.masks.items()
        if rule == "range" and contract.refuses(rule)
    ]
    faults.append((value.is_null(), "the actual value is missing"))
    return pl.DataFrame([value.alias(ACTUAL)]), _first_reason(len(raw), faults)


def _canonical(value: pl.Series, target: Column) -> pl.Series:
    """Return classes as the contract spells them: ``1.0`` for a number is its category ``1``."""
    if target.dtype not in {"number", "boolean"}:
        return value
    spellings = {_plain(text, target): text for text in target.categories or ()}
    plain = pl.Series([None if text is None else _plain(text, target) for text in value.to_list()], dtype=pl.String)
    return plain.replace_strict(spellings, default=None, return_dtype=pl.String)


def _plain(text: str, target: Column) -> str:
    return text.lower() if target.dtype == "boolean" else repr(float(text))


def _class_reason(target: Column) -> str:
    return f"the actual value must be {expectation(target, 'category')}"


def _read_observed(table: pl.DataFrame, name: str, now: dt.datetime) -> Part:
    if name not in table.columns:
        times = _constant(table, None, pl.Datetime("us", "UTC")).alias(OBSERVED)
        return times.to_frame(), _first_reason(table.height, [])
    typed = cast_columns(
        table.select(pl.col(name).alias(OBSERVED)),
        [Column(OBSERVED, dtype="timestamp", role="timestamp")],
        missing_values=("",),
    )
    times = typed.frame.get_column(OBSERVED).dt.replace_time_zone("UTC")
    failed = typed.failed.get(OBSERVED, _constant(table, value=False, dtype=pl.Boolean()))
    future = times > (now + CLOCK_ALLOWANCE).astimezone(dt.UTC)
    return times.to_frame(), _first_reason(
        table.height,
        [
            (failed, f"{name} must be a time such as 2026-03-01T12:00:00Z"),
            (future, f"{name} lies in the future of this machine's clock"),
        ],
    )


def _first_reason(rows: int, faults: list[tuple[pl.Series, str]]) -> pl.Series:
    """Return the first reason (n,) that applies to each row; null if there is none."""
    reasons = pl.repeat(None, rows, dtype=pl.String, eager=True)
    for mask, reason in faults:
        reasons = reasons.set(mask.fill_null(value=False) & reasons.is_null(), reason)
    return reasons


def _constant(table: pl.DataFrame, value: int | bool | None, dtype: pl.DataType) -> pl.Series:
    return pl.Series([value], dtype=dtype).new_from_index(0, table.height)


def count_reasons(refused: pl.DataFrame) -> dict[str, int]:
    """Return how many rows were refused for which reason, the most frequent one first."""
    return dict(_count(refused))


def _count(refused: pl.DataFrame) -> Iterator[tuple[str, int]]:
    counts = refused.get_column(refused.columns[-1]).value_counts(sort=True, name="rows")
    yield from counts.iter_rows()
