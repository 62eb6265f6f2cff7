"""Outliers among rows: what breaks the contract, or is rarer than nearly all that training held.

A row's probability is that of its most unusual input: the share of training rows that are at least as unusual there,
with the row itself counted, times the number of inputs (Bonferroni). Counted so, it is a conformal p-value: of rows
that come as those of the training part did, at most ``alpha`` are called outliers, whatever depends on what (Vovk,
Gammerman and Shafer, Algorithmic Learning in a Random World, 2005, chapter 2). Nothing but the counts of the bundle's
``profile.json`` is read.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Contract
from headrace.core.drift.input_counts import ColumnCounts, find_bins
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.features import matrix_layout, model_matrix, row_features
from headrace.core.monitors.data.count_window import observe_contract
from headrace.core.validation.row_rules import Rule
from headrace.core.validation.scoring import validate_for_scoring

ALPHA = 0.01
"""Share of rows like those of training that may be called outliers."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RowOutliers:
    """Which of n rows are outliers, and why.

    Attributes:
        outliers: Which rows (n,) are outliers.
        scores: Minus the decimal logarithm of each row's probability (n,); 0 for the most usual rows.
        reasons: For each of n rows why it is one, as ``RULE: COLUMN``, or ``unusual: COLUMN``; empty for other rows.
    """

    outliers: NDArray[np.bool_]
    scores: Floats
    reasons: tuple[tuple[str, ...], ...]


class OutlierDetector:
    """Find outliers by a contract and a reference profile."""

    def __init__(self, contract: Contract, profile: ReferenceProfile, *, alpha: float = ALPHA) -> None:
        """Prepare the probabilities of all bins.

        Args:
            contract: The contract of the model.
            profile: The reference profile of its bundle.
            alpha: Share of rows like those of training that may be called outliers, above 0 and below 1.

        Raises:
            InputError: If the profile is of another contract, or ``alpha`` out of range.
        """
        profile.check(contract)
        if not 0 < alpha < 1:
            raise InputError(f"alpha must be above 0 and below 1; got {quote(alpha)} instead.")
        self.alpha = alpha
        self._whole, self._contract = contract, observe_contract(contract)
        columns = matrix_layout.columns(self._contract)
        self._columns = tuple(columns[place] for place in matrix_layout.counted_columns(self._contract))
        self._counts = profile.counts().columns
        self._chances = [_bin_probabilities(counts) for counts in self._counts]
        self._least = 1 / (profile.inputs.rows + 1)

    @property
    def threshold(self) -> float:
        """The score from which a row is an outlier by the profile."""
        return -math.log10(self.alpha)

    def judge(self, rows: pl.DataFrame) -> RowOutliers:
        """Judge raw rows, each by itself.

        Args:
            rows: The inputs of n rows, of any dtypes.
        """
        broken = self._broken_rules(rows)
        validation = validate_for_scoring(rows, self._contract)
        broken |= {rule: mask.to_numpy() for rule, mask in validation.broken.items() if self._reports(rule)}
        refused = validation.refused.to_numpy()
        chances = np.full((rows.height, len(self._counts)), self._least)
        chances[~refused] = self._probabilities(validation.table.filter(~validation.refused))
        smallest = chances.min(axis=1, initial=1.0)
        scores = -np.log10(np.minimum(1.0, smallest * max(1, len(self._counts))))
        scores[refused] = max(-math.log10(self._least), self.threshold)
        unusual = ~refused & (scores >= self.threshold)
        named = self._name_columns(chances, unusual)
        named |= {f"{rule}: {column}": mask for (rule, column), mask in broken.items()}
        return RowOutliers(
            unusual | refused | _any(broken, rows.height), np.maximum(scores, 0.0), _reasons(named, rows.height)
        )

    def _broken_rules(self, rows: pl.DataFrame) -> dict[Rule, NDArray[np.bool_]]:
        """Return the rules that all rows break, because columns are absent or not in the contract."""
        known = {column.name for column in self._whole.columns}
        absent = [column.name for column in self._contract.inputs if column.name not in rows.columns]
        unknown = [name for name in rows.columns if name not in known]
        found = [*(("columns", name) for name in absent), *(("unknown_columns", name) for name in unknown)]
        return {rule: np.ones(rows.height, dtype=np.bool_) for rule in found if self._reports(rule)}

    def _reports(self, rule: Rule) -> bool:
        return self._whole.severity(rule[0]) != "off"

    def _probabilities(self, table: pl.DataFrame) -> Floats:
        """Return the probability (n, p) of each input of valid rows."""
        numbers = model_matrix.encode_columns(row_features.add(table, self._contract), self._columns)
        pairs = zip(numbers.get_columns(), self._counts, self._chances, strict=True)
        found = [chances[find_bins(series.to_numpy(), counts.bins)] for series, counts, chances in pairs]
        return np.column_stack(found) if found else np.ones((table.height, 0))

    def _name_columns(self, chances: Floats, unusual: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
        bound = self.alpha / max(1, len(self._counts))
        return {
            f"unusual: {counts.bins.name}": unusual & (column <= bound)
            for counts, column in zip(self._counts, chances.T, strict=True)
        }


def _bin_probabilities(column: ColumnCounts) -> Floats:
    """Return how probable (k + 1,) a value is that is at least as unusual as those of each bin, missing values last.

    A number is as unusual as the smaller of the shares of training rows on both sides of it, itself counted; a
    category, and a missing value, as the share of rows whose category is not more frequent.
    """
    counts = column.counts.astype(np.float64)
    if column.bins.categories:
        every = np.append(counts, column.missing)
        rows = np.array([every[every <= one].sum() for one in every]) + 1
    else:
        # Missing values lie on neither side of a number.
        below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
        rows = np.append(2 * (np.minimum(below, above) + 1), column.missing + 1)
    shares: Floats = np.minimum(1.0, rows / (column.rows + 1))
    return shares


def _any(broken: Mapping[Rule, NDArray[np.bool_]], rows: int) -> NDArray[np.bool_]:
    found = np.zeros(rows, dtype=np.bool_)
    for mask in broken.values():
        found |= mask
    return found


def _reasons(named: Mapping[str, NDArray[np.bool_]], rows: int) -> tuple[tuple[str, ...], ...]:
    found: list[list[str]] = [[] for _ in range(rows)]
    for reason, mask in named.items():
        for row in np.flatnonzero(mask).tolist():
            found[row].append(reason)
    return tuple(map(tuple, found))
