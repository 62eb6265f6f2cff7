"""Counts of all workers of a server in one piece of memory; each writes its own slab, any of them adds all up.

A counter of a metrics library takes a lock and a microsecond for each of the ten numbers that a request changes. Here
each is one addition to shared memory; the library formats them when they are asked for
(``serving/telemetry/prometheus.py``).
"""

import mmap
from collections import deque
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from headrace.serving.model.served_model import ScoredRows
from headrace.serving.telemetry import slots
from headrace.serving.telemetry.feature_histograms import FeatureHistograms

# So many rows are counted at once, in about a millisecond; more are left to a thread.
MOST_WAITING = 4_096


class SharedCounters:
    """The slabs of all workers; made before they are forked."""

    def __init__(self, workers: int) -> None:
        """Make room.

        Args:
            workers: How many slabs there are.
        """
        self.workers = workers
        self._memory = mmap.mmap(-1, workers * slots.SLAB * 8)
        self._numbers = np.frombuffer(self._memory, dtype=np.float64).reshape(workers, slots.SLAB)

    def slab(self, worker: int) -> NDArray[np.float64]:
        """Return the slab (SLAB,) of one worker."""
        slab: NDArray[np.float64] = self._numbers[worker]
        return slab

    def total(self, layout: float) -> NDArray[np.float64]:
        """Return the sum (SLAB,) of all slabs; distributions of those workers that count in the same bins.

        Args:
            layout: ``Distributions.id`` of the bins.
        """
        total: NDArray[np.float64] = self._numbers.sum(axis=0)
        same = self._numbers[:, slots.LAYOUT] == layout
        total[slots.DISTRIBUTIONS :] = self._numbers[same, slots.DISTRIBUTIONS :].sum(axis=0)
        return total


class CounterWriter:
    """Counts what one worker does; called from its event loop only.

    A worker that takes the place of one that died goes on with its counts.
    """

    def __init__(self, slab: NDArray[np.float64]) -> None:
        """Take over a slab."""
        self._slab = slab
        self._numbers = cast("memoryview[float]", slab.data)
        self._numbers[slots.IN_FLIGHT] = 0.0
        self._distributions: FeatureHistograms | None = None
        self._waiting: deque[ScoredRows] = deque()
        self._rows = 0

    def model(self, distributions: FeatureHistograms) -> None:
        """Count the rows and answers of another model from now on."""
        self.flush()
        if self._numbers[slots.LAYOUT] != distributions.id:
            self._slab[slots.DISTRIBUTIONS :] = 0.0
            self._numbers[slots.LAYOUT] = distributions.id
        self._distributions = distributions

    def began(self) -> None:
        """A request came in."""
        self._numbers[slots.IN_FLIGHT] += 1.0

    def count_request(self, protocol: str, code: int, seconds: float, *, reason: str = "", flying: bool = True) -> None:
        """A request was answered.

        Args:
            protocol: One of ``slots.PROTOCOLS``.
            code: HTTP status.
            seconds: Time since it came in.
            reason: Why it was refused; empty if it was not.
            flying: Whether ``began`` was called for it.
        """
        numbers = self._numbers
        if flying:
            numbers[slots.IN_FLIGHT] -= 1.0
        numbers[_PLACES.get((protocol, code)) or slots.request(protocol, code)] += 1.0
        self._count_duration(_DURATIONS[protocol], seconds)
        if reason:
            known = reason if reason in slots.REASONS else "other"
            numbers[slots.REJECTED + slots.REASONS.index(known)] += 1.0

    def count_rows(self, scored: ScoredRows, *, distributions: bool = True) -> None:
        """Rows were scored.

        Args:
            scored: The answers.
            distributions: Whether their distributions are counted here, soon.
        """
        self._numbers[slots.ROWS] += len(scored.scores)
        self._count_duration(slots.ENGINE, scored.engine_seconds)
        if not distributions:
            return
        self._waiting.append(scored)
        self._rows += len(scored.scores)
        if self._rows > MOST_WAITING:
            self.flush()

    def count_explanation(self, seconds: float) -> None:
        """Rows were explained."""
        self._count_duration(slots.EXPLAIN, seconds)

    def count_swap(self, *, done: bool) -> None:
        """Another model was asked for."""
        self._numbers[slots.SWAPPED + (0 if done else 1)] += 1.0

    def set_dropped(self, count: int) -> None:
        """How many entries of the logs were dropped until now."""
        self._numbers[slots.DROPPED] = float(count)

    def add(self, kind: FeatureHistograms, counts: NDArray[np.float64]) -> None:
        """Add the counts of rows that were counted elsewhere, unless the model was changed since."""
        if kind is self._distributions:
            self._slab[slots.DISTRIBUTIONS : slots.DISTRIBUTIONS + kind.size] += counts

    def flush(self) -> None:
        """Count the rows that wait."""
        waiting, self._waiting, self._rows = self._waiting, deque(), 0
        kind = self._distributions
        if kind is None or not waiting:
            return
        rows = [one for one in waiting if one.matrix.shape[1] == waiting[-1].matrix.shape[1]]
        matrix = np.concatenate([one.matrix for one in rows])
        scores: list[Any] = [score for one in rows for score in one.scores]
        chosen = [place for one in rows for place in one.chosen]
        self._slab[slots.DISTRIBUTIONS : slots.DISTRIBUTIONS + kind.size] += kind.count(matrix, scores, chosen)

    def _count_duration(self, first: int, seconds: float) -> None:
        numbers = self._numbers
        numbers[first + slots.bucket(seconds)] += 1.0
        numbers[slots.sum_of(first)] += seconds


_PLACES = {(protocol, code): slots.request(protocol, code) for protocol in slots.PROTOCOLS for code in slots.CODES}
_DURATIONS = {
    protocol: slots.DURATIONS + place * (len(slots.SECONDS) + 2) for place, protocol in enumerate(slots.PROTOCOLS)
}
