"""The members of an ensemble, as the parameters of a model hold them: one text of JSON for each.

Parameters are plain numbers and texts wherever they are shown or recorded, so that a member is one text too.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.errors import InputError, quote

ENSEMBLE = "ensemble"
"""Name of the family of ensembles."""
MOST_MEMBERS = 20
_NAME = "member_{:02d}"


@dataclass(frozen=True)
class EnsembleMember:
    """One model of an ensemble.

    Attributes:
        family: Name of its family.
        weight: Its share of the average, above 0.
        parameters: Its hyperparameters that differ from the family's defaults.
    """

    family: str
    weight: float
    parameters: Mapping[str, Any] = field(default_factory=dict)


def to_parameters(members: Sequence[EnsembleMember]) -> dict[str, str]:
    """Return the parameters of an ensemble: ``member_01`` and so on, each a text of JSON."""
    return {
        _NAME.format(place): json.dumps(
            {"family": one.family, "weight": one.weight, "parameters": dict(one.parameters)}, sort_keys=True
        )
        for place, one in enumerate(members, start=1)
    }


def from_parameters(parameters: Mapping[str, Any]) -> tuple[EnsembleMember, ...]:
    """Read the members of an ensemble.

    Raises:
        InputError: If there are fewer than two or too many, one is not a member, or the weights do not add up to 1.
    """
    expected = [_NAME.format(place) for place in range(1, len(parameters) + 1)]
    if not 2 <= len(parameters) <= MOST_MEMBERS or sorted(parameters) != expected:
        raise InputError(
            f"an ensemble must have 2 to {MOST_MEMBERS} parameters, {_NAME.format(1)} and so on; got "
            f"{quote(sorted(parameters))}."
        )
    members = tuple(_member(name, parameters[name]) for name in expected)
    total = math.fsum(one.weight for one in members)
    if abs(total - 1.0) > 1e-9:
        raise InputError(f"the weights of an ensemble's members must add up to 1; they add up to {total:.6g}.")
    return members


def _member(name: str, text: Any) -> EnsembleMember:
    try:
        facts = json.loads(text)
        family, weight, parameters = facts["family"], float(facts["weight"]), dict(facts["parameters"])
    except (KeyError, TypeError, ValueError) as error:
        raise _no_member(name, text) from error
    if set(facts) != {"family", "weight", "parameters"} or not 0 < weight <= 1:
        raise _no_member(name, text)
    return EnsembleMember(str(family), weight, parameters)


def _no_member(name: str, text: Any) -> InputError:
    return InputError(
        f'{ENSEMBLE}.{name} must be JSON such as {{"family": "logistic", "parameters": {{}}, "weight": 0.5}} with '
        f"a weight above 0 and at most 1; got {quote(text)} instead."
    )
