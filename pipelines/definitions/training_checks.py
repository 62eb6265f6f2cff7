"""Checks the options of a training before it starts."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.core.base.errors import InputError
from headrace.core.contracts.profiling.conventions import check_marks
from headrace.core.models.anomaly.alert_budget import AlertBudget
from headrace.pipelines.definitions.option_fields import check_choices, option_fields

MOST_SEED = 2**32 - 1


def check_seed(seed: int, *, spelled: str = "--seed") -> None:
    """Raise if a seed is not one that every random choice of a training takes.

    Args:
        seed: The seed.
        spelled: What the message calls the option.

    Raises:
        InputError: If it is below 0, or above 2**32 - 1.
    """
    if not 0 <= seed <= MOST_SEED:
        raise InputError(f"{spelled} must be from 0 to {MOST_SEED}; got {seed} instead.")


def check_training(options: type, values: Mapping[str, Any], *, spell: Callable[[str], str] | None = None) -> None:
    """Raise if a value is invalid for every training.

    Args:
        options: The dataclass of options.
        values: Values by the names of the options.
        spell: Returns what the message calls an option, by its name; None for its flag.

    Raises:
        InputError: If a value is not allowed.
    """
    label = spell or (lambda name: option_fields(options)[name].flag)
    check_choices(options, values, spell=label)
    if not 0 < values["test_size"] < 1:
        raise InputError(f"{label('test_size')} must be above 0 and below 1; got {values['test_size']} instead.")
    for name in ("quantile", "intervals"):
        if not 0 <= values[name] < 1:
            raise InputError(f"{label(name)} must be above 0 and below 1; got {values[name]} instead.")
    check_seed(values["seed"], spelled=label("seed"))
    if values["ensemble"] in {"greedy", "stacking"} and values["tuner"] == "katib":
        raise InputError(
            f"{label('ensemble')} must be auto or off for a search on Katib, whose trials bring no predictions back; "
            f"got {values['ensemble']} instead."
        )
    if not values["target"] and not values["contract"] and values["task"] != "anomaly":
        raise InputError(
            f"{label('target')} must name the column to predict; only a task anomaly ({label('task')} anomaly) or a "
            "given contract does without it."
        )
    AlertBudget.parse(values["alert_budget"])
    if values["alert_budget"] and not values["contract"] and values["task"] != "anomaly":
        raise InputError(f"{label('alert_budget')} is for a task anomaly ({label('task')} anomaly); leave it out.")
    check_marks(values["decimal"], values["thousands"], spell=label)
