"""Rules of Katib's webhook for an Experiment beyond the types of its fields: names, counts, strategies.

They apply wherever an Experiment is to run, so that a laptop and a cluster reject the same Experiments with the same
sentence. Source: ``pkg/webhook/v1beta1/experiment/validator`` of kubeflow/katib.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.experiments.space.experiment import Strategy

LONGEST_NAME = 40
METRIC = re.compile(r"[\w-]+")
"""Names of metrics that the collector's default filter reads."""
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_STRATEGIES: tuple[Strategy, ...] = ("min", "max", "latest")
_RESUMING = ("Never", "LongRunning", "FromVolume")


def check_name(name: Any, where: str) -> str:
    """Return the name of an Experiment; raise if it is invalid.

    Raises:
        InputError: If Kubernetes or Katib would reject it.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"metadata.name of {where} must be at most {LONGEST_NAME} lower-case letters, digits and dashes that begin "
            f"with a letter; got {quote(name)} instead."
        )
    return name


def count(value: int, subject: str, *, least: int) -> int:
    """Return a number of trials; raise if it is too small.

    Raises:
        InputError: If it is too small.
    """
    if value < least:
        raise InputError(f"{subject} must be a whole number of at least {least}; got {value} instead.")
    return value


def check_resuming(policy: str, where: str) -> None:
    """Raise if there is no such resume policy.

    Raises:
        InputError: If so.
    """
    if policy and policy not in _RESUMING:
        raise InputError(f"resumePolicy of {where} must be one of {list(_RESUMING)}; got {quote(policy)} instead.")


def at_most(value: int, name: str, largest: int, where: str) -> None:
    """Raise if a count exceeds ``maxTrialCount``.

    Raises:
        InputError: If so.
    """
    if largest and value > largest:
        raise InputError(f"{name} of {where} must be at most its maxTrialCount, {largest}; got {value}.")


def strategies(items: Sequence[Mapping[str, str]], metrics: Collection[str], where: str) -> dict[str, Strategy]:
    """Return which of a metric's values counts, by metric.

    Raises:
        InputError: If a metric is unknown, or there is no such strategy.
    """
    by_metric: dict[str, Strategy] = {}
    for item in items:
        name, value = item.get("name"), item.get("value")
        if name not in metrics or name in by_metric:
            raise InputError(
                f"metricStrategies of {where} must name each of {sorted(metrics)} once; got {quote(dict(item))}."
            )
        strategy = next((allowed for allowed in _STRATEGIES if allowed == value), None)
        if strategy is None:
            raise InputError(
                f"the strategy of {name} of {where} must be one of {list(_STRATEGIES)}; got {quote(value)}."
            )
        by_metric[str(name)] = strategy
    return by_metric
