"""The time of a search: what may still start, and when what runs must end."""

import threading
import time
from collections.abc import Callable

from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.result import best_of
from headrace.experiments.space.experiment import Objective

_MOST_FOR_THE_END = 1 / 3


class SearchClock:
    """The time that a search has; without a limit there is always enough.

    When it is over no trial starts. Those that run are stopped only if a trial has succeeded, because a search must
    have a result.

    Attributes:
        seconds: The limit; 0 for none.
    """

    def __init__(
        self, seconds: float, began: float, objective: Objective, ending: Callable[[Trial], float] = lambda _: 0.0
    ) -> None:
        """Start the clock.

        Args:
            seconds: The limit; 0 for none.
            began: When the search began, by ``time.monotonic``.
            objective: Says which trial is the best.
            ending: Estimates the seconds that are needed after the search, from its best trial.
        """
        self.seconds = seconds
        self._began = began
        self._objective = objective
        self._ending = ending
        self._lock = threading.Lock()
        self._best: Trial | None = None

    def add(self, trial: Trial) -> None:
        """Record a trial that has ended; may be called from any thread."""
        with self._lock:
            self._best = best_of(tuple(one for one in (self._best, trial) if one is not None), self._objective)

    def seconds_for_trials(self) -> float:
        """Return the seconds that are left for trials; infinite without a limit."""
        if not self.seconds:
            return float("inf")
        ending = 0.0 if self._best is None else min(self._ending(self._best), _MOST_FOR_THE_END * self.seconds)
        return self.seconds - ending - (time.monotonic() - self._began)

    def has_time(self, seconds: float) -> bool:
        """Return whether so many seconds are left, and any at all."""
        return self.seconds_for_trials() > seconds

    def is_over(self) -> bool:
        """Return whether no time is left."""
        return self.seconds_for_trials() <= 0

    def must_stop(self) -> bool:
        """Return whether running trials must end: no time is left, and there is a result without them."""
        return self._best is not None and self.is_over()
