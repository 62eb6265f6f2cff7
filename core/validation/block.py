"""The validation of one block of rows: cast, counted, and invalid rows quarantined.

Counts of blocks add up to the counts of the table, so that a table of any size is validated in a stream.
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
    """A validated block.

    Attributes:
        valid: Typed valid rows, with the contract's columns except dropped personal data.
        quarantine: The other rows as read, with ``_row``, their number in the table, and ``_reasons``.
        counts: The counts of rows and broken rules.
    """

    valid: pl.DataFrame
    quarantine: pl.DataFrame
    counts: ViolationCounts


def validate_block(frame: pl.DataFrame, contract: Contract, *, first_row: int = 1) -> ValidatedBlock:
    """Validate some rows of a raw table.

    Args:
        frame: Raw rows (n), of any dtypes.
        contract: The table's contract.
        first_row: Number of the first row in the table; the table starts at 1.

    Returns:
        The typed valid rows, the quarantined rows and the counts; each of the n rows is in exactly one of the tables.

    Raises:
        DataError: If a column of the contract is absent.
    """
    require_columns(frame.columns, contract)
    frame = hash_personal(frame, contract)
    evaluated = evaluate_rules(frame, contract.typed_columns, contract)
    broken = evaluated.masks
    bad = refused_rows(broken, contract, rows=frame.height)
    valid = evaluated.frame.filter(~bad) if bad.any() else evaluated.frame
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
            **evaluated.summary,
        ),
    )


def require_columns(names: list[str], contract: Contract) -> None:
    """Raise if the table lacks a column of the contract.

    Raises:
        DataError: If a column is absent.
    """
    present = set(names)
    absent = [column.name for column in contract.typed_columns if column.name not in present]
    if absent:
        raise DataError(
            f"the table must hold each column of the contract {contract.name}; {quote(absent)} are absent; "
            "add them to the table, or remove them from the contract."
        )


def hash_personal(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the n rows with the personal columns hashed that the contract hashes, unless they are hashed already."""
    names = [column.name for column in contract.columns if column.personal == "hash"]
    unhashed = [name for name in names if not _is_hashed(frame.get_column(name))]
    if not unhashed:
        return frame
    from headrace.core.tables.pseudonyms import hash_columns  # noqa: PLC0415 - few tables need it

    return hash_columns(frame, unhashed)


def _is_hashed(values: pl.Series) -> bool:
    return values.dtype == pl.String and bool(values.str.contains("^[0-9a-f]{32}$").all())


def _classes(valid: pl.DataFrame, contract: Contract) -> dict[str, int]:
    if contract.task == "regression" or contract.label_column is None:
        return {}
    counts = valid.get_column(contract.label_column.name).drop_nulls().value_counts()
    names, rows = counts.cast(pl.String).get_columns()
    return dict(zip(names, rows.cast(pl.Int64), strict=True))


def _examples(raw: pl.DataFrame, mask: pl.Series, column: Column, first_row: int) -> tuple[ViolationExample, ...]:
    rows = mask.arg_true().head(EXAMPLES)
    values = ["" if column.personal else as_text(value) for value in raw.get_column(column.name).gather(rows)]
    return tuple(ViolationExample(row=first_row + row, value=value) for row, value in zip(rows, values, strict=True))


def as_text(value: object) -> str:
    """Return a raw value as text for messages."""
    return "missing" if value is None else quote(value)


def _quarantine(
    raw: pl.DataFrame, bad: pl.Series, broken: Mapping[Rule, pl.Series], contract: Contract, first_row: int
) -> pl.DataFrame:
    """Return the invalid rows as read, with every rule that each of them breaks."""
    rows = bad.arg_true()
    texts = [
        pl.when(mask.gather(rows)).then(pl.lit(f"{rule}:{column}")).alias(f"{rule}:{column}")
        for (rule, column), mask in broken.items()
        if contract.refuses(rule)
    ]
    reasons = pl.concat_str(texts, separator="; ", ignore_nulls=True) if texts else pl.lit(None, pl.String)
    quarantined = raw.select(column.name for column in contract.typed_columns)[rows]
    return quarantined.with_columns((rows + first_row).cast(pl.Int64).alias(ROW), reasons.alias(REASONS))
