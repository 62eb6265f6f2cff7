"""Progress messages of a search: trials done, the best so far, and the time left."""

import threading
import time
from collections.abc import Callable

from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.loop import SearchPlan


class SearchProgress:
    """Emits one message for each trial that ends."""

    def __init__(self, plan: SearchPlan, say: Callable[[str], None]) -> None:
        """Start the clock.

        Args:
            plan: The search.
            say: Takes a line.
        """
        self._plan = plan
        self._say = say
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._done = 0
        self._best: Trial | None = None

    def __call__(self, trial: Trial) -> None:
        """Emit the message of a trial; may be called from any thread."""
        with self._lock:
            self._done += 1
            if trial.won and self._beats(trial):
                self._best = trial
            self._say(self._line(trial))

    def conclusion(self) -> str:
        """Return a summary of all trials."""
        best = self._best
        if best is None or best.score is None:
            return f"{self._done} trials, none succeeded"
        winner = best.family.replace("_", " ") or best.name
        return f"{self._done} trials, best {self._plan.objective.metric} {best.score:.4g} by {winner}"

    def _beats(self, trial: Trial) -> bool:
        """Return whether a trial is the best so far: of equal ones the first is, in whatever order they end."""
        best = self._best
        if trial.score is None or best is None or best.score is None:
            return trial.score is not None
        if trial.score == best.score:
            return trial.number < best.number
        return self._plan.objective.better(trial.score, best.score)

    def _line(self, trial: Trial) -> str:
        most = self._most()
        subject = trial.family.replace("_", " ") or trial.name
        outcome = trial.status.replace("_", " ") if trial.score is None else f"{trial.score:.4g}"
        best = f", best {self._best.score:.4g}" if self._best and self._best.score is not None else ""
        return f"trial {self._done}{f' of {most}' if most else ''}: {subject} {outcome}{best}{self._time_left(most)}"

    def _most(self) -> int:
        counts = [experiment.max_trials for experiment in self._plan.experiments]
        own = sum(counts) if all(counts) else 0
        budget_trials = self._plan.budget.trials
        return min(budget_trials, own) if budget_trials and own else budget_trials or own

    def _time_left(self, most: int) -> str:
        spent = time.monotonic() - self._began
        by_time = self._plan.budget.seconds - spent if self._plan.budget.seconds else None
        by_count = spent / self._done * (most - self._done) if most else None
        estimates = [seconds for seconds in (by_time, by_count) if seconds is not None]
        return f", {_duration(max(min(estimates), 0.0))} left" if estimates else ""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
