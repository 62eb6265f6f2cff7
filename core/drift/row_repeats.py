"""How many rows with equal inputs chance alone puts into a window."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import nbinom


@dataclass(frozen=True)
class RowRepeats:
    """How often rows of the reference repeat one another, in a fair sample of at most 100,000.

    Attributes:
        rows: Rows of the sample.
        copies: Numbers of equal rows that occur, ascending.
        distinct: For each of them, how many different rows occur that often.
    """

    rows: int
    copies: tuple[int, ...]
    distinct: tuple[int, ...]

    @classmethod
    def of(cls, digests: NDArray[np.uint64]) -> Self:
        """Count the repeats among the digests (n,) of rows."""
        _, counts = np.unique(digests, return_counts=True)
        copies, distinct = np.unique(counts, return_counts=True)
        return cls(len(digests), tuple(copies.tolist()), tuple(distinct.tolist()))

    @property
    def repeats(self) -> int:
        """Rows of the sample that repeat an earlier one."""
        return self.rows - sum(self.distinct)

    def expect(self, rows: int) -> float:
        """Compute how many rows of a window repeat an earlier one by chance, on average.

        Up to the sample's size by rarefaction (Hurlbert 1971, The nonconcept of species diversity, Ecology 52);
        beyond it the number of equal pairs, which is an upper bound.

        Args:
            rows: Number of rows of the window.
        """
        copies, distinct = np.array(self.copies, float), np.array(self.distinct, float)
        if rows < 2 or self.rows < 2:
            return 0.0
        if rows > self.rows:
            pairs = float((distinct * copies * (copies - 1)).sum()) / 2
            return min(float(rows), pairs * rows * (rows - 1) / (self.rows * (self.rows - 1)))
        kept = self.rows - copies >= rows
        remaining = self.rows - copies[kept]
        absent = np.zeros(len(copies))
        absent[kept] = np.exp(
            gammaln(remaining + 1)
            - gammaln(remaining - rows + 1)
            - gammaln(self.rows + 1)
            + gammaln(self.rows - rows + 1)
        )
        return max(0.0, rows - float((distinct * (1 - absent)).sum()))

    def tail_probability(self, repeats: int, expected: float, rows: int) -> float:
        """Compute the probability of at least so many repeats by chance.

        Their number is Poisson, and its mean is known from the sample only, which makes it negative binomial.

        Args:
            repeats: Rows of the window that repeat an earlier one.
            expected: What ``expect`` said.
            rows: Number of rows of the window.
        """
        shape = self.repeats + 1
        scale = expected / self.repeats if self.repeats else (rows / max(self.rows, 1)) ** 2
        mean = shape * scale
        if not repeats or not math.isfinite(mean):
            return 1.0
        return float(nbinom.sf(repeats - 1, shape, shape / (shape + mean)))
