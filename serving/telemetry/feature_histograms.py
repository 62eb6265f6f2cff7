"""Histograms of a model's inputs and predictions, in the bins of its contract."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.features import bins
from headrace.core.features.bins import ColumnBins

Floats = NDArray[np.float64]


class FeatureHistograms:
    """The layout of a model's histograms in one array of counts.

    Attributes:
        id: A checksum; equal for equal bins.
        size: Number of counts.
    """

    def __init__(self, contract: Contract, classes: tuple[str, ...]) -> None:
        """Assign each histogram its part of the array.

        Args:
            contract: The model's contract.
            classes: Class labels; empty for a regression.
        """
        self.classes = classes
        self.columns: list[tuple[int, int, ColumnBins]] = []
        start = 0
        for index, column_bins in bins.features(contract):
            self.columns.append((start, index, column_bins))
            start += column_bins.count + 2  # missing values, and the sum
        self.answers: list[tuple[int, ColumnBins]] = []
        for _ in classes or ("",):
            self.answers.append((start, bins.answers(contract)))
            start += self.answers[-1][1].count + 1  # the sum
        self.chosen = start
        self.size = start + len(classes)
        self.id = float(zlib.crc32(repr((self.columns, self.answers, classes)).encode()))

    def count(self, matrix: Floats, scores: list[Any], chosen: list[int]) -> Floats:
        """Return the counts (size,) of n rows.

        Args:
            matrix: Model matrix (n, p).
            scores: Their scores, as in ``ScoredRows``.
            chosen: Indices (n,) of the predicted classes; empty for a regression.
        """
        counts = np.zeros(self.size)
        for start, index, column_bins in self.columns:
            _count(matrix[:, index], column_bins, counts[start : start + column_bins.count + 2])
        answers = np.asarray(scores, dtype=np.float64).reshape(len(matrix), -1)
        for column, (start, column_bins) in enumerate(self.answers):
            _count_numbers(answers[:, column], column_bins, counts[start : start + column_bins.count + 1])
        if self.classes:
            counts[self.chosen :] = np.bincount(chosen, minlength=len(self.classes))
        return counts


def _count(values: Floats, column_bins: ColumnBins, counts: Floats) -> None:
    present = values[~np.isnan(values)]
    counts[column_bins.count] = len(values) - len(present)
    if column_bins.edges:
        numbers = np.zeros(column_bins.count + 1)
        _count_numbers(present, column_bins, numbers)
        counts[: column_bins.count], counts[column_bins.count + 1] = numbers[:-1], numbers[-1]
        return
    places = present.astype(np.int64)
    valid = (places >= 0) & (places < len(column_bins.categories))
    counts[: column_bins.count] = np.bincount(
        np.where(valid, places, len(column_bins.categories)), minlength=column_bins.count
    )


def _count_numbers(values: Floats, column_bins: ColumnBins, counts: Floats) -> None:
    counts[:-1] = np.bincount(np.searchsorted(column_bins.edges, values, side="left"), minlength=column_bins.count)
    counts[-1] = values.sum()
