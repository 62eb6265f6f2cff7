"""What Katib's webhook asks of an Experiment beyond the types of its fields: names, counts, strategies.

An Experiment is held against these wherever it is to run, so that a laptop and a cluster refuse the same ones with the
same sentence. Source: ``pkg/webhook/v1beta1/experiment/validator`` of kubeflow/katib.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.experiments.space.experiment import Strategy

LONGEST_NAME = 40
METRIC = re.compile(r"[\w-]+")
"""Names of metrics that the collector's usual filter reads."""
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_STRATEGIES: tuple[Strategy, ...] = ("min", "max", "latest")
_RESUMING = ("Never", "LongRunning", "FromVolume")


def check_name(name: Any, where: str) -> str:
    """The name of an Experiment.

    Raises:
        InputError: If Kubernetes or Katib would refuse it.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"metadata.name of {where} must be at most {LONGEST_NAME} lower-case letters, digits and dashes that begin "
            f"with a letter; got {quote(name)} instead."
        )
    return name


def count(value: int, what: str, *, least: int) -> int:
    """A number of trials.

    Raises:
        InputError: If it is too small.
    """
    if value < least:
        raise InputError(f"{what} must be a whole number of at least {least}; got {value} instead.")
    return value


def check_resuming(policy: str, where: str) -> None:
    """What becomes of an Experiment that has ended.

    Raises:
        InputError: If there is no such policy.
    """
    if policy and policy not in _RESUMING:
        raise InputError(f"resumePolicy of {where} must be one of {list(_RESUMING)}; got {quote(policy)} instead.")


def at_most(value: int, name: str, largest: int, where: str) -> None:
    """Refuse a count above ``maxTrialCount``, if there is one.

    Raises:
        InputError: If it is above.
    """
    if largest and value > largest:
        raise InputError(f"{name} of {where} must be at most its maxTrialCount, {largest}; got {value}.")


def strategies(given: Sequence[Mapping[str, str]], metrics: Collection[str], where: str) -> dict[str, Strategy]:
    """Which of a metric's values counts, by metric.

    Raises:
        InputError: If a metric is unknown, or there is no such strategy.
    """
    found: dict[str, Strategy] = {}
    for item in given:
        name, value = item.get("name"), item.get("value")
        if name not in metrics or name in found:
            raise InputError(
                f"metricStrategies of {where} must name each of {sorted(metrics)} once; got {quote(dict(item))}."
            )
        strategy = next((one for one in _STRATEGIES if one == value), None)
        if strategy is None:
            raise InputError(
                f"the strategy of {name} of {where} must be one of {list(_STRATEGIES)}; got {quote(value)}."
            )
        found[str(name)] = strategy
    return found
