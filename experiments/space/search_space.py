"""The search space of a Katib Experiment: what each parameter may be."""

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
_UNKNOWN = "unknown"  # Katib's own name for uniform, where nothing was said
_MOST_POINTS = 100_000
# What can stand in the place of a placeholder, and in JSON, as it is.
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,62}")
_TEXT = re.compile(r"[\w.,:/@%+-]{1,200}")
# The bounds lie so many standard deviations from the middle of a normal distribution, as in Katib.
_DEVIATIONS = 3.0
# Shares are counted in these steps, whose values lie farther apart than the rounding errors of what computes them
# (some 1e-15): else a larger share could give a smaller value. A power of two, so that 1 - share is exact.
_STEPS_OF_SHARE = 2**44


@dataclass(frozen=True)
class NumberRange:
    """Numbers between two bounds.

    Attributes:
        low: Least value.
        high: Largest value.
        step: Distance between values; None for any value between the bounds.
        log: Whether the logarithm is drawn.
        whole: Whether the values are whole numbers.
        bell: Whether values near the middle are drawn more often: a normal distribution, whose bounds lie three
            standard deviations from the middle and are its ends.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False
    bell: bool = False

    @property
    def last(self) -> float:
        """The largest value that may be taken: ``high``, or the last step below it."""
        step = self.step or (1.0 if self.whole else None)
        if step is None:
            return self.high
        # Decimals, because 0.3 is three steps of 0.1 only there.
        low, high, size = (Decimal(str(number)) for number in (self.low, self.high, step))
        return float(low + (high - low) // size * size)

    def value(self, share: float) -> float:
        """The value below which lies a share of a normal distribution between the bounds.

        Args:
            share: From 0, the least value, to 1, the largest. A larger share never gives a smaller value.
        """
        place = _place(round(share * _STEPS_OF_SHARE) / _STEPS_OF_SHARE)
        if place in {0.0, 1.0}:  # the bounds themselves, which the logarithm and back may miss
            return self.near(self.high if place else self.low)
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        found = low + place * (high - low)
        return self.near(math.exp(found) if self.log else found)

    def near(self, number: float) -> float:
        """The value that may be taken and is nearest to a number."""
        number = min(max(number, self.low), self.high)
        step = self.step or (1.0 if self.whole else None)
        if step is not None:
            number = min(self.low + round((number - self.low) / step) * step, self.last)
        return float(round(number)) if self.whole else number


def _place(share: float) -> float:
    """Where a share of the normal distribution ends, from 0, its lower bound, to 1, its upper one."""
    if share > 0.5:  # the upper half mirrors the lower one, whose end has the finer numbers
        return 1 - _place(1 - share)
    if share == 0:
        return 0.0
    normal = NormalDist()
    tail = normal.cdf(-_DEVIATIONS)
    return (normal.inv_cdf(tail + share * (1 - 2 * tail)) / _DEVIATIONS + 1) / 2


@dataclass(frozen=True)
class ValueChoice:
    """Some values.

    Attributes:
        values: Texts (``categorical``) or numbers (``discrete``), in order.
    """

    values: tuple[str | float, ...]


SearchSpace = Mapping[str, NumberRange | ValueChoice]


def parameter(item: Mapping[str, Any], where: str) -> tuple[str, NumberRange | ValueChoice]:
    """Name and kind of one entry of ``spec.parameters``.

    Args:
        item: The entry as Katib holds it: {name, parameterType, feasibleSpace}, whose values are texts.
        where: What a message calls the place.

    Returns:
        The name and what the parameter may be.

    Raises:
        InputError: If the entry is not what Katib's webhook would let through, or no trial could be made of it.
    """
    if not _NAME.fullmatch(item.get("name", "")):
        raise InputError(
            f"{where} must be a mapping with a name of letters, digits, dots, dashes and underscores; got "
            f"{quote(dict(item))} instead."
        )
    where = f"the parameter {quote(item['name'])} of {where.partition(' of ')[2] or where}"
    kind, given = item.get("parameterType"), item.get("feasibleSpace")
    if not given:
        raise InputError(f"{where} must have a feasibleSpace; got {quote(given)} instead.")
    space = {key: one for key, one in given.items() if one}
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
    # Katib writes `uniform` into every parameter that it keeps.
    if space.get("distribution") in {"uniform", _UNKNOWN}:
        space = {key: one for key, one in space.items() if key != "distribution"}
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


def _number(value: str | None, what: str, *, whole: bool) -> float:
    try:
        number = math.nan if value is None else float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (whole and number != int(number)):
        raise InputError(f"{what} must be a {'whole ' if whole else ''}number; got {quote(value)} instead.")
    return number


def points(name: str, kind: NumberRange | ValueChoice) -> list[Any]:
    """The values of a parameter that a grid has, in order.

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
