"""Finds the conditional groups of a compiled pipeline that a run with given arguments certainly skips."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, get_args

from headrace.core.evaluation.gate import choose_use
from headrace.core.evaluation.verdict import Decision

# As KFP's compiler writes `dsl.If(flag == True)`, `dsl.Elif(text == "a")` and `dsl.Else()`, joined by `&&`.
_COMPARISON = re.compile(
    r"(?P<negated>!\()?inputs\.parameter_values\['(?P<name>[^']+)'\] == (?P<value>true|false|'[^']*')(?(negated)\))"
)
_AND = " && "


@dataclass(frozen=True)
class OutputValues:
    """The values that an output may have.

    Attributes:
        values: The values.
    """

    values: tuple[str, ...]


def possible_outputs(function: str, inputs: Mapping[str, Any]) -> dict[str, OutputValues]:
    """Return the outputs of a component whose possible values are known before the run.

    Args:
        function: Name of the component's function.
        inputs: The known values of its inputs.
    """
    if function != "gate":
        return {}
    known = {"serve_held": True, **inputs}
    names = ("publish", "serve", "serve_held")
    options = [[known[name]] if isinstance(known.get(name), bool) else [True, False] for name in names]
    uses = {
        choose_use(verdict, publish=publish, serve=serve, serve_held=serve_held)
        for verdict, publish, serve, serve_held in product(get_args(Decision), *options)
    }
    return {"use": OutputValues(tuple(sorted(uses)))}


def is_left_out(condition: str, inputs: Mapping[str, Any]) -> bool:
    """Return whether a condition is certainly false.

    Args:
        condition: As the pipeline states it; empty if there is none. Only comparisons of one input with a boolean or a
            text, joined by "and", are understood; any other condition may be true.
        inputs: The known values of inputs, or their ``OutputValues``.
    """
    parts = " ".join(condition.split()).split(_AND)
    comparisons = [match for match in map(_COMPARISON.fullmatch, parts) if match]
    names = dict.fromkeys(match["name"] for match in comparisons)
    return any(_never(inputs[name], [m for m in comparisons if m["name"] == name]) for name in names if name in inputs)


def _never(value: Any, comparisons: Sequence[re.Match[str]]) -> bool:
    """Return whether none of the possible values of an input satisfies all comparisons."""
    return not any(all(_fits(candidate, match) for match in comparisons) for candidate in _values(value))


def _values(value: Any) -> Iterator[Any]:
    yield from value.values if isinstance(value, OutputValues) else (value,)


def _fits(value: Any, match: re.Match[str]) -> bool:
    text = match["value"]
    equal = value == text[1:-1] if text.startswith("'") else value is (text == "true")
    return bool(equal != bool(match["negated"]))
