"""Distributions of what a model is asked and answers, counted in the bins of its contract."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.features import bins
from headrace.core.features.bins import ColumnBins

Floats = NDArray[np.float64]


class FeatureHistograms:
    """Where the values of a model's rows and answers are counted.

    Attributes:
        id: A number that is the same for the same bins.
        size: How many counts there are.
    """

    def __init__(self, contract: Contract, classes: tuple[str, ...]) -> None:
        """Lay out the counts.

        Args:
            contract: The model's contract.
            classes: Class labels; empty for a regression.
        """
        self.classes = classes
        self.columns: list[tuple[int, int, ColumnBins]] = []
        start = 0
        for place, found in bins.features(contract):
            self.columns.append((start, place, found))
            start += found.count + 2  # missing values, and the sum
        self.answers: list[tuple[int, ColumnBins]] = []
        for _ in classes or ("",):
            self.answers.append((start, bins.answers(contract)))
            start += self.answers[-1][1].count + 1  # the sum
        self.chosen = start
        self.size = start + len(classes)
        self.id = float(zlib.crc32(repr((self.columns, self.answers, classes)).encode()))

    def count(self, matrix: Floats, scores: list[Any], chosen: list[int]) -> Floats:
        """Return the counts (size,) of some rows.

        Args:
            matrix: Model matrix (n, p).
            scores: Their scores, as in ``Scored``.
            chosen: Places of the predicted classes.
        """
        found = np.zeros(self.size)
        for start, place, kind in self.columns:
            _count(matrix[:, place], kind, found[start : start + kind.count + 2])
        answers = np.asarray(scores, dtype=np.float64).reshape(len(matrix), -1)
        for column, (start, kind) in enumerate(self.answers):
            _count_numbers(answers[:, column], kind, found[start : start + kind.count + 1])
        if self.classes:
            found[self.chosen :] = np.bincount(chosen, minlength=len(self.classes))
        return found


def _count(values: Floats, kind: ColumnBins, into: Floats) -> None:
    there = values[~np.isnan(values)]
    into[kind.count] = len(values) - len(there)
    if kind.edges:
        numbers = np.zeros(kind.count + 1)
        _count_numbers(there, kind, numbers)
        into[: kind.count], into[kind.count + 1] = numbers[:-1], numbers[-1]
        return
    places = there.astype(np.int64)
    known = (places >= 0) & (places < len(kind.categories))
    into[: kind.count] = np.bincount(np.where(known, places, len(kind.categories)), minlength=kind.count)


def _count_numbers(values: Floats, kind: ColumnBins, into: Floats) -> None:
    into[:-1] = np.bincount(np.searchsorted(kind.edges, values, side="left"), minlength=kind.count)
    into[-1] = values.sum()
