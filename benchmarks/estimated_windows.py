"""Classifiers, their test parts and windows of rows to score, from a seed: unchanged, shifted, or in another world."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from headrace.core.statistics.weighted_metrics import EvaluatedRows

TRAIN_ROWS = 4000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """A window of scored rows with what was true.

    Attributes:
        inputs: The inputs (n, p).
        outcome: Predictions and actual values.
    """

    inputs: Floats
    outcome: EvaluatedRows


def _inputs(rng: np.random.Generator, rows: int, shift: float) -> Floats:
    inputs = rng.standard_normal((rows, 5))
    inputs[:, 0] += shift
    inputs[:, 1] *= 1 + shift / 2
    inputs[:, 3] = rng.integers(0, 4, rows)
    return inputs


def _signal(inputs: Floats) -> Floats:
    first, second, third, count, _ = inputs.T
    return np.asarray(1.1 * first - 0.7 * second + 0.6 * first * (third > 0) + 0.4 * (count > 1) - 1.0)


def _changed(inputs: Floats) -> Floats:
    """Return the signal of a world in which the first input means half as much."""
    return np.asarray(_signal(inputs) - 0.8 * inputs[:, 0])


def _classify(rng: np.random.Generator, inputs: Floats, signal: Callable[[Floats], Floats]) -> NDArray[np.int64]:
    return (rng.random(len(inputs)) < expit(signal(inputs))).astype(np.int64)


SCENARIOS: dict[str, tuple[float, Callable[[Floats], Floats]]] = {
    "no shift": (0.0, _signal),
    "covariate shift": (0.4, _signal),
    "strong covariate shift": (0.8, _signal),
    "concept shift": (0.0, _changed),
}
"""Shift of the inputs in standard deviations, and the relation to the target, by name."""

MODELS: dict[str, Callable[[], object]] = {
    "boosted trees": lambda: HistGradientBoostingClassifier(max_iter=60),
    "balanced logistic regression": lambda: LogisticRegression(class_weight="balanced"),
}
"""Maker of a model by name: one that fits, and one that is miscalibrated and misses an interaction."""


def draw(model_name: str, seed: int, *, test_rows: int, window_rows: int) -> tuple[Window, dict[str, Window]]:
    """Fit a model, and draw its test part and a window of each scenario."""
    rng = np.random.default_rng([seed, *map(ord, model_name)])
    inputs = _inputs(rng, TRAIN_ROWS, 0.0)
    model = MODELS[model_name]().fit(inputs, _classify(rng, inputs, _signal))  # type: ignore[attr-defined]

    def window(rows: int, shift: float, signal: Callable[[Floats], Floats]) -> Window:
        inputs = _inputs(rng, rows, shift)
        actual = _classify(rng, inputs, signal)
        probabilities = model.predict_proba(inputs)
        labels = (probabilities[:, 1] >= 0.5).astype(np.int64)
        return Window(inputs, EvaluatedRows("binary", actual, probabilities, labels))

    return window(test_rows, 0.0, _signal), {
        name: window(window_rows, shift, signal) for name, (shift, signal) in SCENARIOS.items()
    }
