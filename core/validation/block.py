"""The check of one block of rows: typed, counted, and the bad rows set aside.

Counts of blocks add up to the counts of the table, so that a table of any size can be checked in a stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from headrace.core.base.errors import DataError, quote
from headrace.core.contracts.contract import Column, Contract
from headrace.core.validation.row_rules import Rule
from headrace.core.validation.rule_masks import evaluate_rules, refused_rows
from headrace.core.validation.violation_counts import EXAMPLES, ViolationCounts, ViolationExample

REASONS = "_reasons"
ROW = "_row"


@dataclass(frozen=True)
class ValidatedBlock:
    """A block that was checked.

    Attributes:
        valid: Typed rows that may pass, of the contract's columns less the personal data that are dropped.
        quarantine: The other rows as they were read, with ``_row``, their number in the table, and ``_reasons``.
        counts: What was found.
    """

    valid: pl.DataFrame
    quarantine: pl.DataFrame
    counts: ViolationCounts


def check_block(frame: pl.DataFrame, contract: Contract, *, first_row: int = 1) -> ValidatedBlock:
    """Check some rows of a raw table.

    Args:
        frame: Raw rows, of any dtypes.
        contract: The table's contract.
        first_row: Number of the first of them in the table, from 1 on.

    Returns:
        The typed valid rows, the bad rows and the counts; each row is in exactly one of the two.

    Raises:
        DataError: If a column of the contract is absent.
    """
    require_columns(frame.columns, contract)
    frame = hash_personal(frame, contract)
    found = evaluate_rules(frame, contract.kept, contract)
    broken = found.masks
    bad = refused_rows(broken, contract, rows=frame.height)
    valid = found.frame.filter(~bad) if bad.any() else found.frame
    return ValidatedBlock(
        valid=valid,
        quarantine=_quarantine(frame, bad, broken, contract, first_row),
        counts=ViolationCounts(
            rows=frame.height,
            quarantined=frame.height - valid.height,
            broken={rule: int(mask.sum()) for rule, mask in broken.items()},
            examples={
                rule: _examples(frame, mask, contract.column(rule[1]), first_row) for rule, mask in broken.items()
            },
            classes=_classes(valid, contract),
            unknown=tuple(name for name in frame.columns if name not in contract.names),
            **found.summary,
        ),
    )


def require_columns(names: list[str], contract: Contract) -> None:
    """Refuse a table that lacks a column of the contract.

    Raises:
        DataError: If it does.
    """
    there = set(names)
    absent = [column.name for column in contract.kept if column.name not in there]
    if absent:
        raise DataError(
            f"the table must hold each column of the contract {contract.name}; {quote(absent)} are absent; "
            "add them to the table, or take them out of the contract."
        )


def hash_personal(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Hash the personal columns that are to be hashed and are not yet."""
    names = [column.name for column in contract.columns if column.personal == "hash"]
    clear = [name for name in names if not _is_hashed(frame.get_column(name))]
    if not clear:
        return frame
    from headrace.core.tables.pseudonyms import hash_columns  # noqa: PLC0415 - few tables need it

    return hash_columns(frame, clear)


def _is_hashed(values: pl.Series) -> bool:
    return values.dtype == pl.String and bool(values.str.contains("^[0-9a-f]{32}$").all())


def _classes(valid: pl.DataFrame, contract: Contract) -> dict[str, int]:
    if contract.task == "regression":
        return {}
    counted = valid.get_column(contract.target.name).drop_nulls().value_counts()
    names, rows = counted.cast(pl.String).get_columns()
    return dict(zip(names, rows.cast(pl.Int64), strict=True))


def _examples(raw: pl.DataFrame, mask: pl.Series, column: Column, first_row: int) -> tuple[ViolationExample, ...]:
    rows = mask.arg_true().head(EXAMPLES)
    values = ["" if column.personal else as_text(value) for value in raw.get_column(column.name).gather(rows)]
    return tuple(ViolationExample(row=first_row + row, value=value) for row, value in zip(rows, values, strict=True))


def as_text(value: object) -> str:
    """A raw value as it may be shown."""
    return "missing" if value is None else quote(value)


def _quarantine(
    raw: pl.DataFrame, bad: pl.Series, broken: Mapping[Rule, pl.Series], contract: Contract, first_row: int
) -> pl.DataFrame:
    """The bad rows as they were read, with every rule that each of them breaks."""
    rows = bad.arg_true()
    texts = [
        pl.when(mask.gather(rows)).then(pl.lit(f"{rule}:{column}")).alias(f"{rule}:{column}")
        for (rule, column), mask in broken.items()
        if contract.refuses(rule)
    ]
    why = pl.concat_str(texts, separator="; ", ignore_nulls=True) if texts else pl.lit(None, pl.String)
    kept = raw.select(column.name for column in contract.kept)[rows]
    return kept.with_columns((rows + first_row).cast(pl.Int64).alias(ROW), why.alias(REASONS))
