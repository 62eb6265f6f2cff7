"""Columns that no model uses: ignored ones, and timestamps without a row feature."""

from collections.abc import Iterable, Iterator

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note, NoteSeverity, in_lower_case
from headrace.core.contracts.contract import Column, Contract

IGNORED = "ignored"


def unused_column_notes(contract: Contract, before: Iterable[Note] = ()) -> list[Note]:
    """Return a note for each column that no model uses, unless an earlier note covers it."""
    covered = {note.column for note in before if note.rule == IGNORED}
    return [note for note in find_unused_columns(contract) if note.column not in covered]


def find_unused_columns(contract: Contract) -> Iterator[Note]:
    """Yield a note for each column that no model uses, perhaps unintentionally: ignored columns and unused times."""
    used = {name for feature in contract.features for name in feature.columns} | {contract.time_column}
    for column in contract.columns:
        if column.role == "ignore":
            yield ignored_note(column)
        elif column.role == "timestamp" and column.name not in used:
            yield Note(
                "info",
                column.name,
                IGNORED,
                1,
                f"Column {quote(column.name)} is left out: no row feature is made of this timestamp.",
                "Declare one in the contract to use it.",
            )


def ignored_note(column: Column, severity: NoteSeverity = "info") -> Note:
    """Return the note that a column of role ``ignore`` is left out, with the contract's reason."""
    why = f": {in_lower_case(column.description)}" if column.description else ", as the contract says"
    sentence = f"Column {quote(column.name)} is left out{why.rstrip('.')}."
    return Note(severity, column.name, IGNORED, 1, sentence, "Give it another role in the contract to use it.")
