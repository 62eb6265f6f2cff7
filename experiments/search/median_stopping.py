"""Median stopping with Katib's rule: stop a trial that falls behind the others at the same step.

What Katib calls the median is the mean, over the succeeded trials, of the mean of the first ``start_step`` values that
each reported. From that step on, a trial is stopped if its best value so far is worse. Source:
``pkg/earlystopping/v1beta1/medianstop`` and the metrics collector of kubeflow/katib.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.experiments.space.experiment import Objective

StopRule = Callable[[Sequence[float]], str]
"""Returns why to stop a trial that has reported these values; empty to continue it."""

_FEWEST_TRIALS, _FIRST_STEP = 3, 4


class MedianStopping:
    """The rule, with what it has learned from the trials so far."""

    def __init__(self, settings: Mapping[str, Any], objective: Objective) -> None:
        """Start without any trial.

        Args:
            settings: ``min_trials_required`` and ``start_step``.
            objective: The objective.
        """
        self._needed = int(settings.get("min_trials_required", _FEWEST_TRIALS))
        self._step = int(settings.get("start_step", _FIRST_STEP))
        self._objective = objective
        self._means: list[float] = []

    def learn(self, reported: Sequence[float]) -> None:
        """Add the values that a succeeded trial reported, in order."""
        first = reported[: self._step]
        if first:
            self._means.append(sum(first) / len(first))

    def rule(self) -> StopRule:
        """Return the rule for a new trial; what is learned later does not change it."""
        if len(self._means) < self._needed:
            return lambda _: ""
        middle = sum(self._means) / len(self._means)

        def stop(reported: Sequence[float]) -> str:
            if len(reported) < self._step:
                return ""
            best = max(reported) if self._objective.type == "maximize" else min(reported)
            if not self._objective.better(middle, best):
                return ""
            return f"at step {len(reported)} its best {self._objective.metric} {best:.4g} was behind {middle:.4g}"

        return stop
