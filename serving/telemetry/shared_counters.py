"""Counters of all workers in shared memory: each worker writes its own slab, and any of them can sum all slabs.

A counter of a metrics library takes a lock and a microsecond for each of the ten numbers that a request changes. Here
each change is one addition to shared memory without a lock, because a slab has a single writer; the library only
formats the sums (``serving/telemetry/prometheus.py``).
"""

import mmap
import os
import time
from collections import deque
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from headrace.core.robustness.input_guard import InputGuard
from headrace.serving.model.served_model import ScoredRows
from headrace.serving.telemetry import slots
from headrace.serving.telemetry.feature_histograms import FeatureHistograms

# Rows to count at once on the event loop, in about a millisecond; more are counted in a thread.
MOST_WAITING = 4_096


class SharedCounters:
    """The slabs of all workers; created before the workers are forked, so that they share the memory."""

    def __init__(self, workers: int) -> None:
        """Allocate the slabs.

        Args:
            workers: Number of slabs.
        """
        self.workers = workers
        self.server_pid = os.getpid()
        # Taken once for all workers: a start that differs from scrape to scrape would look like a restart.
        self.server_start = time.time()
        # Anonymous and shared: forked workers inherit the pages, and nothing is left behind on disk.
        self._memory = mmap.mmap(-1, workers * slots.SLAB * 8)
        self._numbers = np.frombuffer(self._memory, dtype=np.float64).reshape(workers, slots.SLAB)

    def slab(self, worker: int) -> NDArray[np.float64]:
        """Return the slab (SLAB,) of one worker."""
        slab: NDArray[np.float64] = self._numbers[worker]
        return slab

    def total(self, layout: float) -> NDArray[np.float64]:
        """Return the sum (SLAB,) of all slabs; histograms only of workers that use the same bins.

        Args:
            layout: ``FeatureHistograms.id`` of the bins.
        """
        total: NDArray[np.float64] = self._numbers.sum(axis=0)
        # While a model is replaced, workers change one after the other; bins of two models must not be added up.
        same = self._numbers[:, slots.LAYOUT] == layout
        total[slots.DISTRIBUTIONS :] = self._numbers[same, slots.DISTRIBUTIONS :].sum(axis=0)
        return total


class CounterWriter:
    """Counts the requests of one worker; called from its event loop only.

    A worker that replaces a dead one continues its counts.
    """

    def __init__(self, slab: NDArray[np.float64]) -> None:
        """Initialize with a slab (SLAB,), whose former counts stay.

        Only the gauge of requests in flight restarts at zero: those of a dead worker are gone.
        """
        self._slab = slab
        self._numbers = cast("memoryview[float]", slab.data)
        self._numbers[slots.IN_FLIGHT] = 0.0
        self._distributions: FeatureHistograms | None = None
        self._guard: InputGuard | None = None
        self._waiting: deque[ScoredRows] = deque()
        self._rows = 0

    def model(self, distributions: FeatureHistograms, guard: InputGuard | None = None) -> None:
        """Count in the histograms of another model from now on, and what its guard finds.

        Args:
            distributions: The histograms.
            guard: What counts unusual rows after they were answered; None for nothing.
        """
        self.flush()
        if self._numbers[slots.LAYOUT] != distributions.id:
            self._slab[slots.DISTRIBUTIONS :] = 0.0
            self._numbers[slots.LAYOUT] = distributions.id
        self._distributions, self._guard = distributions, guard

    def count_start(self) -> None:
        """Count a request in flight."""
        self._numbers[slots.IN_FLIGHT] += 1.0

    def count_request(self, protocol: str, code: int, seconds: float, *, reason: str = "", flying: bool = True) -> None:
        """Count an answered request.

        Args:
            protocol: One of ``slots.PROTOCOLS``.
            code: HTTP status.
            seconds: Time from its arrival to its answer.
            reason: Reason of a refusal; empty if it was answered.
            flying: Whether ``count_start`` was called for it.
        """
        numbers = self._numbers
        if flying:
            numbers[slots.IN_FLIGHT] -= 1.0
        numbers[_PLACES.get((protocol, code)) or slots.request(protocol, code)] += 1.0
        self._count_duration(_DURATIONS[protocol], seconds)
        if reason:
            counted_reason = reason if reason in slots.REASONS else "other"
            numbers[slots.REJECTED + slots.REASONS.index(counted_reason)] += 1.0

    def count_rows(self, scored: ScoredRows, *, distributions: bool = True) -> None:
        """Count scored rows.

        Args:
            scored: The answers to n rows.
            distributions: Whether to count them in the histograms too, at the next flush.
        """
        self._numbers[slots.ROWS] += len(scored.scores)
        if scored.unusual:
            self.add_unusual(scored.unusual)
        self._count_duration(slots.ENGINE, scored.engine_seconds)
        if not distributions:
            return
        self._waiting.append(scored)
        self._rows += len(scored.scores)
        if self._rows > MOST_WAITING:
            self.flush()

    def count_explanation(self, seconds: float) -> None:
        """Count a request for explanations."""
        self._count_duration(slots.EXPLAIN, seconds)

    def count_swap(self, *, done: bool) -> None:
        """Count an attempt to replace the model."""
        self._numbers[slots.SWAPPED + (0 if done else 1)] += 1.0

    def set_dropped(self, count: int) -> None:
        """Set the number of log records dropped so far."""
        self._numbers[slots.DROPPED] = float(count)

    def add(self, histograms: FeatureHistograms, counts: NDArray[np.float64]) -> None:
        """Add counts (size,) from a thread, unless the model was replaced since."""
        # A thread may finish after the model was replaced: its bins are those of the former one.
        if histograms is self._distributions:
            self._slab[slots.DISTRIBUTIONS : slots.DISTRIBUTIONS + histograms.size] += counts

    def add_unusual(self, rows: int) -> None:
        """Count rows that are unlike the training rows."""
        self._numbers[slots.UNUSUAL] += rows

    def flush(self) -> None:
        """Count the waiting rows in the histograms."""
        waiting, self._waiting, self._rows = self._waiting, deque(), 0
        histograms = self._distributions
        if histograms is None or not waiting:
            return
        rows = [scored for scored in waiting if scored.matrix.shape[1] == waiting[-1].matrix.shape[1]]
        matrix = np.concatenate([scored.matrix for scored in rows])
        if self._guard:
            self.add_unusual(self._guard.count(matrix))
        scores: list[Any] = [score for scored in rows for score in scored.scores]
        chosen = [index for scored in rows for index in scored.chosen]
        self._slab[slots.DISTRIBUTIONS : slots.DISTRIBUTIONS + histograms.size] += histograms.count(
            matrix, scores, chosen
        )

    def _count_duration(self, first: int, seconds: float) -> None:
        numbers = self._numbers
        numbers[first + slots.bucket(seconds)] += 1.0
        numbers[slots.sum_of(first)] += seconds


_PLACES = {(protocol, code): slots.request(protocol, code) for protocol in slots.PROTOCOLS for code in slots.CODES}
_DURATIONS = {
    protocol: slots.DURATIONS + index * (len(slots.SECONDS) + 2) for index, protocol in enumerate(slots.PROTOCOLS)
}
