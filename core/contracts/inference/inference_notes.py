"""What was guessed of a table when its contract was inferred, and how a person says otherwise."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.inference.positive_class import PositiveClass
from headrace.core.contracts.inference.target import FEW_VALUES, is_number_as_text
from headrace.core.contracts.profiling.column_profile import ColumnProfile
from headrace.core.contracts.unused_columns import ignored_note

_BECAUSE = {
    "meaning": "by what the classes mean",
    "rarer": "because it is the rarer one",
    "last": "because it is the last in order: neither means yes nor is rarer",
}


def of_task(goal: ColumnProfile, contract: Contract, *, asked: str) -> Iterator[Note]:
    """How a target that might be classes or a number was taken.

    Args:
        goal: What is known of the target, as the table holds it.
        contract: The contract.
        asked: The task that a person asked for; empty for none.
    """
    name, task = quote(goal.name), contract.task
    if is_number_as_text(goal):
        yield Note(
            "warning",
            goal.name,
            "target_not_numbers",
            1,
            f"Most values of the target {name} are numbers, but some are other texts: it is predicted as a number "
            f"({task}), and rows with those texts are set aside.",
            "Add the texts to missing_values, or give --task multiclass if the texts are classes.",
        )
    if asked or goal.dtype not in {"integer", "number"} or goal.distinct > 2 * FEW_VALUES:
        return
    if task == "regression":
        yield Note(
            "info",
            goal.name,
            "task",
            goal.distinct,
            f"The target {name} holds {goal.distinct} different numbers and is predicted as a number (regression).",
            f"Give --task {'binary' if goal.distinct == 2 else 'multiclass'} to predict classes.",
        )
    elif set(goal.values or ()) != {"0", "1"}:
        yield Note(
            "info",
            goal.name,
            "task",
            goal.distinct,
            f"The target {name} holds {goal.distinct} different numbers, which are taken for classes ({task}).",
            "Give --task regression to predict a number.",
        )


def of_positive(found: PositiveClass, contract: Contract, rows: Mapping[str, int]) -> Iterator[Note]:
    """Which class is the positive one, unless a person said so."""
    if found.why == "given":
        return
    other = next(name for name in contract.target.categories or () if name != found.name)
    count, total = rows.get(found.name, 0), sum(rows.values())
    yield Note(
        "info",
        contract.target.name,
        "positive_class",
        count,
        f"The positive class, whose probability, precision and recall are told, is {quote(found.name)} ({count:,} of "
        f"{total:,} rows), {_BECAUSE[found.why]}.",
        f"Give --positive {quote(other)} for the other one.",
    )


def of_columns(contract: Contract, facts: Mapping[str, ColumnProfile], *, wished: Iterable[str]) -> Iterator[Note]:
    """Columns that were left out though most of their values could be used, or that hold alike texts.

    Args:
        contract: The contract.
        facts: What is known of each column.
        wished: Columns that a person spoke of.
    """
    spoken = set(wished)
    for column in contract.columns:
        item = facts[column.name]
        if column.categories and item.dtype == "string":
            yield from _alike(column)
        if column.name in spoken:
            continue
        if column.role == "ignore" and item.almost:
            yield ignored_note(column, "warning")


def _alike(column: Column) -> Iterator[Note]:
    """Texts of a column that differ by case, blanks or the form of their letters alone."""
    same: dict[str, list[str]] = {}
    for text in column.categories or ():
        same.setdefault(re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold(), []).append(text)
    found = [texts for texts in same.values() if len(texts) > 1]
    if found:
        what = "classes of the target" if column.role == "target" else "categories of column"
        pairs = ", ".join(" and ".join(quote(text) for text in texts) for texts in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield Note(
            "warning" if column.role == "target" else "info",
            column.name,
            "alike",
            len(found),
            f"The {what} {quote(column.name)} hold texts that differ by case or blanks alone and are taken for "
            f"different ones: {pairs}{more}.",
            "Write them alike in the table if they mean the same.",
        )
