"""Bayesian optimization by scikit-optimize, the engine that Katib uses for it.

Only this module imports scikit-optimize, because it has had no release since 2024.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from skopt import Optimizer
from skopt.space import Categorical, Dimension, Integer, Real

from headrace.core.models.fitting import record_warnings
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.space.search_space import NumberRange, ValueChoice

_INITIAL = 10


class BayesianSuggestions:
    """Suggestions from a surrogate model of the objective; see ``suggestion.Suggestions``."""

    waits = True  # the engine does not remember open suggestions, and would suggest the same point again

    def __init__(self, experiment: Experiment, seed: int) -> None:
        """Start an optimization.

        Args:
            experiment: Space, objective and settings.
            seed: Seed of everything random.
        """
        settings = experiment.settings
        self._space = experiment.space
        self._sign = -1.0 if experiment.objective.type == "maximize" else 1.0
        self._points: list[list[Any]] = []
        with _quiet():
            self._optimizer = Optimizer(
                [_dimension(name, kind) for name, kind in experiment.space.items()],
                base_estimator=settings.get("base_estimator", "GP"),
                n_initial_points=int(settings.get("n_initial_points", _INITIAL)),
                acq_func=settings.get("acq_func", "gp_hedge"),
                acq_optimizer=settings.get("acq_optimizer", "auto"),
                random_state=seed,
            )

    def ask(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """See ``Suggestions.ask``."""
        with _quiet():
            suggested = self._optimizer.ask(n_points=count)
        first = len(self._points)
        self._points += suggested
        return [(first + offset, self._values(point)) for offset, point in enumerate(suggested)]

    def tell(self, number: int, score: float | None) -> None:
        """See ``Suggestions.tell``; a trial without a score is ignored, as in Katib."""
        if score is None:
            return
        with _quiet():
            self._optimizer.tell(self._points[number], self._sign * score)

    def _values(self, point: list[Any]) -> dict[str, Any]:
        return {name: _value(kind, value) for (name, kind), value in zip(self._space.items(), point, strict=True)}


def _dimension(name: str, kind: NumberRange | ValueChoice) -> Dimension:
    if isinstance(kind, ValueChoice):
        return Categorical(kind.values, name=name)
    if kind.low == kind.high:
        return Categorical((int(kind.low) if kind.whole else kind.low,), name=name)
    if kind.whole:
        return Integer(int(kind.low), int(kind.high), "log-uniform" if kind.log else "uniform", name=name)
    return Real(kind.low, kind.high, "log-uniform", name=name)  # Katib draws every double so


def _value(kind: NumberRange | ValueChoice, value: Any) -> Any:
    if isinstance(kind, ValueChoice):
        return str(value) if isinstance(kind.values[0], str) else float(value)
    nearest = kind.near(float(value))
    return int(nearest) if kind.whole else nearest


@contextmanager
def _quiet() -> Iterator[None]:
    """Record the warnings of the surrogate's fit, and restore NumPy's global random state.

    Runs on one thread, as fits do, so that suggestions do not depend on the number of cores, and threads that spin
    while they wait for each other do not slow down running trials.
    """
    state = np.random.get_state()  # noqa: NPY002 - scikit-optimize draws from them
    with record_warnings():
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002
