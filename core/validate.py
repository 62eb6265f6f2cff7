"""Tables and requests against the data contract."""

from collections.abc import Iterator
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from headrace.core import casts, rules
from headrace.core.check import as_text, marked
from headrace.core.contract import Column, Contract, Severity
from headrace.core.errors import shown
from headrace.core.suspects import summary, suspected

_MOST_VIOLATIONS = 100


@dataclass(frozen=True)
class Violation:
    """One broken rule of one row.

    Attributes:
        row: Index of the row, from 0 on; -1 for a column that is absent or unknown.
        column: Name of the column.
        rule: ``type``, ``finite``, ``range``, ``category``, ``target_missing``, ``missing``, ``columns`` (absent) or
            ``unknown_columns``.
        expected: What it must be.
        got: The value, quoted and short; empty for personal data.
        severity: What the contract says of it.
    """

    row: int
    column: str
    rule: str
    expected: str
    got: str
    severity: Severity = "stop"

    def __str__(self) -> str:
        """The violation as a sentence."""
        where = f"row {self.row}, column" if self.row >= 0 else "column"
        got = f"; got {self.got} instead" if self.got else ""
        return f"{where} {shown(self.column)} must be {self.expected}{got}."


@dataclass(frozen=True)
class Checked:
    """A small table that was checked.

    Attributes:
        frame: The typed columns, all rows; values that break the rule ``type`` are missing.
        violations: At most 100, by column and row.
    """

    frame: pl.DataFrame
    violations: list[Violation]

    @property
    def refused(self) -> list[Violation]:
        """The violations for which a row is set aside or a request is refused."""
        return [item for item in self.violations if item.severity in {"quarantine", "stop"}]


def check_rows(frame: pl.DataFrame, contract: Contract, *, serving: bool) -> Checked:
    """Check a small raw table, such as a request, value by value.

    Args:
        frame: Raw table of n rows, of any dtypes.
        contract: The contract.
        serving: Whether these are rows to predict: then only ``contract.inputs`` are wanted, and the contract's other
            columns are not looked at.

    Returns:
        The typed table of n rows (with ``serving``, of ``contract.inputs`` that are there; an absent one is all
        missing) and the violations.
    """
    wanted = contract.inputs if serving else contract.kept
    names = set(frame.columns)
    there = [column for column in wanted if column.name in names]
    typed = casts.typed(frame, there, missing_values=contract.missing_values)
    table = marked(typed)
    flags = suspected(contract, there, facts=summary(table, there), failed=typed.failed)
    strange = [name for rule, name in flags if rule == "category" and table.schema[name] == pl.String]
    table = casts.unmasked(table, strange, missing_values=contract.missing_values) if strange else table
    if any(column.role == "target" for column in there):
        flags = rules.flags(contract, there, failed=typed.failed)
    found = [*_column_violations(frame, contract, wanted), *_missing_violations(table, contract, there)]
    marks = [flag.alias(f"{place}") for place, flag in enumerate(flags.values())]
    masks = nw.from_native(table).select(*marks).to_native() if marks else table.clear()
    for rule, mask in zip(flags, masks.iter_columns(), strict=False):
        found.extend(_value_violations(frame, contract, rule, mask))
    absent = [
        pl.lit(None, casts.DTYPES[column.dtype]).alias(column.name) for column in wanted if column.name not in names
    ]
    base = table if there else frame.select(pl.repeat(None, pl.len()).alias(""))
    complete = base.with_columns(absent).select(column.name for column in wanted)
    order = {column.name: place for place, column in enumerate(contract.columns)}
    found.sort(key=lambda item: (item.row, order.get(item.column, len(order))))
    return Checked(frame=complete, violations=found[:_MOST_VIOLATIONS])


def _column_violations(frame: pl.DataFrame, contract: Contract, wanted: tuple[Column, ...]) -> Iterator[Violation]:
    names = set(frame.columns)
    for column in wanted:
        if column.name not in names:
            yield Violation(-1, column.name, "columns", "present", "no such column", contract.severity("columns"))
    for name in frame.columns:
        if name not in contract.names:
            must = f"one of {shown([column.name for column in wanted], 200)}"
            yield Violation(-1, name, "unknown_columns", must, shown(name), contract.severity("unknown_columns"))


def _missing_violations(frame: pl.DataFrame, contract: Contract, there: list[Column]) -> Iterator[Violation]:
    for column in there:
        if column.missing == 0 and column.role not in {"target", "ignore"}:
            absent = frame.get_column(column.name).is_null()
            failed = rules.failed_name(column.name)
            absent = absent & ~frame.get_column(failed) if failed in frame.columns else absent
            for row in absent.arg_true().head(_MOST_VIOLATIONS):
                yield Violation(row, column.name, "missing", "present", "missing", contract.severity("missing"))


def _value_violations(
    raw: pl.DataFrame, contract: Contract, rule: tuple[str, str], mask: pl.Series
) -> Iterator[Violation]:
    name, column = rule[0], contract.column(rule[1])
    level = contract.severity(name)
    for row in mask.arg_true().head(_MOST_VIOLATIONS):
        got = "" if column.personal else as_text(raw.get_column(column.name)[row])
        yield Violation(row, column.name, name, rules.expected(column, name), got, level)
