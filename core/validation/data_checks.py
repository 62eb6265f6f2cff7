"""The data checks: the document ``checks.json``, whose schema is ``docs/data-checks.schema.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from headrace.core.base.json_document import JsonDocument
from headrace.core.base.notes import Note
from headrace.core.contracts.vocabulary import Dtype, Role, Severity


@dataclass(frozen=True)
class CheckedCounts:
    """Numbers of rows.

    Attributes:
        read: Rows of the table.
        valid: Rows that keep the contract.
        quarantined: Rows that were set aside.
    """

    read: int
    valid: int
    quarantined: int


@dataclass(frozen=True)
class BrokenRule:
    """A rule of the contract that the table breaks.

    Attributes:
        rule: Its name.
        column: The column; empty for a rule about the table.
        severity: Its severity in the contract.
        count: Number of rows that break it, or of columns for a rule about columns.
        examples: A few values with their row numbers; none for personal data.
        message: What was expected and found, as a sentence with the remedy.
        holds: Whether models of this table may only be promoted after a person's review.
    """

    rule: str
    column: str
    severity: Severity
    count: int
    examples: tuple[str, ...]
    message: str
    holds: bool


@dataclass(frozen=True)
class CheckedColumn:
    """A column of the contract in the table.

    Attributes:
        dtype: Its type in the contract.
        role: Its role in the contract.
        missing: Number of rows without a value.
        missing_share: Share of the rows without a value, from 0 to 1.
    """

    dtype: Dtype
    role: Role
    missing: int
    missing_share: float


@dataclass(frozen=True)
class DataChecks(JsonDocument):
    """What the validation of a table against its contract found.

    Attributes:
        rows: Numbers of rows.
        rules: The broken rules, worst severity first.
        class_balance: Number of valid rows by class of the target; empty for a regression.
        columns: The contract's columns by name.
        notes: What a person should know of the table, worst first.
    """

    rows: CheckedCounts
    rules: tuple[BrokenRule, ...]
    class_balance: Mapping[str, int]
    columns: Mapping[str, CheckedColumn]
    notes: tuple[Note, ...]

    expected: ClassVar[str] = "the checks must be what the step validate writes, as docs/data-checks.schema.json says"
    remedy: ClassVar[str] = "run the step validate again"
