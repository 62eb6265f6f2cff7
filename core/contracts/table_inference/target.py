"""The task and the classes, inferred from the profile of the target column."""

from dataclasses import replace

from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.contracts.contract import Task
from headrace.core.contracts.fault_sentences import must_be
from headrace.core.contracts.profiling.column_profile import ColumnProfile

MOST_CLASSES = 200
FEW_VALUES = 20


def guess_task(profile: ColumnProfile, *, task: str = "") -> Task:
    """Return the task that fits the target.

    Args:
        profile: Profile of the target.
        task: The user's choice; empty to infer it.

    Returns:
        ``binary`` for two classes, ``multiclass`` for more, ``regression`` for a number of many values; ``anomaly``
        only as the user's choice, for labels of two classes.

    Raises:
        InputError: If the column does not allow the user's task.
        DataError: If the column cannot be a target.
    """
    _require_usable(profile)
    profile = as_numbers(profile, task=task)
    name, numeric = quote(profile.name), profile.dtype in {"integer", "number"}
    if task == "regression":
        if not numeric:
            raise InputError(f"the target {name} must be a number for a regression, but is a {profile.dtype} column.")
        return "regression"
    if task == "anomaly":
        if profile.distinct != 2:
            raise InputError(
                f"the labels in {name} must be of two classes, anomaly or not, with rows without a label missing; got "
                f"{profile.distinct} different values; name another column, or none."
            )
        return "anomaly"
    if task not in {"", "binary", "multiclass"}:
        raise InputError(must_be("the task", "binary, multiclass, regression or anomaly", task))
    if not task and numeric and not _few(profile):
        return "regression"
    if profile.distinct > MOST_CLASSES or profile.distinct > 0.5 * profile.present > 20:
        raise DataError(
            f"the target {name} must have at most {MOST_CLASSES} classes with several rows each, but has about "
            f"{profile.distinct} different values in {profile.present} rows; choose another target"
            + (", or the task regression." if numeric else ", for this one looks like an identifier or free text.")
        )
    inferred: Task = "binary" if profile.distinct == 2 else "multiclass"
    if task and task != inferred:
        raise InputError(
            f"the target {name} has {profile.distinct} classes, so the task must be {inferred}; got {task!r}."
        )
    return inferred


def _require_usable(profile: ColumnProfile) -> None:
    name = quote(profile.name)
    if profile.present == 0:
        raise DataError(
            f"the target {name} must have values, but all {profile.rows} are missing; choose another target."
        )
    if profile.nested or profile.dtype == "timestamp":
        kind = "timestamps" if profile.dtype == "timestamp" else "lists or bytes"
        raise DataError(f"the target {name} must hold numbers or texts, but holds {kind}; choose another target.")
    if profile.distinct == 1:
        value = quote(profile.values[0]) if profile.values else "one value"
        raise DataError(
            f"the target {name} must have at least two different values, but each of its {profile.present} is {value}; "
            "choose another target, or give rows of another class."
        )


def _few(profile: ColumnProfile) -> bool:
    """Check whether the different numbers are so few that they are classes."""
    if profile.distinct == 2:
        return True
    return profile.dtype == "integer" and profile.distinct <= FEW_VALUES and profile.distinct <= 0.1 * profile.present


def is_number_as_text(profile: ColumnProfile) -> bool:
    """Check whether most texts of a target are numbers, with too many different ones to be classes."""
    return profile.dtype == "string" and profile.nearly_dtype in {"integer", "number"} and profile.distinct > FEW_VALUES


def as_numbers(profile: ColumnProfile, *, task: str = "") -> ColumnProfile:
    """Return the target's profile as a number where most of its texts are numbers; rows with other texts are set aside.

    Args:
        profile: Profile of the target.
        task: The user's choice; with a classification task classes stay texts.
    """
    if task in {"binary", "multiclass", "anomaly"} or not is_number_as_text(profile):
        return profile
    return replace(profile, dtype="number", values=None)


def classes(profile: ColumnProfile) -> tuple[str, ...]:
    """Return the classes of the target in order: numbers by size, texts alphabetically."""
    return profile.values or ()
