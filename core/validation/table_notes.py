"""Notes on a validated table: columns that no model uses, and broken rules."""

from collections.abc import Sequence

from headrace.core.base.notes import Note, NoteSeverity, worst_first
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.unused_columns import unused_column_notes
from headrace.core.validation.report import CheckFinding
from headrace.core.validation.violation_counts import ViolationCounts

# Rules that may make a result wrong; other rules may from this share of the rows on.
_GRAVE = frozenset({"leakage", "missing", "duplicate_keys", "class_balance", "quarantined_share"})
_GRAVE_SHARE = 0.01
_LIGHT = frozenset({"constant", "unknown_columns"})


def gather(
    contract: Contract, broken: Sequence[CheckFinding], counts: ViolationCounts, before: Sequence[Note] = ()
) -> list[Note]:
    """Return all notes on a table.

    Args:
        contract: Its contract.
        broken: The broken rules.
        counts: The counts of the validation.
        before: Notes from reading the table and inferring its contract; they replace the contract's own notes on the
            same columns.

    Returns:
        The notes, worst first.
    """
    return list(
        worst_first([*before, *(_of_finding(item, counts) for item in broken), *unused_column_notes(contract, before)])
    )


def _of_finding(finding: CheckFinding, counts: ViolationCounts) -> Note:
    quarantined = " They are set aside" if finding.severity == "quarantine" else ""
    sentence = f"{_sentence(finding.statement)}{quarantined}{'.' if quarantined else ''}"
    return Note(
        _severity(finding, counts), finding.column, finding.rule, finding.count, sentence, _sentence(finding.remedy)
    )


def _severity(finding: CheckFinding, counts: ViolationCounts) -> NoteSeverity:
    if finding.rule in _LIGHT and finding.severity == "warn":
        return "info"
    grave = finding.severity == "stop" or finding.rule in _GRAVE or finding.count > _GRAVE_SHARE * counts.rows
    return "warning" if grave else "info"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
