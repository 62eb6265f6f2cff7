"""What is counted of the rows that a model scored in a window of time; the counts of windows add up.

Its document is ``window.json``, whose schema is ``docs/window.schema.json``. A week is the sum of its seven days, with
two exceptions that are stated where they matter: a row or a request that repeats one of *another* window is not
counted as a repeat.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

import numpy as np

from headrace.core.base.errors import InputError, quote
from headrace.core.base.json_document import JsonDocument
from headrace.core.contracts.vocabulary import Severity
from headrace.core.drift.input_counts import ColumnCounts, ColumnRecord, InputCounts, InputRecord
from headrace.core.drift.joint_drift import JointSums
from headrace.core.monitors.reports.time_window import parse_moment, rfc3339

FORMAT = 1


@dataclass(frozen=True)
class ViolationCount:
    """Rows that break a rule of the contract.

    Attributes:
        rule: Name of the rule.
        column: Name of the column.
        severity: What the contract says of a row that breaks it.
        rows: Number of rows.
    """

    rule: str
    column: str
    severity: Severity
    rows: int


@dataclass(frozen=True, eq=False)
class WindowCounts:
    """The counts of a window.

    Attributes:
        contract: SHA-256 of the contract that the rows were read with.
        rows: Rows that were stored.
        unlogged: Rows whose request is not logged, so that their inputs are not known; they are in ``rows`` only.
        refused: Rows that break a rule for which the contract refuses a row; they are in no count of inputs.
        largest_refused: The contract's largest share of such rows.
        requests: Requests, each counted once.
        repeated_requests: Requests that were stored again under the same id.
        repeated_rows: Rows of ``inputs`` that equal an earlier one of the same window in all inputs.
        expected_repeats: How many of them are expected by chance.
        violations: Rows that break each rule, of those whose inputs are known.
        inputs: Counts of the inputs over the rows that are not refused.
        joint: Sums of their scores.
        prediction: Counts of the predictions of all rows that were answered, as ``OutputProfile`` has them.
        labels: Counts of their predicted classes; None for a regression.
        first: Time of the earliest row; None without rows.
        last: Time of the latest row.
    """

    contract: str
    rows: int
    unlogged: int
    refused: int
    largest_refused: float
    requests: int
    repeated_requests: int
    repeated_rows: int
    expected_repeats: float
    violations: tuple[ViolationCount, ...]
    inputs: InputCounts
    joint: JointSums
    prediction: ColumnCounts
    labels: ColumnCounts | None
    first: datetime | None
    last: datetime | None

    @property
    def logged(self) -> int:
        """Number of rows whose inputs are known."""
        return self.rows - self.unlogged

    def __add__(self, other: Self) -> "WindowCounts":
        """Return the counts of both windows.

        Raises:
            InputError: If they are of different contracts or counted in different bins.
        """
        if self.contract != other.contract:
            raise InputError(
                "counts of windows are added of one version of a contract only; these are of two: monitor the versions "
                "apart, each with the bundle that answered."
            )
        labels = self.labels and other.labels and _add(self.labels, other.labels)
        moments = [moment for moment in (self.first, other.first, self.last, other.last) if moment is not None]
        return WindowCounts(
            contract=self.contract,
            rows=self.rows + other.rows,
            unlogged=self.unlogged + other.unlogged,
            refused=self.refused + other.refused,
            largest_refused=self.largest_refused,
            requests=self.requests + other.requests,
            repeated_requests=self.repeated_requests + other.repeated_requests,
            repeated_rows=self.repeated_rows + other.repeated_rows,
            expected_repeats=self.expected_repeats + other.expected_repeats,
            violations=add_violations((*self.violations, *other.violations)),
            inputs=self.inputs + other.inputs,
            joint=self.joint + other.joint,
            prediction=_add(self.prediction, other.prediction),
            labels=labels,
            first=min(moments, default=None),
            last=max(moments, default=None),
        )

    def record(self) -> "WindowRecord":
        """Return the counts as a document."""
        upper = np.triu_indices(len(self.joint.totals))
        return WindowRecord(
            FORMAT,
            self.contract,
            self.rows,
            self.unlogged,
            self.refused,
            self.largest_refused,
            self.requests,
            self.repeated_requests,
            self.repeated_rows,
            self.expected_repeats,
            self.violations,
            self.inputs.record(),
            tuple(self.joint.totals.tolist()),
            tuple(self.joint.products[upper].tolist()),
            self.prediction.record(),
            self.labels.record() if self.labels else None,
            rfc3339(self.first) if self.first else None,
            rfc3339(self.last) if self.last else None,
        )

    @classmethod
    def of_record(cls, record: "WindowRecord") -> Self:
        """Return the counts of a document.

        Raises:
            InputError: If its parts do not fit one another.
        """
        inputs = InputCounts.of_record(record.inputs)
        size = len(record.totals)
        if len(record.products) != size * (size + 1) // 2 or size > len(inputs.columns):
            raise InputError(
                f"a window's products must be one for each pair of its {size} columns; it has "
                f"{quote(len(record.products))}: count the window again."
            )
        products = np.zeros((size, size))
        products[np.triu_indices(size)] = record.products
        products += np.triu(products, 1).T
        return cls(
            record.contract,
            record.rows,
            record.unlogged,
            record.refused,
            record.largest_refused,
            record.requests,
            record.repeated_requests,
            record.repeated_rows,
            record.expected_repeats,
            record.violations,
            inputs,
            JointSums(inputs.rows, np.array(record.totals), products),
            ColumnCounts.of_record(record.prediction),
            ColumnCounts.of_record(record.labels) if record.labels else None,
            parse_moment(record.first) if record.first else None,
            parse_moment(record.last) if record.last else None,
        )


@dataclass(frozen=True)
class WindowRecord(JsonDocument):
    """What is counted of the rows of a window.

    Attributes:
        format: Version of this document's form.
        contract: SHA-256 of the contract that the rows were read with.
        rows: Rows that were stored.
        unlogged: Rows whose request is not logged.
        refused: Rows that break a rule for which the contract refuses a row.
        largest_refused: The contract's largest share of such rows.
        requests: Requests.
        repeated_requests: Requests that were stored again under the same id.
        repeated_rows: Rows that equal an earlier one of the window in all inputs.
        expected_repeats: How many of them are expected by chance.
        violations: Rows that break each rule.
        inputs: Counts of the inputs over the rows that are not refused.
        totals: Sums of the scores of the first inputs, at most 40.
        products: Sums of the products of each two of them: the upper triangle with its diagonal, by rows.
        prediction: Counts of the predictions.
        labels: Counts of the predicted classes; null for a regression.
        first: Time of the earliest row, as a text of RFC 3339; null without rows.
        last: Time of the latest row.
    """

    format: int
    contract: str
    rows: int
    unlogged: int
    refused: int
    largest_refused: float
    requests: int
    repeated_requests: int
    repeated_rows: int
    expected_repeats: float
    violations: tuple[ViolationCount, ...]
    inputs: InputRecord
    totals: tuple[float, ...]
    products: tuple[float, ...]
    prediction: ColumnRecord
    labels: ColumnRecord | None
    first: str | None
    last: str | None

    expected: ClassVar[str] = (
        "the counts of a window must be what headrace monitor writes, as docs/window.schema.json says"
    )
    remedy: ClassVar[str] = "count the window again"


def add_violations(counts: tuple[ViolationCount, ...]) -> tuple[ViolationCount, ...]:
    """Return one count for each rule and column, in the order of the first ones."""
    rows: Counter[tuple[str, str]] = Counter()
    severities: dict[tuple[str, str], Severity] = {}
    for count in counts:
        rows[count.rule, count.column] += count.rows
        severities.setdefault((count.rule, count.column), count.severity)
    return tuple(ViolationCount(*key, severity, rows[key]) for key, severity in severities.items())


def _add(first: ColumnCounts, second: ColumnCounts) -> ColumnCounts:
    (total,) = (InputCounts((first,), first.rows) + InputCounts((second,), second.rows)).columns
    return total
