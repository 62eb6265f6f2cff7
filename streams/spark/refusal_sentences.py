"""Sentences about rows of a table that the contract refuses: what the server would say of each."""

from collections import defaultdict
from collections.abc import Sequence

import polars as pl

from headrace.core.base.errors import quote
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.vocabulary import REFUSING
from headrace.core.validation.request import MOST_VIOLATIONS, Violation, validate_rows

# So few rows that the validation of a request seldom cuts its list of violations short.
_ROWS = 32
_ANSWER = "the event has no finite answer; its values must be nearer to those of the data."


def refusal_sentences(refused: pl.DataFrame, violations: Sequence[str], contract: Contract) -> list[str]:
    """Return a sentence for each of n refused rows.

    Args:
        refused: The rows (n), with the contract's inputs.
        violations: Of each row the rules and columns that it breaks, as ``score_table`` writes them.
        contract: The contract.
    """
    sentences: list[str] = []
    for start in range(0, refused.height, _ROWS):
        sentences += _sentences(refused.slice(start, _ROWS), contract)
    return [sentence or _other_sentence(broken) for sentence, broken in zip(sentences, violations, strict=True)]


def _sentences(rows: pl.DataFrame, contract: Contract) -> list[str]:
    """Return sentences (n), empty for a row that breaks no rule of the contract."""
    found = validate_rows(rows, contract, serving=True)
    if len(found.violations) >= MOST_VIOLATIONS and rows.height > 1:
        middle = rows.height // 2
        return _sentences(rows.head(middle), contract) + _sentences(rows.slice(middle), contract)
    by_row: dict[int, list[Violation]] = defaultdict(list)
    for violation in found.violations:
        if violation.severity in REFUSING:
            by_row[violation.row].append(violation)
    return [_sentence(by_row[row]) for row in range(rows.height)]


def _sentence(broken: Sequence[Violation]) -> str:
    if not broken:
        return ""
    first = str(broken[0]).removeprefix(f"row {broken[0].row}, ")
    if len(broken) == 1:
        return first
    return f"{first.removesuffix('.')}; {len(broken) - 1} more values or columns are refused."


def _other_sentence(violations: str) -> str:
    """Return a sentence on what no model can score, whatever the contract says: an infinite value, or answer."""
    infinite = next((rule for rule in violations.split("; ") if rule.startswith("finite:")), "")
    if not infinite:
        return _ANSWER
    return f"column {quote(infinite.removeprefix('finite:'))} must be finite; got an infinity instead."
