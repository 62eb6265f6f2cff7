"""The rows, folds and seed that all trials of a search share."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models.train import digest
from headrace.core.splits import folds, search_sample
from headrace.core.splits.folds import Fold
from headrace.core.tables import parquet_table
from headrace.experiments.trials.cross_validation import TrainingSample


@dataclass(frozen=True)
class Study:
    """Training rows, and their folds for cross-validation.

    Attributes:
        frame: Typed training table (n rows), with the target and the row features.
        contract: Its contract.
        rows: Indices of the rows that the trials use (m,), sorted.
        folds: Folds of these rows; their indices count from 0 to m - 1.
        seed: Seed of everything random.
    """

    frame: pl.DataFrame
    contract: Contract
    rows: NDArray[np.int64]
    folds: tuple[Fold, ...]
    seed: int = 0

    @classmethod
    def read(cls, train_table: Path, contract: Path, *, folds: int = 0, seed: int = 0) -> Self:
        """Read the training rows and divide them into folds.

        Args:
            train_table: Typed table with the target and the row features.
            contract: The contract's file.
            folds: Number of folds; 0 to choose it by the number of rows.
            seed: Seed of everything random.

        Raises:
            InputError: If the number of folds is wrong.
            DataError: If the rows cannot be cross-validated.
        """
        return cls.of(parquet_table.read(train_table), contract_yaml.load(contract), folds=folds, seed=seed)

    @classmethod
    def of(cls, frame: pl.DataFrame, contract: Contract, *, folds: int = 0, seed: int = 0) -> Self:
        """Divide training rows (n rows) into folds; see ``read``."""
        target = model_matrix.encode_target(frame, contract)
        columns = len(matrix_layout.columns(contract))
        rows = search_sample.sample(target, task=contract.task, columns=columns, seed=seed)
        return cls(frame, contract, rows, _folds(frame[rows], target[rows], contract, folds, seed), seed)

    @cached_property
    def sample(self) -> TrainingSample:
        """The encoded rows that the trials use (m rows)."""
        part = self.frame[self.rows]
        return TrainingSample(
            encoded=model_matrix.encode(part, self.contract),
            target=model_matrix.encode_target(part, self.contract),
            folds=self.folds,
            contract=self.contract,
            seed=self.seed,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the rows that the trials use, encoded."""
        return digest(self.sample.encoded, self.sample.target)

    def part(self, positions: NDArray[np.int64], *, folds: int = 0) -> "Study":
        """Return a study of some of the rows that the trials use, divided again.

        Args:
            positions: Indices (k,) into ``rows``.
            folds: Number of folds; 0 to choose it by the number of rows.

        Raises:
            DataError: If they cannot be cross-validated.
        """
        frame = self.frame[self.rows[positions]]
        target = model_matrix.encode_target(frame, self.contract)
        new_folds = _folds(frame, target, self.contract, folds, self.seed)
        return Study(frame, self.contract, np.arange(len(target)), new_folds, self.seed)

    def facts(self) -> dict[str, Any]:
        """Return everything that determines the trials, besides their parameters."""
        return {
            "rows": len(self.rows),
            "folds": len(self.folds),
            "data": self.digest,
            "divided": _digest_of(self.folds),
            "seed": self.seed,
        }


def _folds(
    frame: pl.DataFrame, target: model_matrix.Target, contract: Contract, count: int, seed: int
) -> tuple[Fold, ...]:
    return folds.make(frame, target, contract, folds=count, seed=seed)


def _digest_of(divided: Sequence[Fold]) -> int:
    """Return a checksum of which rows are held out together."""
    state = 0
    for fold in divided:
        state = zlib.crc32(np.ascontiguousarray(fold.held_out, dtype="<i8").tobytes(), state)
    return state
