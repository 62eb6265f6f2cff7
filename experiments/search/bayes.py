"""Bayesian optimization by scikit-optimize, the engine that Katib uses for it.

scikit-optimize is kept behind this one module: it has not been released since 2024.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from skopt import Optimizer
from skopt.space import Categorical, Dimension, Integer, Real

from headrace.core.models.fitting import recorded
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.space.search_space import NumberRange, ValueChoice

_INITIAL = 10


class BayesianSuggestions:
    """A surrogate model of the objective, asked where it expects the best; see ``suggestion.Suggestions``."""

    waits = True  # the engine forgets what it was asked for, and would name the same point again

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
            asked = self._optimizer.ask(n_points=count)
        first = len(self._points)
        self._points += asked
        return [(first + place, self._values(point)) for place, point in enumerate(asked)]

    def tell(self, number: int, score: float | None) -> None:
        """See ``Suggestions.tell``; of a trial without a score it learns nothing, as in Katib."""
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
    return Real(kind.low, kind.high, "log-uniform", name=name)  # of every double, as Katib draws them


def _value(kind: NumberRange | ValueChoice, value: Any) -> Any:
    if isinstance(kind, ValueChoice):
        return str(value) if isinstance(kind.values[0], str) else float(value)
    found = kind.near(float(value))
    return int(found) if kind.whole else found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the remarks of the surrogate's fit, and with NumPy's global numbers as they were.

    On one thread, as fits are: the suggestions are the same however many cores there are, and trials that run meanwhile
    are not slowed down by threads that spin while they wait for each other.
    """
    state = np.random.get_state()  # noqa: NPY002 - scikit-optimize draws from them
    with recorded():
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002
