"""Notes on what the inference of a contract assumed, and how to override it."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.profiling.column_profile import ColumnProfile
from headrace.core.contracts.table_inference.positive_class import PositiveClass
from headrace.core.contracts.table_inference.target import FEW_VALUES, is_number_as_text
from headrace.core.contracts.unused_columns import ignored_note

_BECAUSE = {
    "meaning": "by what the classes mean",
    "rarer": "because it is the rarer one",
    "last": "because it is the last in order: neither means yes nor is rarer",
}


def task_notes(target: ColumnProfile, contract: Contract, *, requested: str) -> Iterator[Note]:
    """Yield how a target that may hold classes or numbers was interpreted.

    Args:
        target: Profile of the target, as it is in the table.
        contract: The contract.
        requested: The task that the user chose; empty for none.
    """
    name, task = quote(target.name), contract.task
    if is_number_as_text(target):
        yield Note(
            "warning",
            target.name,
            "target_not_numbers",
            1,
            f"Most values of the target {name} are numbers, but some are other texts: it is predicted as a number "
            f"({task}), and rows with those texts are set aside.",
            "Add the texts to missing_values, or give --task multiclass if the texts are classes.",
        )
    if requested or target.dtype not in {"integer", "number"} or target.distinct > 2 * FEW_VALUES:
        return
    if task == "regression":
        yield Note(
            "info",
            target.name,
            "task",
            target.distinct,
            f"The target {name} holds {target.distinct} different numbers and is predicted as a number (regression).",
            f"Give --task {'binary' if target.distinct == 2 else 'multiclass'} to predict classes.",
        )
    elif set(target.values or ()) != {"0", "1"}:
        yield Note(
            "info",
            target.name,
            "task",
            target.distinct,
            f"The target {name} holds {target.distinct} different numbers, which are treated as classes ({task}).",
            "Give --task regression to predict a number.",
        )


def positive_class_notes(positive: PositiveClass, contract: Contract, rows: Mapping[str, int]) -> Iterator[Note]:
    """Yield which class is the positive one, unless the user named it."""
    if positive.why == "given":
        return
    other = next(name for name in contract.target.categories or () if name != positive.name)
    count, total = rows.get(positive.name, 0), sum(rows.values())
    yield Note(
        "info",
        contract.target.name,
        "positive_class",
        count,
        f"The positive class, whose probability, precision and recall are reported, is {quote(positive.name)} "
        f"({count:,} of {total:,} rows), {_BECAUSE[positive.why]}.",
        f"Give --positive {quote(other)} for the other one.",
    )


def column_notes(contract: Contract, profiles: Mapping[str, ColumnProfile], *, named: Iterable[str]) -> Iterator[Note]:
    """Yield columns that were left out though most of their values are usable, or that hold near-identical texts.

    Args:
        contract: The contract.
        profiles: The profile of each column.
        named: Columns that the user named.
    """
    requested = set(named)
    for column in contract.columns:
        item = profiles[column.name]
        if column.categories and item.dtype == "string":
            yield from _alike(column)
        if column.name in requested:
            continue
        if column.role == "ignore" and item.nearly_dtype:
            yield ignored_note(column, "warning")


def _alike(column: Column) -> Iterator[Note]:
    """Yield texts of a column that differ only by case, blanks or the form of their letters."""
    by_form: dict[str, list[str]] = {}
    for text in column.categories or ():
        by_form.setdefault(re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold(), []).append(text)
    groups = [texts for texts in by_form.values() if len(texts) > 1]
    if groups:
        kind = "classes of the target" if column.role == "target" else "categories of column"
        pairs = ", ".join(" and ".join(quote(text) for text in texts) for texts in groups[:3])
        more = f" and {len(groups) - 3} more" if len(groups) > 3 else ""
        yield Note(
            "warning" if column.role == "target" else "info",
            column.name,
            "alike",
            len(groups),
            f"The {kind} {quote(column.name)} hold texts that differ by case or blanks alone and are treated "
            f"as different: {pairs}{more}.",
            "Write them alike in the table if they mean the same.",
        )
