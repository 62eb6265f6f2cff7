"""Folds for cross-validation: made once, the same for every trial."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.contracts.contract import Contract
from headrace.core.features.model_matrix import Target
from headrace.core.splits import clusters

Indices = NDArray[np.int64]

_FOLDS = 5
_FOLDS_OF_MANY = 3
_MANY_ROWS = 10_000


@dataclass(frozen=True)
class Fold:
    """Indices (m,) of the rows that are fitted on, and of the rows that are predicted."""

    fitted: Indices
    held_out: Indices


def make(frame: pl.DataFrame, target: Target, contract: Contract, *, folds: int = 0, seed: int = 0) -> tuple[Fold, ...]:
    """Divide training rows as the contract divides the table: by time, group or repeated key, stratified, or at random.

    Args:
        frame: Typed table of n rows; only the columns of time, group and keys are used, or the inputs.
        target: Encoded target (n,).
        contract: The table's contract.
        folds: Number of folds; 0 for 5, or 3 from 10,000 rows on, or fewer where classes or groups are small.
        seed: Seed of the order of rows.

    Returns:
        At least two folds; by time at least one.

    Raises:
        InputError: If ``folds`` is 1 or negative.
        DataError: If there are too few rows, rows of a class, or groups.
    """
    if folds < 0 or folds == 1:
        raise InputError(f"folds must be at least 2, or 0 to let Headrace choose; got {folds} instead.")
    count = folds or (_FOLDS if len(target) < _MANY_ROWS else _FOLDS_OF_MANY)
    if len(target) < max(folds, 4):
        raise DataError(
            f"cross-validation must have at least {max(folds, 4)} training rows; got {len(target)}; "
            f"{'set fewer folds or ' if folds > 4 else ''}bring more rows."
        )
    if contract.time_column and contract.time_column in frame.columns:
        divided = _by_time(frame.get_column(contract.time_column), count)
    elif (row_clusters := clusters.find(frame, contract)).by in {"group", "inputs", "key"}:
        divided = _by_group(row_clusters, count, seed)
    else:
        divided = _at_random(target, contract, count, seed)
    return _usable(divided, target, contract)


def _at_random(target: Target, contract: Contract, folds: int, seed: int) -> list[Fold]:
    """Deal rows out to the folds like cards, class by class."""
    order = np.random.default_rng(seed).permutation(len(target))
    if contract.task == "anomaly":
        # Unlabelled rows are a class of their own, so that each fold has its share of the labels.
        order = order[np.argsort(np.nan_to_num(target[order], nan=-1.0), kind="stable")]
    elif contract.task != "regression":
        order = order[np.argsort(target[order], kind="stable")]
    if contract.task == "binary":
        fewest = int(np.bincount(target.astype(np.int64), minlength=2).min())
        folds = max(2, min(folds, fewest))
    parts = np.empty(len(target), dtype=np.int64)
    parts[order] = np.arange(len(target)) % folds
    return _from_parts(parts, folds)


def _by_group(row_clusters: clusters.RowClusters, folds: int, seed: int) -> list[Fold]:
    """Assign whole groups, the largest first, each to the smallest fold so far."""
    sizes = np.bincount(row_clusters.codes)
    if len(sizes) < 2:
        raise DataError(
            f"cross-validation by {row_clusters.by} must have at least 2 groups of rows; got {len(sizes)}; bring more "
            "groups or divide in another way."
        )
    folds = min(folds, len(sizes))
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    part_of, filled = np.zeros(len(sizes), dtype=np.int64), np.zeros(folds, dtype=np.int64)
    for group in order:
        part_of[group] = filled.argmin()
        filled[part_of[group]] += sizes[group]
    return _from_parts(part_of[row_clusters.codes], folds)


def _by_time(times: pl.Series, folds: int) -> list[Fold]:
    """Predict each block of time from all earlier ones; equal times are in one block."""
    ranks = times.rank("min").fill_null(0).to_numpy()
    order = np.argsort(ranks, kind="stable").astype(np.int64)
    starts = np.searchsorted(ranks[order], ranks[order])  # where the rows of the same time begin
    ends = sorted({int(starts[place]) for place in np.arange(1, folds + 1) * len(order) // (folds + 1)} - {0})
    blocks = np.split(order, ends)
    return [Fold(np.sort(np.concatenate(blocks[:i])), np.sort(blocks[i])) for i in range(1, len(blocks))]


def _from_parts(parts: Indices, folds: int) -> list[Fold]:
    return [Fold(np.flatnonzero(parts != part), np.flatnonzero(parts == part)) for part in range(folds)]


def _usable(folds: list[Fold], target: Target, contract: Contract) -> tuple[Fold, ...]:
    """Return the folds on which a model can be fitted and scored."""
    if contract.answers_number:
        return tuple(fold for fold in folds if len(fold.held_out))
    scored = 2 if contract.task == "binary" else 1
    usable = tuple(
        fold
        for fold in folds
        if len(np.unique(target[fold.fitted])) >= 2 and len(np.unique(target[fold.held_out])) >= scored
    )
    if not usable:
        counts = dict(
            zip(contract.target.categories or (), np.bincount(target.astype(np.int64)).tolist(), strict=False)
        )
        raise DataError(
            f"the training rows must hold at least 2 rows of each class of {quote(contract.target.name)}, in every "
            f"group or time; got {quote(counts)}; bring more rows of the rare class, or split in another way."
        )
    return usable
