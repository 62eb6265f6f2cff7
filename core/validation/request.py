"""Validation of a request, or another small table, against the data contract, value by value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from headrace.core.base.errors import quote
from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column, Contract, Severity
from headrace.core.contracts.vocabulary import REFUSING
from headrace.core.validation import row_rules
from headrace.core.validation.block import as_text
from headrace.core.validation.row_rules import Rule
from headrace.core.validation.rule_masks import evaluate_rules

MOST_VIOLATIONS = 100


@dataclass(frozen=True)
class Violation:
    """One broken rule of one row.

    Attributes:
        row: Index of the row, starting at 0; -1 for a column that is absent or unknown.
        column: Name of the column.
        rule: ``type``, ``finite``, ``range``, ``category``, ``target_missing``, ``missing``, ``columns`` (absent) or
            ``unknown_columns``.
        expected: What the value must be.
        got: The value, quoted and shortened; empty for personal data.
        severity: Severity of the rule in the contract.
    """

    row: int
    column: str
    rule: str
    expected: str
    got: str
    severity: Severity = "stop"

    def __str__(self) -> str:
        """Return the violation as a sentence."""
        where = f"row {self.row}, column" if self.row >= 0 else "column"
        got = f"; got {self.got} instead" if self.got else ""
        return f"{where} {quote(self.column)} must be {self.expected}{got}."


@dataclass(frozen=True)
class RequestValidation:
    """A validated small table.

    Attributes:
        frame: The typed columns, all rows; values that break the rule ``type`` are missing.
        violations: At most 100, by column and row.
    """

    frame: pl.DataFrame
    violations: list[Violation]

    @property
    def refused(self) -> list[Violation]:
        """The violations for which a row is set aside or a request is refused."""
        return [item for item in self.violations if item.severity in REFUSING]


def validate_rows(frame: pl.DataFrame, contract: Contract, *, serving: bool) -> RequestValidation:
    """Validate a small raw table, such as a request, value by value.

    Args:
        frame: Raw table of n rows, of any dtypes.
        contract: The contract.
        serving: Whether these are rows to predict: then only ``contract.inputs`` are required, and the contract's
            other columns are ignored.

    Returns:
        The typed table of n rows (with ``serving``, of ``contract.inputs``; an absent column is all missing) and the
        violations.
    """
    expected = contract.inputs if serving else contract.typed_columns
    names = set(frame.columns)
    present = [column for column in expected if column.name in names]
    evaluated = evaluate_rules(frame, present, contract)
    violations = [
        *_column_violations(frame, contract, expected),
        *_missing_violations(evaluated.missing(present), contract),
    ]
    for rule, mask in evaluated.masks.items():
        violations.extend(_value_violations(frame, contract, rule, mask))
    absent = [
        pl.lit(None, casting.DTYPES[column.dtype]).alias(column.name) for column in expected if column.name not in names
    ]
    typed = evaluated.frame if present else frame.select(pl.repeat(None, pl.len()).alias(""))
    complete = typed.with_columns(absent).select(column.name for column in expected)
    order = {column.name: position for position, column in enumerate(contract.columns)}
    violations.sort(key=lambda item: (item.row, order.get(item.column, len(order))))
    return RequestValidation(frame=complete, violations=violations[:MOST_VIOLATIONS])


def _column_violations(frame: pl.DataFrame, contract: Contract, expected: tuple[Column, ...]) -> Iterator[Violation]:
    names = set(frame.columns)
    for column in expected:
        if column.name not in names:
            yield Violation(-1, column.name, "columns", "present", "no such column", contract.severity("columns"))
    for name in frame.columns:
        if name not in contract.names:
            must = f"one of {quote([column.name for column in expected], 200)}"
            yield Violation(-1, name, "unknown_columns", must, quote(name), contract.severity("unknown_columns"))


def _missing_violations(missing: Mapping[Rule, pl.Series], contract: Contract) -> Iterator[Violation]:
    for (rule, name), mask in missing.items():
        for row in mask.arg_true().head(MOST_VIOLATIONS):
            yield Violation(row, name, rule, "present", "missing", contract.severity(rule))


def _value_violations(raw: pl.DataFrame, contract: Contract, rule: Rule, mask: pl.Series) -> Iterator[Violation]:
    name, column = rule[0], contract.column(rule[1])
    level = contract.severity(name)
    for row in mask.arg_true().head(MOST_VIOLATIONS):
        got = "" if column.personal else as_text(raw.get_column(column.name)[row])
        yield Violation(row, column.name, name, row_rules.expectation(column, name), got, level)
