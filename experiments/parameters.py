"""The search space of a Katib Experiment: what each parameter may be."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.core.errors import InputError, shown

Scale = Literal["uniform", "logUniform"]


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds.

    Attributes:
        low: Least value.
        high: Largest value.
        step: Distance between values; None for any value between the bounds.
        log: Whether the logarithm is drawn evenly.
        whole: Whether the values are whole numbers.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class OneOf:
    """Some values.

    Attributes:
        values: Texts (``categorical``) or numbers (``discrete``), in order.
    """

    values: tuple[str | float, ...]


Space = Mapping[str, Range | OneOf]


def parameter(item: Any, where: str) -> tuple[str, Range | OneOf]:
    """Name and kind of one entry of ``spec.parameters``.

    Args:
        item: The entry, {name, parameterType, feasibleSpace}; numbers may be texts, as Katib wants them.
        where: What a message calls the place.

    Returns:
        The name and what the parameter may be.

    Raises:
        InputError: If the entry is not what Katib's webhook would let through, or not supported here.
    """
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        raise InputError(f"{where} must be a mapping with a name; got {shown(item)} instead.")
    where = f"the parameter {shown(item['name'])} of {where.partition(' of ')[2] or where}"
    space, kind = item.get("feasibleSpace"), item.get("parameterType")
    if not isinstance(space, Mapping):
        raise InputError(f"{where} must have a feasibleSpace; got {shown(space)} instead.")
    if kind in {"double", "int"}:
        return item["name"], _range(space, where, whole=kind == "int")
    if kind in {"discrete", "categorical"}:
        return item["name"], _one_of(space, where, numbers=kind == "discrete")
    raise InputError(f"{where} must be of the parameterType double, int, discrete or categorical; got {shown(kind)}.")


def _range(space: Mapping[str, Any], where: str, *, whole: bool) -> Range:
    _only(space, {"min", "max", "step", "distribution"}, where)
    low, high = (_number(space.get(key), f"{key} of {where}", whole=whole) for key in ("min", "max"))
    step = _number(space["step"], f"step of {where}", whole=whole) if space.get("step") not in {None, ""} else None
    scale = space.get("distribution", "uniform")
    if scale not in {"uniform", "logUniform"}:
        raise InputError(f"the distribution of {where} must be uniform or logUniform; got {shown(scale)} instead.")
    log = scale == "logUniform"
    if not low <= high or (step is not None and step <= 0):
        raise InputError(f"{where} must have min below max and a positive step; got {shown(dict(space))} instead.")
    if log and (low <= 0 or step is not None):
        raise InputError(f"{where} must have a positive min and no step to be logUniform; got {shown(dict(space))}.")
    return Range(low=low, high=high, step=step, log=log, whole=whole)


def _one_of(space: Mapping[str, Any], where: str, *, numbers: bool) -> OneOf:
    _only(space, {"list"}, where)
    values = space.get("list")
    if not isinstance(values, list) or not values:
        raise InputError(f"{where} must have a list of values; got {shown(values)} instead.")
    if numbers:
        return OneOf(tuple(_number(value, f"each value of {where}", whole=False) for value in values))
    strange = [value for value in values if not isinstance(value, str)]
    if strange:
        raise InputError(f"each value of {where} must be a text; got {shown(strange[0])} instead; put it in quotes.")
    return OneOf(tuple(values))


def _only(space: Mapping[str, Any], allowed: set[str], where: str) -> None:
    extra = sorted(set(space) - allowed)
    if extra:
        raise InputError(f"the feasibleSpace of {where} may hold {sorted(allowed)}; got {shown(extra)} too.")


def _number(value: Any, what: str, *, whole: bool) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or (whole and number != int(number)):
        raise InputError(f"{what} must be a {'whole ' if whole else ''}number; got {shown(value)} instead.")
    return number
