"""Which groups of a compiled pipeline a run surely leaves out, by the arguments that it has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from headrace.core.evaluation.gate import use

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


def outcomes(function: str, inputs: Mapping[str, Any]) -> dict[str, OutputValues]:
    """The outputs of a component of which it is known beforehand what they may be.

    Args:
        function: Name of the component's function.
        inputs: Values of its inputs that are known.
    """
    if function != "gate":
        return {}
    ways = [[inputs[name]] if isinstance(inputs.get(name), bool) else [True, False] for name in ("publish", "serve")]
    found = {
        use(passed=passed, publish=publish, serve=serve) for passed, publish, serve in product([True, False], *ways)
    }
    return {"use": OutputValues(tuple(sorted(found)))}


def is_left_out(condition: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a condition surely does not hold.

    Args:
        condition: As it stands in the pipeline; empty for none. Of others than comparisons of one input each with a
            truth or a text, all joined by "and", nobody knows.
        inputs: Values of inputs that are known, or ``Outcomes``.
    """
    parts = " ".join(condition.split()).split(_AND)
    found = [match for match in map(_COMPARISON.fullmatch, parts) if match]
    names = dict.fromkeys(match["name"] for match in found)
    return any(_never(inputs[name], [m for m in found if m["name"] == name]) for name in names if name in inputs)


def _never(value: Any, comparisons: Sequence[re.Match[str]]) -> bool:
    """Whether no value that an input may have fits all comparisons."""
    return not any(all(_fits(one, match) for match in comparisons) for one in _values(value))


def _values(value: Any) -> Iterator[Any]:
    yield from value.values if isinstance(value, OutputValues) else (value,)


def _fits(value: Any, match: re.Match[str]) -> bool:
    text = match["value"]
    equal = value == text[1:-1] if text.startswith("'") else value is (text == "true")
    return bool(equal != bool(match["negated"]))
