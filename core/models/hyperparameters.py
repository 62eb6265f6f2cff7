"""Types of hyperparameters: the valid values, whether from a person, a search or a JSON file."""

import math
from dataclasses import dataclass
from typing import Any

from headrace.core.base.errors import InputError, quote


@dataclass(frozen=True)
class IntegerParameter:
    """A whole number in ``[low, high]``; a float without a fraction is valid, since JSON and KFP produce them."""

    default: int
    low: int
    high: int

    def check(self, name: str, value: Any) -> int:
        """Return the value as an int.

        Raises:
            InputError: If it is not a number, or out of bounds.
        """
        number = _number(name, value)
        if number != int(number) or not self.low <= number <= self.high:
            raise InputError(
                f"the parameter {name} must be a whole number from {self.low} to {self.high}; "
                f"got {quote(value)} instead."
            )
        return int(number)


@dataclass(frozen=True)
class FloatParameter:
    """A number in ``[low, high]``."""

    default: float
    low: float
    high: float

    def check(self, name: str, value: Any) -> float:
        """Return the value as a float.

        Raises:
            InputError: If it is not a number, or out of bounds.
        """
        number = _number(name, value)
        if not self.low <= number <= self.high:
            raise InputError(
                f"the parameter {name} must be a number from {self.low:g} to {self.high:g}; got {quote(value)} instead."
            )
        return number


@dataclass(frozen=True)
class CategoricalParameter:
    """One of several texts."""

    default: str
    options: tuple[str, ...]

    def check(self, name: str, value: Any) -> str:
        """Return the value.

        Raises:
            InputError: If it is not one of the options.
        """
        if not isinstance(value, str) or value not in self.options:
            raise InputError(
                f"the parameter {name} must be one of {quote(list(self.options))}; got {quote(value)} instead."
            )
        return value


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"the parameter {name} must be a finite number; got {quote(value)} instead.")
    return number
