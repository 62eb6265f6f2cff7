"""The parameters of a family's trials: which of them varied, and the positions of their values on an axis."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.core.evaluation.search_trials import Trial
from headrace.core.models.families import FAMILIES
from headrace.reports.base import number_format

_DECADES = 30
_ASIDE = 0.2
_SPREAD = 0.3
_FEW = 6
_LETTER = 0.021
_LARGEST = 1e100  # so that differences stay finite


@dataclass(frozen=True)
class ParameterAxis:
    """A parameter on an axis from 0 to 1.

    Attributes:
        name: The parameter.
        ticks: Position (0 to 1) and text of each tick, from left to right, without overlap.
        places: Position (0 to 1) of each trial's value, in the order of the trials.
        labels: The values as texts, in the order of the trials.
        kind: ``linear``, ``log`` or ``categories``.
    """

    name: str
    ticks: tuple[tuple[float, str], ...]
    places: tuple[float, ...]
    labels: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class FamilySpace:
    """The part of a family's search space that its trials covered.

    Attributes:
        trials: Its trials.
        axes: The parameters that had more than one value, in the order of their first appearance.
        fixed: Name and value of the others.
    """

    trials: tuple[Trial, ...]
    axes: tuple[ParameterAxis, ...]
    fixed: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> "FamilySpace":
        """Collect the parameters of one family's trials; a value that a trial lacks is the family's default."""
        names = dict.fromkeys(name for trial in trials for name in trial.parameters)
        columns = {name: [_value(trial, name) for trial in trials] for name in names}
        varied = {name: values for name, values in columns.items() if len({label(value) for value in values}) > 1}
        fixed = tuple((name, label(values[0])) for name, values in columns.items() if name not in varied)
        return cls(tuple(trials), tuple(axis(name, values) for name, values in varied.items()), fixed)


def _value(trial: Trial, name: str) -> Any:
    if name in trial.parameters:
        return trial.parameters[name]
    family = FAMILIES.get(trial.family)
    return family.parameters[name].default if family and name in family.parameters else None


def label(value: Any) -> str:
    """Return a value as text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        return number_format.number(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def axis(name: str, values: Sequence[Any]) -> ParameterAxis:
    """Return the axis of a parameter: linear, logarithmic if the numbers span decades, or categories.

    A zero on a logarithmic axis and an absent value are placed apart, to the left of the others.

    Args:
        name: The parameter.
        values: A value for each trial, at least two different ones.
    """
    labels = tuple(label(value) for value in values)
    figures = [value for value in values if _is_number(value)]
    if not figures or any(value is not None and not _is_number(value) for value in values):
        return _categories(name, labels)
    log = _spans_decades(figures)
    on = [math.log10(v) if log else float(v) for v in figures if v > 0 or not log]
    low, high, start = min(on), max(on), _ASIDE if len(on) < len(values) else 0.0

    def place(value: Any) -> float:
        if not _is_number(value) or (log and value <= 0):
            return 0.0
        number = math.log10(value) if log else value
        return start + (1 - start) * ((number - low) / (high - low) if high > low else 0.5)

    aside = sorted({text for text, value in zip(labels, values, strict=True) if place(value) < start})
    ticks = [(0.0, ", ".join(aside))] if aside else []
    ticks += [
        (place(value), _tick(value)) for value in _tick_values(sorted({v for v in figures if place(v) >= start}), log)
    ]
    return ParameterAxis(name, _spaced_ticks(ticks), tuple(map(place, values)), labels, "log" if log else "linear")


def _tick(value: float) -> str:
    """Format a number without needless digits."""
    text = f"{value:.3g}" if abs(value) < 1000 else number_format.number(value)
    return text.replace("e-0", "e-")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _spans_decades(figures: Sequence[float]) -> bool:
    positive = [value for value in figures if value > 0]
    return min(figures) >= 0 and bool(positive) and max(positive) >= _DECADES * min(positive)


def _categories(name: str, labels: tuple[str, ...]) -> ParameterAxis:
    """Place categories side by side; trials of one are spread a little, so that they do not coincide."""
    categories = sorted(set(labels))
    gap = 1 / max(1, len(categories) - 1)
    count = dict.fromkeys(categories, 0)
    places = []
    for text in labels:
        count[text] += 1
        spread = (count[text] * 0.618034 % 1 - 0.5) * _SPREAD * gap  # by the golden ratio: even, whatever their number
        places.append(min(1.0, max(0.0, categories.index(text) * gap + spread)))
    longest = max(6, round(1 / _LETTER / len(categories)) - 1)
    ticks = [(place * gap, number_format.shorten(text, longest)) for place, text in enumerate(categories)]
    return ParameterAxis(name, _spaced_ticks(ticks), tuple(places), labels, "categories")


def _tick_values(figures: Sequence[float], log: bool) -> list[float]:
    """Return the values that get a tick: the ends first, then all if they are few, else round ones."""
    low, high = figures[0], figures[-1]
    if len(figures) <= _FEW:
        return [low, high, *figures[1:-1]]
    if log:
        decades = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        return [low, high, *(10.0**power for power in decades)]
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next((factor for factor in (1, 2, 5) if (high - low) / (step * factor) <= 5), 10)
    return [low, high, *(round(n * step, 12) for n in range(math.ceil(low / step), math.floor(high / step) + 1))]


def _spaced_ticks(ticks: Sequence[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Keep the ticks that have room, earlier ones first; return them from left to right."""
    placed: list[tuple[float, str]] = []
    for place, text in ticks:
        if all(
            abs(place - other) > _LETTER * (_text_reach(text, place) + _text_reach(taken, other))
            for other, taken in placed
        ):
            placed.append((place, text))
    return tuple(sorted(placed))


def _text_reach(text: str, place: float) -> float:
    """Return the letters from a tick to the end of its text: all of them at an end of the axis, else half."""
    return len(text) * (1.0 if place in {0.0, 1.0} else 0.5) + 1
