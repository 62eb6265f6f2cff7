"""Checks of what a contract asks of a model beyond its task: objective, intervals, weights, constraints."""

import math
from collections.abc import Iterator
from typing import Protocol

from headrace.core.contracts import vocabulary
from headrace.core.contracts.columns import Column
from headrace.core.contracts.fault_sentences import check_one_of, must_be
from headrace.core.contracts.vocabulary import Objective, Task

BALANCED = "balanced"


class ModelAims(Protocol):
    """The part of a contract that is checked here; ``Contract`` documents each."""

    @property
    def task(self) -> Task:
        """Kind of task."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns."""

    @property
    def objective(self) -> Objective:
        """What a regression predicts."""

    @property
    def quantile(self) -> float:
        """Share of the actual values below the prediction."""

    @property
    def intervals(self) -> float:
        """Share of the actual values in their intervals."""

    @property
    def class_weights(self) -> str | dict[str, float]:
        """Weights of the classes."""


def aim_faults(contract: ModelAims) -> Iterator[str]:
    """Yield a sentence for each contradiction between the task of a contract and what it asks of a model."""
    yield from check_one_of("objective", vocabulary.Objective, contract.objective)
    yield from _number_faults(contract)
    yield from _weight_faults(contract)
    constrained = [column.name for column in contract.columns if column.monotone]
    if constrained and contract.task == "multiclass":
        yield must_be("monotone", "absent from a task of more than two classes", constrained)
    if constrained and contract.objective == "quantile":
        # The libraries set the leaves to quantiles after growing them, whatever the constraint.
        yield must_be("monotone", "absent beside the objective quantile, whose trees do not keep it", constrained)


def _number_faults(contract: ModelAims) -> Iterator[str]:
    if contract.task != "regression":
        for name, value, default in (("objective", contract.objective, "mean"), ("intervals", contract.intervals, 0.0)):
            if value != default:
                yield must_be(name, f"absent from a {contract.task} task", value)
    if not 0 < contract.quantile < 1:
        yield must_be("quantile", "a share above 0 and below 1", contract.quantile)
    elif contract.quantile != 0.5 and contract.objective != "quantile":
        yield must_be("quantile", "absent unless the objective is quantile", contract.quantile)
    if contract.intervals != 0 and not 0 < contract.intervals < 1:
        yield must_be("intervals", "a share above 0 and below 1, such as 0.9", contract.intervals)
    targets = [column for column in contract.columns if column.role == "target"]
    least = targets[0].minimum if targets else None
    if contract.objective == "count" and least is not None and least < 0:
        yield must_be("the target's minimum", "0 or more for the objective count", least)


def _weight_faults(contract: ModelAims) -> Iterator[str]:
    weights = contract.class_weights
    if weights and contract.task == "regression":
        yield must_be("class_weights", "absent from a regression", weights)
        return
    if isinstance(weights, str):
        if weights not in {"", BALANCED}:
            yield must_be("class_weights", "balanced, or a weight by class", weights)
        return
    targets = [column for column in contract.columns if column.role == "target"]
    classes = (targets[0].categories if targets else None) or ()
    for name, weight in weights.items():
        if name not in classes:
            yield must_be("class_weights", f"of the classes {list(classes)}", name)
        if not (weight > 0 and math.isfinite(weight)):
            yield must_be(f"class_weights.{name}", "a number above 0", weight)
