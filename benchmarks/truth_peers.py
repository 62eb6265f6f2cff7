"""What stands beside the suite: other ways to hold rows out, with the same estimator and a plain bootstrap."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from truth_inputs import Floats
from truth_measure import Known
from truth_task import Estimate, Run, Task

from headrace.core.base.errors import UserError
from headrace.core.evaluation import baseline
from headrace.core.features import model_matrix
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import fitting
from headrace.core.models.fitted_model import predicted_probabilities, predicted_values
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics, metric_function

SCIKIT_LEARN, AUTOGLUON = "scikit-learn", "AutoGluon"
_TEST_SIZE = 0.2
_RESAMPLES = 1000
_AT_A_TIME = 1 << 19  # weights
_LEVELS = (0.025, 0.975)
_SCRIPT = Path(__file__).with_name("peers") / "autogluon_holdout.py"

Places = NDArray[np.int64]


class Holdout(Protocol):
    """A way to hold rows out."""

    def __call__(self, target: Target, *, task: str, seed: int) -> Places:
        """Places of the test rows.

        Args:
            target: Encoded target (n,).
            task: What is predicted.
            seed: Seed of the split.

        Raises:
            ValueError: If these rows cannot be split.
        """


def scikit_learn(target: Target, *, task: str, seed: int) -> Places:
    """``train_test_split``, stratified where there are classes; see ``Holdout``."""
    stratify = None if task == "regression" else target
    _, late = train_test_split(np.arange(len(target)), test_size=_TEST_SIZE, stratify=stratify, random_state=seed)
    return np.sort(late)


def autogluon(python: Path) -> Holdout:
    """AutoGluon's split function, in a process of its own environment; see ``Holdout``.

    It calls scikit-learn's, with a share of its own and every class kept in the train part: with the same seed most
    rows held out would be the same, so it gets another one.

    Args:
        python: The environment's interpreter.
    """

    def held_out(target: Target, *, task: str, seed: int) -> Places:
        helper = _helper(python)
        if helper.stdin is None or helper.stdout is None:
            raise TypeError("the helper has pipes")
        helper.stdin.write(json.dumps({"target": target.tolist(), "task": task, "seed": seed + 1}) + "\n")
        helper.stdin.flush()
        answer = json.loads(helper.stdout.readline())
        if "refused" in answer:
            raise ValueError(answer["refused"])
        return np.array(answer["test"], dtype=np.int64)

    return held_out


@cache
def _helper(python: Path) -> "subprocess.Popen[str]":
    command = [str(python), str(_SCRIPT)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@dataclass(frozen=True)
class _Judged:
    """What a peer's bootstrap says of an outcome."""

    metrics: dict[str, tuple[float, float, float]]
    better: bool


def run(task: Task, holdout: Holdout) -> Run:
    """Fit the cell's estimator on the rows that are not held out, and measure it on those that are.

    Labels go by 0.5; a model counts as promoted if the paired interval of its main metric lies beyond the baseline's.

    Args:
        task: The table.
        holdout: Which rows are held out.
    """
    frame, agreed = task.drawn.frame, task.contract
    encoded, target = task.encoded(frame), model_matrix.encode_target(frame, agreed)
    try:
        late = holdout(target, task=agreed.task, seed=task.seed)
        early = np.setdiff1d(np.arange(len(target)), late)
        pipeline = task.make()
        fitting.fit(pipeline, encoded[early], target[early])
    except (UserError, ValueError) as error:
        return Run(refused=str(error))
    outcome = _predicted(pipeline, encoded[late], target[late], task)
    reference = baseline.predict(target[early], target[late], agreed)
    judged = _bootstrap(outcome, reference, task)
    known = Known.of(pipeline, task.encoded(task.fresh.rows), task.fresh)
    truth = known.metrics()
    return Run(
        share=len(late) / len(target),
        metrics={name: Estimate(*found, truth[name]) for name, found in judged.metrics.items()},
        verdict="promote" if judged.better else "hold",
        calibration=known.calibration(),
    )


def _predicted(pipeline: Any, encoded: Matrix, actual: Target, task: Task) -> EvaluatedRows:
    if task.contract.task == "regression":
        return EvaluatedRows(task="regression", actual=actual, values=predicted_values(pipeline, encoded))
    classes = task.contract.target.categories or ()
    given = predicted_probabilities(pipeline, encoded, len(classes))
    labels = (given[:, 1] >= 0.5).astype(np.int64) if len(classes) == 2 else given.argmax(axis=1)
    return EvaluatedRows(task=task.contract.task, actual=actual, probabilities=given, labels=labels)


def _bootstrap(outcome: EvaluatedRows, reference: EvaluatedRows, task: Task) -> _Judged:
    """Percentiles of 1,000 resamples (Efron 1979), the same for the model and the baseline."""
    rng, rows, main = np.random.default_rng(task.seed), len(outcome), task.cell.main
    compute, plain = metric_function(outcome), metric_function(reference)
    constant = main == "roc_auc"  # of a baseline: always 0.5
    parts: list[dict[str, Floats]] = []
    gains: list[Floats] = []
    block = max(1, _AT_A_TIME // rows)
    for start in range(0, _RESAMPLES, block):
        weights = _weights(rows, min(block, _RESAMPLES - start), rng)
        parts.append(compute(weights))
        gains.append(parts[-1][main] - (0.5 if constant else plain(weights)[main]))
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    found = {
        name: (value, *_ends(values[name]))
        for name, value in compute_metrics(outcome).items()
        if np.isfinite(value) and np.isfinite(values[name]).any()
    }
    low, high = _ends(np.concatenate(gains)) if main in found else (0.0, 0.0)
    return _Judged(found, better=low > 0 if HIGHER_IS_BETTER[main] else high < 0)


def _weights(rows: int, resamples: int, rng: np.random.Generator) -> Floats:
    weights = np.empty((resamples, rows))
    for row in weights:
        row[:] = np.bincount(rng.integers(0, rows, rows), minlength=rows)
    return weights


def _ends(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values[np.isfinite(values)], _LEVELS)
    return float(low), float(high)


def named(names: Sequence[str], python: Path | None) -> dict[str, Holdout]:
    """The peers of those names that can be had."""
    found: dict[str, Holdout] = {SCIKIT_LEARN: scikit_learn}
    if python is not None:
        found[AUTOGLUON] = autogluon(python)
    return {name: holdout for name, holdout in found.items() if name in names}
