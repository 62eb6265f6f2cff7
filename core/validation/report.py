"""The findings of a table's validation, rule by rule, and whether the run may continue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace.core.base.errors import DataError, quote
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Contract, Severity
from headrace.core.validation import row_rules
from headrace.core.validation.accumulator import TableAccumulator
from headrace.core.validation.data_checks import BrokenRule, CheckedColumn, CheckedCounts, DataChecks
from headrace.core.validation.leakage import LeakageSuspicion, find_leaks
from headrace.core.validation.violation_counts import ViolationCounts, ViolationExample

FEWEST_ROWS = 20
RARE_CLASS = 0.05


@dataclass(frozen=True)
class CheckFinding:
    """One broken rule.

    Attributes:
        rule: Its name.
        column: The column; empty for a rule about the table.
        severity: Its severity in the contract.
        count: Number of rows that break it, or of columns for a rule about columns.
        statement: What was expected and found, without a full stop.
        remedy: What to do about it, without a full stop.
        examples: A few values with their row numbers, as text; none for personal data.
        holds: Whether models of this table may only be promoted after a person's review.
    """

    rule: str
    column: str
    severity: Severity
    count: int
    statement: str
    remedy: str
    examples: tuple[str, ...] = ()
    holds: bool = False

    @property
    def message(self) -> str:
        """What was expected and found, as a sentence with the remedy."""
        return f"{self.statement}; {self.remedy}."

    @property
    def broken_rule(self) -> BrokenRule:
        """The finding as the checks hold it."""
        return BrokenRule(
            rule=self.rule,
            column=self.column,
            severity=self.severity,
            count=self.count,
            examples=self.examples,
            message=self.message,
            holds=self.holds,
        )


def findings(accumulator: TableAccumulator, contract: Contract) -> list[CheckFinding]:
    """Return every rule that the table breaks, worst severity first.

    Args:
        accumulator: The statistics of the table.
        contract: The table's contract.

    Returns:
        The findings; rules that are off are absent.
    """
    counts = accumulator.counts
    broken = [
        *_row_findings(counts, contract),
        *_column_findings(counts, contract),
        *_repeats(accumulator, contract),
        *_classes(counts, contract),
    ]
    if contract.severity("leakage") != "off":
        broken += [_leakage(leak, contract) for leak in find_leaks(accumulator.sample(), contract)]
    broken += _quarantine_findings(counts, contract)
    order = {"stop": 0, "quarantine": 1, "warn": 2}
    return sorted((item for item in broken if item.severity != "off"), key=lambda item: order[item.severity])


def report(
    accumulator: TableAccumulator, contract: Contract, broken: Sequence[CheckFinding], notes: Sequence[Note] = ()
) -> DataChecks:
    """Return the checks.

    Args:
        accumulator: The statistics of the table.
        contract: The table's contract.
        broken: The findings, worst severity first.
        notes: What a person should know of the table, worst first.
    """
    counts = accumulator.counts
    columns: dict[str, CheckedColumn] = {}
    for column in contract.typed_columns:
        missing = int(counts.missing.get(column.name, 0))
        columns[column.name] = CheckedColumn(
            dtype=column.dtype,
            role=column.role,
            missing=missing,
            missing_share=missing / counts.rows if counts.rows else 0.0,
        )
    return DataChecks(
        rows=CheckedCounts(**accumulator.facts()),
        rules=tuple(item.broken_rule for item in broken),
        class_balance={name: int(counts.classes.get(name, 0)) for name in _class_names(contract)},
        columns=columns,
        notes=tuple(notes),
    )


def raise_on_stop(accumulator: TableAccumulator, contract: Contract, broken: list[CheckFinding]) -> None:
    """Raise if a rule of severity ``stop`` is broken, or if too little is left to learn from.

    Raises:
        DataError: If the run must end; the message names column, rule, count, examples and remedy.
    """
    for item in broken:
        if item.severity == "stop":
            raise DataError(item.message)
    counts = accumulator.counts
    if counts.valid < FEWEST_ROWS:
        raise DataError(
            f"at least {FEWEST_ROWS} valid rows are needed to learn from, but the table has {counts.valid} "
            f"({counts.quarantined} of {counts.rows} were set aside); give more rows."
        )
    if not contract.inputs:
        others = [f"{quote(column.name)} ({column.role})" for column in contract.columns if column.role != "target"]
        raise DataError(
            f"a column to learn from is needed{_besides_target(contract)}, but the table has "
            f"{', '.join(others[:5]) or 'none'}; give one, or make one a feature in the contract."
        )
    present = [name for name in _class_names(contract) if counts.classes.get(name, 0)]
    if not contract.answers_number and len(present) < 2:
        raise DataError(
            f"the target {quote(contract.target.name)} must have at least two classes among the valid rows, but has "
            f"{quote(present)}; give rows of another class, or choose another target."
        )


def _besides_target(contract: Contract) -> str:
    return f" besides the target {quote(contract.label_column.name)}" if contract.label_column else ""


def _class_names(contract: Contract) -> tuple[str, ...]:
    """Return the classes that are counted: of the target, or of the labels of an anomaly task."""
    column = contract.label_column
    return () if column is None or contract.task == "regression" else column.categories or ()


def example_text(example: ViolationExample) -> str:
    """Return a value and its row."""
    return f"{example.value} (row {example.row})" if example.value else f"row {example.row}"


def _row_findings(counts: ViolationCounts, contract: Contract) -> Iterator[CheckFinding]:
    positions = {column.name: position for position, column in enumerate(contract.columns)}
    for (rule, name), count in sorted(counts.broken.items(), key=lambda item: (positions[item[0][1]], item[0][0])):
        examples = tuple(example_text(item) for item in counts.examples.get((rule, name), ()))
        level = contract.severity(rule)
        remedy = f"correct them, edit the contract, or set its rule '{rule}' to warn"
        message = (
            f"column {quote(name)} must be {row_rules.expectation(contract.column(name), rule)}; {count} of "
            f"{counts.rows} "
            f"rows break this rule ({rule}), such as {', '.join(examples[:3])}"
        )
        yield CheckFinding(rule, name, level, count, message, remedy, examples)


def _column_findings(counts: ViolationCounts, contract: Contract) -> Iterator[CheckFinding]:
    for column in contract.typed_columns:
        missing = counts.missing.get(column.name, 0)
        if counts.rows and missing / counts.rows > column.missing and column.role not in {"target", "ignore"}:
            message = (
                f"column {quote(column.name)} may miss at most {column.missing:.1%} of its values, but misses "
                f"{missing} of {counts.rows}"
            )
            remedy = "fill them in, or raise the contract's 'missing'"
            yield CheckFinding("missing", column.name, contract.severity("missing"), missing, message, remedy)
        if column.role == "feature" and counts.rows > 1 and _constant(counts, column.name):
            message = f"column {quote(column.name)} has one value in all {counts.rows} rows and carries no information"
            remedy = "give it the role 'ignore'"
            yield CheckFinding("constant", column.name, contract.severity("constant"), counts.rows, message, remedy)
    for name in counts.unknown:
        message = f"column {quote(name)} is not in the contract and was left out"
        remedy = "add it to the contract to use it"
        yield CheckFinding("unknown_columns", name, contract.severity("unknown_columns"), 1, message, remedy)


def _constant(counts: ViolationCounts, name: str) -> bool:
    least, most = counts.least.get(name), counts.most.get(name)
    missing = counts.missing.get(name, 0)
    return (least is None and most is None) or (missing == 0 and bool(least == most))


def _repeats(accumulator: TableAccumulator, contract: Contract) -> Iterator[CheckFinding]:
    repeated = accumulator.rows.count() if contract.severity("duplicate_rows") != "off" else 0
    if repeated:
        message = f"{repeated} of {accumulator.counts.valid} rows repeat an earlier one; {_apart(contract)}"
        remedy = "remove them if they are an error"
        yield CheckFinding("duplicate_rows", "", contract.severity("duplicate_rows"), repeated, message, remedy)
    repeated = accumulator.keys.count() if contract.keys and contract.severity("duplicate_keys") != "off" else 0
    if repeated:
        message = (
            f"the keys {quote(list(contract.keys))} must be different in each row, but {repeated} rows repeat "
            "an earlier one"
        )
        remedy = "correct them, or edit the contract's 'keys'"
        level = contract.severity("duplicate_keys")
        yield CheckFinding("duplicate_keys", ", ".join(contract.keys), level, repeated, message, remedy)


def _leakage(leak: LeakageSuspicion, contract: Contract) -> CheckFinding:
    level, count = contract.severity("leakage"), len(leak.columns)
    return CheckFinding("leakage", leak.columns[0], level, count, leak.statement, leak.remedy, holds=leak.perfect)


def _apart(contract: Contract) -> str:
    """Return what the split does with equal rows, in a few words."""
    if contract.group == "inputs":
        return "equal inputs stay on one side of the split"
    return "each copy is drawn for the train or the test part by itself, unless the contract says 'group: inputs'"


def _classes(counts: ViolationCounts, contract: Contract) -> Iterator[CheckFinding]:
    if contract.task == "anomaly":
        return  # anomalies are rare
    names = _class_names(contract)
    total = sum(counts.classes.values())
    rare = {name: counts.classes.get(name, 0) for name in names if counts.classes.get(name, 0) < RARE_CLASS * total}
    if rare:
        name, count = min(rare.items(), key=lambda item: item[1])
        message = (
            f"each class of the target {quote(contract.target.name)} should have at least {RARE_CLASS:.0%} of the "
            f"rows, but {len(rare)} of {len(names)} have less, {quote(name)} the least with {count} of {total}"
        )
        level = contract.severity("class_balance")
        remedy = "judge the model by PR-AUC and by its errors on that class"
        yield CheckFinding("class_balance", contract.target.name, level, len(rare), message, remedy)


def _quarantine_findings(counts: ViolationCounts, contract: Contract) -> Iterator[CheckFinding]:
    share = counts.quarantined / counts.rows if counts.rows else 0.0
    if share <= contract.max_quarantined:
        return
    (rule, name), count = max(
        ((rule, count) for rule, count in counts.broken.items() if contract.refuses(rule[0])),
        key=lambda item: item[1],
    )
    examples = tuple(example_text(item) for item in counts.examples.get((rule, name), ()))
    message = (
        f"at most {contract.max_quarantined:.0%} of the rows may be set aside, but {counts.quarantined} of "
        f"{counts.rows} ({share:.1%}) were, most of them ({count}) because column {quote(name)} must be "
        f"{row_rules.expectation(contract.column(name), rule)} (rule {rule}), unlike {', '.join(examples[:3])}"
    )
    remedy, level = "correct the table or edit the contract", contract.severity("quarantined_share")
    yield CheckFinding("quarantined_share", name, level, counts.quarantined, message, remedy, examples)
