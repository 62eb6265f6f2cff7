"""One trial: a family with some parameters, cross-validated."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headrace.core import fitting, layout
from headrace.core.contract import Contract
from headrace.core.errors import shown
from headrace.core.families import Family
from headrace.core.folds import Fold
from headrace.core.matrix import Matrix, Target
from headrace.core.scores import scores

_FAILED_WITHOUT_SCORE = "no fold defines the objective"


@dataclass(frozen=True)
class Sample:
    """The rows that every trial is fitted and scored on.

    Attributes:
        encoded: Model matrix (n, p).
        target: Encoded target (n,).
        folds: Made once for all trials.
        contract: The table's contract.
        metric: The objective, a metric of the contract's task.
        seed: Seed of everything random in the fits.
    """

    encoded: Matrix
    target: Target
    folds: tuple[Fold, ...]
    contract: Contract
    metric: str
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """What was tried and what came of it.

    Attributes:
        number: Place in the search, from 0.
        family: Name of the family.
        parameters: Hyperparameters that differ from the defaults.
        score: Mean of ``scores``; None if it failed.
        scores: The objective on each fold.
        status: ``complete`` or ``failed``.
        seconds: How long it took.
        error: Why it failed; empty otherwise.
        warnings: What scikit-learn had to say, such as that a solver did not converge.
    """

    number: int
    family: str
    parameters: dict[str, Any]
    score: float | None
    scores: tuple[float, ...]
    status: Literal["complete", "failed"]
    seconds: float
    error: str = ""
    warnings: tuple[str, ...] = ()


def run(
    family: Family, parameters: Mapping[str, Any], sample: Sample, *, number: int
) -> tuple[Trial, NDArray[np.float64]]:
    """Cross-validate a family with some parameters; a failure is recorded, not raised.

    Args:
        family: The family.
        parameters: Hyperparameters that differ from the defaults.
        sample: Rows, folds, objective and seed.
        number: Place in the search.

    Returns:
        The trial, and its out-of-fold predictions (empty if it failed).
    """
    began = time.monotonic()
    contract = sample.contract
    used = dict(parameters)
    try:
        checked = family.checked(parameters)
        used = {name: checked[name] for name in parameters}
        found = fitting.out_of_fold(
            lambda: family.build(layout.columns(contract), task=contract.task, parameters=used, seed=sample.seed),
            sample.encoded,
            sample.target,
            folds=sample.folds,
            classes=len(layout.classes(contract)),
        )
        values = scores(sample.target, found.predictions, folds=sample.folds, contract=contract, metric=sample.metric)
    except Exception as error:  # noqa: BLE001 - whatever an estimator raises ends this trial, not the search
        sentence = f"{type(error).__name__}: {shown(str(error), 300)[1:-1]}"
        return Trial(number, family.name, used, None, (), "failed", time.monotonic() - began, sentence), np.empty(0)
    finite = tuple(value for value in values if math.isfinite(value))
    score = sum(finite) / len(finite) if finite else None
    trial = Trial(
        number=number,
        family=family.name,
        parameters=used,
        score=score,
        scores=finite,
        status="failed" if score is None else "complete",
        seconds=time.monotonic() - began,
        error=_FAILED_WITHOUT_SCORE if score is None else "",
        warnings=found.warnings,
    )
    return trial, found.predictions
