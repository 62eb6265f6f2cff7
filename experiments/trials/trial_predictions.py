"""Keeps the out-of-fold predictions of a search's trials, beside its journal if it has one.

Each trial's predictions are a file of their own, written whole or not at all, before the journal says that the trial
has ended; so a resumed search has them too. Those of worse trials are dropped once there are too many; whoever needs
dropped ones runs the trial again, which gives the same.
"""

import shutil
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.base.files import whole
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.space.experiment import Objective

MOST_TRIALS = 50
MOST_BYTES = 1 << 28
_SUFFIX = ".predictions"

Predictions = NDArray[np.float64]


class TrialPredictions:
    """The out-of-fold predictions of the best trials of one search; safe to use from several threads."""

    def __init__(
        self,
        objective: Objective,
        *,
        folder: Path | None = None,
        most_trials: int = MOST_TRIALS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Open the folder.

        Args:
            objective: The objective, which says which trials are worse.
            folder: Where they are kept; None for the memory of this process.
            most_trials: Largest number of trials.
            most_bytes: Largest size of all together; the best trial is kept in any case.
        """
        self._objective = objective
        self._folder = folder
        self._most_trials, self._most_bytes = most_trials, most_bytes
        self._lock = threading.Lock()
        self._scores: dict[int, tuple[float, int]] = {}
        self._memory: dict[int, Predictions] = {}

    @classmethod
    def beside(cls, journal: Path | None, objective: Objective, *, resumed: bool) -> "TrialPredictions":
        """Open the predictions beside a journal.

        Args:
            journal: File of the journal; None for the memory of this process.
            objective: The objective.
            resumed: Whether the journal holds trials; if not, what lies in the folder is another search's.
        """
        if journal is None:
            return cls(objective)
        folder = journal.with_name(journal.name + _SUFFIX)
        if not resumed and folder.exists():
            shutil.rmtree(folder)
        return cls(objective, folder=folder)

    def add(self, trial: Trial, predictions: Predictions) -> None:
        """Keep the predictions of a trial that has just ended, unless enough better ones are kept.

        Args:
            trial: The trial.
            predictions: Its out-of-fold probabilities (n, k) or values (n,).

        Raises:
            InputError: If the folder cannot be written.
        """
        if not trial.won or trial.score is None:
            return
        with self._lock:
            self._scores[trial.number] = (self._loss(trial.score), predictions.nbytes)
            dropped = self._find_surplus()
            if trial.number not in dropped:
                self._write(trial.number, predictions)
            for number in dropped:
                del self._scores[number]
                self._delete(number)

    def find(self, trial: Trial) -> Predictions | None:
        """Return the predictions (n, k) or (n,) of a trial; None if they are not kept, or the file is damaged."""
        if self._folder is None:
            return self._memory.get(trial.number)
        try:
            with self._file(trial.number).open("rb") as stream:
                read: Predictions = np.lib.format.read_array(stream, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return read

    def close(self) -> None:
        """Delete them: the search is complete."""
        self._memory.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _loss(self, score: float) -> float:
        return -score if self._objective.type == "maximize" else score

    def _find_surplus(self) -> list[int]:
        """Return the numbers of the trials that are too many, whatever the order in which they ended."""
        ranked = sorted(self._scores, key=lambda number: (self._scores[number][0], number))
        sizes = np.cumsum([self._scores[number][1] for number in ranked])
        fitting = int(np.searchsorted(sizes, self._most_bytes, side="right"))
        return ranked[max(1, min(fitting, self._most_trials)) :]

    def _write(self, number: int, predictions: Predictions) -> None:
        if self._folder is None:
            self._memory[number] = predictions
            return
        try:
            with whole(self._file(number)) as part, part.open("wb") as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(predictions), allow_pickle=False)
        except OSError as error:
            raise InputError(
                f"cannot keep predictions of trials in {self._folder}: {error.strerror}; free space, or name another "
                "journal."
            ) from error

    def _delete(self, number: int) -> None:
        self._memory.pop(number, None)
        if self._folder is not None:
            self._file(number).unlink(missing_ok=True)

    def _file(self, number: int) -> Path:
        assert self._folder is not None  # noqa: S101 - callers have asked
        return self._folder / f"{number:05d}.npy"
