"""The search space of a Katib Experiment: the allowed values of each parameter."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any, Literal

from headrace.core.base.errors import InputError, quote

Distribution = Literal["uniform", "logUniform", "normal", "logNormal"]
_DISTRIBUTIONS: tuple[Distribution, ...] = ("uniform", "logUniform", "normal", "logNormal")
_UNKNOWN = "unknown"  # Katib writes this for uniform if no distribution was given
_MOST_POINTS = 100_000
# Texts that can replace a placeholder, and stand in JSON, without escapes.
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,62}")
_TEXT = re.compile(r"[\w.,:/@%+-]{1,200}")
# The bounds are this many standard deviations from the mean of a normal distribution, as in Katib.
_DEVIATIONS = 3.0
# Shares are rounded to these steps, whose values differ by more than the rounding errors of their computation
# (about 1e-15): else a larger share could give a smaller value. A power of two, so that 1 - share is exact.
_STEPS_OF_SHARE = 2**44


@dataclass(frozen=True)
class NumberRange:
    """Numbers between two bounds.

    Attributes:
        low: Least value.
        high: Largest value.
        step: Distance between values; None for any value between the bounds.
        log: Whether values are drawn on a logarithmic scale.
        whole: Whether the values are whole numbers.
        bell: Whether values are drawn from a normal distribution, truncated at the bounds, which are three standard
            deviations from its mean.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False
    bell: bool = False

    @property
    def last(self) -> float:
        """The largest allowed value: ``high``, or the last step below it."""
        step = self.step or (1.0 if self.whole else None)
        if step is None:
            return self.high
        # Decimals, because in binary floating point 0.3 is not three steps of 0.1.
        low, high, size = (Decimal(str(number)) for number in (self.low, self.high, step))
        return float(low + (high - low) // size * size)

    def value(self, share: float) -> float:
        """Return the quantile of the truncated normal distribution at a share.

        Args:
            share: From 0, the smallest value, to 1, the largest. A larger share never gives a smaller value.
        """
        position = _place(round(share * _STEPS_OF_SHARE) / _STEPS_OF_SHARE)
        if position in {0.0, 1.0}:  # the bounds themselves, which the logarithm and back may miss
            return self.near(self.high if position else self.low)
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        scaled = low + position * (high - low)
        return self.near(math.exp(scaled) if self.log else scaled)

    def near(self, number: float) -> float:
        """Return the allowed value nearest to a number."""
        number = min(max(number, self.low), self.high)
        step = self.step or (1.0 if self.whole else None)
        if step is not None:
            number = min(self.low + round((number - self.low) / step) * step, self.last)
        return float(round(number)) if self.whole else number


def _place(share: float) -> float:
    """Return the quantile of the normal distribution at a share, scaled so that the bounds are 0 and 1."""
    if share > 0.5:  # mirror the lower half: floating-point numbers are finer near 0 than near 1
        return 1 - _place(1 - share)
    if share == 0:
        return 0.0
    normal = NormalDist()
    tail = normal.cdf(-_DEVIATIONS)
    return (normal.inv_cdf(tail + share * (1 - 2 * tail)) / _DEVIATIONS + 1) / 2


@dataclass(frozen=True)
class ValueChoice:
    """A list of values.

    Attributes:
        values: Texts (``categorical``) or numbers (``discrete``), in order.
    """

    values: tuple[str | float, ...]


SearchSpace = Mapping[str, NumberRange | ValueChoice]


def parameter(item: Mapping[str, Any], where: str) -> tuple[str, NumberRange | ValueChoice]:
    """Parse one entry of ``spec.parameters``.

    Args:
        item: The entry in Katib's form: {name, parameterType, feasibleSpace}, whose values are texts.
        where: Name of the place in messages.

    Returns:
        The name, and the allowed values of the parameter.

    Raises:
        InputError: If Katib's webhook would reject the entry, or no trial could use it.
    """
    if not _NAME.fullmatch(item.get("name", "")):
        raise InputError(
            f"{where} must be a mapping with a name of letters, digits, dots, dashes and underscores; got "
            f"{quote(dict(item))} instead."
        )
    where = f"the parameter {quote(item['name'])} of {where.partition(' of ')[2] or where}"
    kind, feasible_space = item.get("parameterType"), item.get("feasibleSpace")
    if not feasible_space:
        raise InputError(f"{where} must have a feasibleSpace; got {quote(feasible_space)} instead.")
    space = {key: value for key, value in feasible_space.items() if value}
    if kind in {"double", "int"}:
        return item["name"], _range(space, where, whole=kind == "int")
    if kind in {"discrete", "categorical"}:
        return item["name"], _one_of(space, where, numbers=kind == "discrete")
    raise InputError(f"{where} must be of the parameterType double, int, discrete or categorical; got {quote(kind)}.")


def _range(space: Mapping[str, Any], where: str, *, whole: bool) -> NumberRange:
    _only(space, {"min", "max", "step", "distribution"}, where)
    low, high = (_number(space.get(key), f"{key} of {where}", whole=whole) for key in ("min", "max"))
    step = _number(space["step"], f"step of {where}", whole=whole) if "step" in space else None
    scale = space.get("distribution", "uniform")
    if scale not in {*_DISTRIBUTIONS, _UNKNOWN}:
        raise InputError(f"the distribution of {where} must be one of {list(_DISTRIBUTIONS)}; got {quote(scale)}.")
    log = scale in {"logUniform", "logNormal"}
    if not low <= high or (step is not None and step <= 0):
        raise InputError(f"{where} must have min below max and a positive step; got {quote(dict(space))} instead.")
    if log and low <= 0:
        raise InputError(f"{where} must have a positive min to be {scale}; got {quote(dict(space))}.")
    return NumberRange(low=low, high=high, step=step, log=log, whole=whole, bell=scale in {"normal", "logNormal"})


def _one_of(space: Mapping[str, Any], where: str, *, numbers: bool) -> ValueChoice:
    # Katib writes `uniform` into every parameter that it stores.
    if space.get("distribution") in {"uniform", _UNKNOWN}:
        space = {key: setting for key, setting in space.items() if key != "distribution"}
    _only(space, {"list"}, where)
    values = space.get("list")
    if not values:
        raise InputError(f"{where} must have a list of values; got {quote(values)} instead.")
    unsafe = next((value for value in values if not _TEXT.fullmatch(value)), None)
    if unsafe is not None:
        raise InputError(
            f"each value of {where} must be letters, digits and . , : / @ % + - _, for it is put into the trial's "
            f"template; got {quote(unsafe)} instead."
        )
    if numbers:
        return ValueChoice(tuple(_number(value, f"each value of {where}", whole=False) for value in values))
    return ValueChoice(tuple(values))


def _only(space: Mapping[str, Any], allowed: set[str], where: str) -> None:
    extra = sorted(set(space) - allowed)
    if extra:
        raise InputError(f"the feasibleSpace of {where} may hold {sorted(allowed)}; got {quote(extra)} too.")


def _number(value: str | None, subject: str, *, whole: bool) -> float:
    try:
        number = math.nan if value is None else float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (whole and number != int(number)):
        raise InputError(f"{subject} must be a {'whole ' if whole else ''}number; got {quote(value)} instead.")
    return number


def points(name: str, kind: NumberRange | ValueChoice) -> list[Any]:
    """Return the values of a parameter on a grid, in order.

    Raises:
        InputError: If it has no steps, or too many.
    """
    if isinstance(kind, ValueChoice):
        return list(kind.values)
    step = kind.step or (1 if kind.whole else None)
    if step is None:
        raise InputError(f"the parameter {quote(name)} must have a step to be searched on a grid; add one.")
    count = math.floor((kind.high - kind.low) / step + 1e-9) + 1
    if count > _MOST_POINTS:
        raise InputError(f"the parameter {quote(name)} must have at most {_MOST_POINTS} points; got {count}.")
    values = [min(kind.low + i * step, kind.high) for i in range(count)]
    return [int(value) for value in values] if kind.whole else values
