"""What can be said of the options of a training before it starts."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.core.customs import Customs
from headrace.core.errors import InputError
from headrace.pipelines.option_fields import check_choices


def check_training(options: type, given: Mapping[str, Any], *, spell: Callable[[str], str] | None = None) -> None:
    """Refuse values that no training can have.

    Args:
        options: The dataclass of options.
        given: Values by the names of the options.
        spell: How an option is called in the message, by its name; None for its flag.

    Raises:
        InputError: If there is one.
    """
    check_choices(options, given, spell=spell)
    if not 0 < given["test_size"] < 1:
        called = spell("test_size") if spell else "--test-size"
        raise InputError(f"{called} must be above 0 and below 1; got {given['test_size']} instead.")
    Customs(given["decimal"], given["thousands"])  # it refuses marks that no notation has
