"""What can be said of the options of a training before it starts."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.core.base.errors import InputError
from headrace.core.contracts.profiling.conventions import check_marks
from headrace.pipelines.definitions.option_fields import check_choices, option_fields


def check_training(options: type, given: Mapping[str, Any], *, spell: Callable[[str], str] | None = None) -> None:
    """Refuse values that no training can have.

    Args:
        options: The dataclass of options.
        given: Values by the names of the options.
        spell: How an option is called in the message, by its name; None for its flag.

    Raises:
        InputError: If there is one.
    """
    called = spell or (lambda name: option_fields(options)[name].flag)
    check_choices(options, given, spell=called)
    if not 0 < given["test_size"] < 1:
        raise InputError(f"{called('test_size')} must be above 0 and below 1; got {given['test_size']} instead.")
    check_marks(given["decimal"], given["thousands"], spell=called)
