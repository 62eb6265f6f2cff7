"""What a person should know of a table once it was checked: columns that no model sees, and rules that it broke."""

from collections.abc import Iterable, Iterator, Sequence

from headrace.core.checks import Finding
from headrace.core.contract import Column, Contract
from headrace.core.counts import Counts
from headrace.core.errors import shown
from headrace.core.notes import Note, NoteSeverity, in_lower_case, worst_first

IGNORED = "ignored"
# Rules that may make a result wrong; of the others, a share of the rows from which on they may.
_GRAVE = frozenset({"leakage", "missing", "duplicate_keys", "class_balance", "quarantined_share"})
_GRAVE_SHARE = 0.01
_LIGHT = frozenset({"constant", "unknown_columns"})


def gather(contract: Contract, found: Sequence[Finding], counts: Counts, before: Sequence[Note] = ()) -> list[Note]:
    """All that is to be told of a table.

    Args:
        contract: Its contract.
        found: What the check found.
        counts: What it counted.
        before: What was noted while the table was read and its contract inferred; it goes before what the contract
            says of the same columns.

    Returns:
        The notes, worst first.
    """
    return list(worst_first([*before, *(_of_finding(item, counts) for item in found), *left_out(contract, before)]))


def left_out(contract: Contract, before: Iterable[Note] = ()) -> list[Note]:
    """A note for each column that no model sees, unless one of the notes before tells of it."""
    told = {note.column for note in before if note.rule == IGNORED}
    return [note for note in unseen(contract) if note.column not in told]


def unseen(contract: Contract) -> Iterator[Note]:
    """A note for each column that no model sees though nobody need have wanted that: ignored ones, unused times."""
    used = {name for feature in contract.features for name in feature.columns} | {contract.time_column}
    for column in contract.columns:
        if column.role == "ignore":
            yield ignored(column)
        elif column.role == "timestamp" and column.name not in used:
            yield Note(
                "info",
                column.name,
                IGNORED,
                1,
                f"Column {shown(column.name)} is left out: no row feature is made of this timestamp.",
                "Declare one in the contract to use it.",
            )


def ignored(column: Column, severity: NoteSeverity = "info") -> Note:
    """The note that a column of role ``ignore`` is left out, with the contract's reason."""
    why = f": {in_lower_case(column.description)}" if column.description else ", as the contract says"
    sentence = f"Column {shown(column.name)} is left out{why.rstrip('.')}."
    return Note(severity, column.name, IGNORED, 1, sentence, "Give it another role in the contract to use it.")


def _of_finding(finding: Finding, counts: Counts) -> Note:
    aside = " They are set aside" if finding.severity == "quarantine" else ""
    sentence = f"{_sentence(finding.found)}{aside}{'.' if aside else ''}"
    return Note(
        _severity(finding, counts), finding.column, finding.rule, finding.count, sentence, _sentence(finding.remedy)
    )


def _severity(finding: Finding, counts: Counts) -> NoteSeverity:
    if finding.rule in _LIGHT and finding.severity == "warn":
        return "info"
    grave = finding.severity == "stop" or finding.rule in _GRAVE or finding.count > _GRAVE_SHARE * counts.rows
    return "warning" if grave else "info"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
