"""What is predicted: the task, the classes and the positive one, from what is known of the target's column."""

from dataclasses import replace

from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.contracts.contract import Task
from headrace.core.contracts.fault_sentences import wants
from headrace.core.contracts.profiling.column_profile import ColumnProfile

MOST_CLASSES = 200
FEW_VALUES = 20


def guess_task(facts: ColumnProfile, *, task: str = "") -> Task:
    """Choose the task.

    Args:
        facts: What is known of the target.
        task: What the user says; empty to infer it.

    Returns:
        ``binary`` for two classes, ``multiclass`` for more, ``regression`` for a number of many values.

    Raises:
        InputError: If the task that the user says cannot be.
        DataError: If the column is no target at all.
    """
    _require_usable(facts)
    facts = as_numbers(facts, task=task)
    name, numeric = quote(facts.name), facts.dtype in {"integer", "number"}
    if task == "regression":
        if not numeric:
            raise InputError(f"the target {name} must be a number for a regression, but is a {facts.dtype} column.")
        return "regression"
    if task not in {"", "binary", "multiclass"}:
        raise InputError(wants("the task", "binary, multiclass or regression", task))
    if not task and numeric and not _few(facts):
        return "regression"
    if facts.distinct > MOST_CLASSES or facts.distinct > 0.5 * facts.present > 20:
        raise DataError(
            f"the target {name} must have at most {MOST_CLASSES} classes with several rows each, but has about "
            f"{facts.distinct} different values in {facts.present} rows; choose another target"
            + (", or the task regression." if numeric else ", for this one looks like an identifier or free text.")
        )
    found: Task = "binary" if facts.distinct == 2 else "multiclass"
    if task and task != found:
        raise InputError(f"the target {name} has {facts.distinct} classes, so the task must be {found}; got {task!r}.")
    return found


def _require_usable(facts: ColumnProfile) -> None:
    name = quote(facts.name)
    if facts.present == 0:
        raise DataError(f"the target {name} must have values, but all {facts.rows} are missing; choose another target.")
    if facts.nested or facts.dtype == "timestamp":
        kind = "timestamps" if facts.dtype == "timestamp" else "lists or bytes"
        raise DataError(f"the target {name} must hold numbers or texts, but holds {kind}; choose another target.")
    if facts.distinct == 1:
        value = quote(facts.values[0]) if facts.values else "one value"
        raise DataError(
            f"the target {name} must have at least two different values, but each of its {facts.present} is {value}; "
            "choose another target, or give rows of another class."
        )


def _few(facts: ColumnProfile) -> bool:
    """Whether the different numbers are so few that they are classes."""
    if facts.distinct == 2:
        return True
    return facts.dtype == "integer" and facts.distinct <= FEW_VALUES and facts.distinct <= 0.1 * facts.present


def is_number_as_text(facts: ColumnProfile) -> bool:
    """Whether most texts of a target are numbers, and too many different ones to be classes."""
    return facts.dtype == "string" and facts.almost in {"integer", "number"} and facts.distinct > FEW_VALUES


def as_numbers(facts: ColumnProfile, *, task: str = "") -> ColumnProfile:
    """A target as a number, where most of its texts are numbers; the rows of the others will be set aside.

    Args:
        facts: What is known of the target.
        task: What the user says; classes stay texts.
    """
    if task in {"binary", "multiclass"} or not is_number_as_text(facts):
        return facts
    return replace(facts, dtype="number", values=None)


def classes(facts: ColumnProfile) -> tuple[str, ...]:
    """The classes of the target in order: numbers by size, texts by letters."""
    return facts.values or ()
