"""Counts the stored rows of a window, block by block, in memory that does not grow with them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from headrace.core.contracts.contract import Contract
from headrace.core.drift.input_counts import ColumnCounts, InputCounts, Positions, find_bins
from headrace.core.drift.joint_drift import JointSums, score_bins, score_rows
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.features import matrix_layout, model_matrix, row_features
from headrace.core.features.bins import ColumnBins
from headrace.core.monitors.data.window_counts import ViolationCount, WindowCounts, add_violations
from headrace.core.monitors.data.window_rows import (
    INPUT_PREFIX,
    LABEL,
    PROBABILITY_PREFIX,
    REQUEST_ID,
    ROW,
    TIME,
    VALUE,
    select_inputs,
)
from headrace.core.runtime.background import prefetch
from headrace.core.validation.duplicates import DuplicateCounter
from headrace.core.validation.scoring import validate_for_scoring

BLOCK_ROWS = 1 << 17
Floats = NDArray[np.float64]


class ContractModel(Protocol):
    """What has a contract: a scorer, or a fitted model."""

    @property
    def contract(self) -> Contract:
        """The contract of the training table."""


def count_window(frames: Iterable[pl.DataFrame], model: ContractModel, profile: ReferenceProfile) -> WindowCounts:
    """Count the stored rows of a window.

    Args:
        frames: Stored rows, in the columns of ``window_rows``; in any order and of any size.
        model: The model that answered, for its contract.
        profile: The reference profile of its bundle.

    Returns:
        The counts; all zero without rows.

    Raises:
        InputError: If the profile is of another contract.
    """
    profile.check(model.contract)
    counter = WindowCounter(model.contract, profile)
    with (
        closing(prefetch(_blocks(frames))) as blocks,
        ThreadPoolExecutor(os.cpu_count()) as pool,
        # The products of a block are too small to share among threads: they would wait for one another.
        threadpool_limits(1, user_api="blas"),
    ):
        for block in blocks:
            counter.add(block, pool)
    return counter.counts()


def observe_contract(contract: Contract) -> Contract:
    """Return the part of a contract that stored rows show: without personal columns and what derives from them."""
    personal = {column.name for column in contract.columns if column.personal and column.role != "target"}
    features = tuple(feature for feature in contract.features if not personal & set(feature.columns))
    return replace(
        contract,
        columns=tuple(column for column in contract.columns if column.name not in personal),
        features=features,
        keys=(),
        time_column="" if contract.time_column in personal else contract.time_column,
        # Absent columns are counted here, by the severity that the contract has.
        rules={**contract.rules, "columns": "off"},
    )


@dataclass(frozen=True)
class _EncodedBlock:
    """The known inputs of a block.

    Attributes:
        numbers: Model matrix (m, p) as columns, of the rows that are not refused.
        violations: Rows that break each rule.
        refused: Number of rows that are refused.
    """

    numbers: pl.DataFrame
    violations: tuple[ViolationCount, ...]
    refused: int


class WindowCounter:
    """The counts of the blocks so far."""

    def __init__(self, contract: Contract, profile: ReferenceProfile) -> None:
        """Start without rows.

        Args:
            contract: The contract of the model that answered.
            profile: The reference profile of its bundle, of the same contract.
        """
        reference = profile.counts()
        self._whole, self._contract = contract, observe_contract(contract)
        columns = matrix_layout.columns(self._contract)
        self._columns = tuple(columns[place] for place in matrix_layout.counted_columns(self._contract))
        self._bins = [column.bins for column in reference.columns]
        self._tables = score_bins(reference)
        self._profile = profile
        self._rows, self._requests = DuplicateCounter(), DuplicateCounter()
        self._first_rows = 0
        self._prediction = ColumnCounts.of_record(profile.outputs.prediction).bins
        self._labels = ColumnCounts.of_record(profile.outputs.labels).bins if profile.outputs.labels else None
        self._total = self._empty()

    def add(self, block: pl.DataFrame, pool: ThreadPoolExecutor | None = None) -> None:
        """Add stored rows.

        Args:
            block: Rows (n), in the columns of ``window_rows``.
            pool: Threads for the columns of large blocks; None to count them one after the other.
        """
        self._count_requests(block)
        logged = known_rows(block, self._contract)
        known = select_inputs(block if logged.all() else block.filter(logged))
        encoded = self._encode(known)
        self._rows.add(encoded.numbers.hash_rows(seed=0))
        positions = self._positions(encoded.numbers, pool)
        joint = JointSums.of(score_rows(positions[: len(self._tables)], self._tables))
        columns = tuple(map(ColumnCounts.of_positions, positions, self._bins))
        prediction, labels = self._count_predictions(block)
        first, last = (_moment(value) for value in (block.get_column(TIME).min(), block.get_column(TIME).max()))
        self._total = self._total + replace(
            self._empty(),
            rows=block.height,
            unlogged=block.height - known.height,
            refused=encoded.refused,
            violations=encoded.violations,
            inputs=InputCounts(columns, encoded.numbers.height),
            joint=joint,
            prediction=prediction,
            labels=labels,
            first=first,
            last=last,
        )

    def counts(self) -> WindowCounts:
        """Return the counts of all blocks."""
        repeated = self._requests.count()
        return replace(
            self._total,
            requests=self._first_rows - repeated,
            repeated_requests=repeated,
            repeated_rows=self._rows.count(),
            expected_repeats=self._profile.repeats.expect(self._total.inputs.rows),
        )

    def _empty(self) -> WindowCounts:
        return WindowCounts(
            contract=self._profile.contract,
            rows=0,
            unlogged=0,
            refused=0,
            largest_refused=self._whole.max_quarantined,
            requests=0,
            repeated_requests=0,
            repeated_rows=0,
            expected_repeats=0.0,
            violations=(),
            inputs=InputCounts.of(np.empty((0, len(self._bins))), self._bins),
            joint=JointSums.empty(len(self._tables)),
            prediction=ColumnCounts.of(np.empty(0), self._prediction),
            labels=ColumnCounts.of(np.empty(0), self._labels) if self._labels else None,
            first=None,
            last=None,
        )

    def _count_requests(self, block: pl.DataFrame) -> None:
        first = block.get_column(REQUEST_ID).filter(block.get_column(ROW) == 0)
        self._first_rows += first.len()
        self._requests.add(first.hash(seed=0))

    def _encode(self, known: pl.DataFrame) -> _EncodedBlock:
        """Validate and encode rows whose inputs are known."""
        names = {column.name for column in self._whole.columns}
        absent = [column.name for column in self._contract.inputs if column.name not in known.columns]
        unknown = [name for name in known.columns if name not in names]
        validation = validate_for_scoring(known, self._contract)
        broken = [
            *(("columns", name, known.height) for name in absent),
            *(("unknown_columns", name, known.height) for name in unknown),
            *((rule, column, int(mask.sum())) for (rule, column), mask in validation.broken.items()),
        ]
        refused = int(validation.refused.sum())
        table = validation.table.filter(~validation.refused) if refused else validation.table
        numbers = model_matrix.encode_columns(row_features.add(table, self._contract), self._columns)
        violations = (
            ViolationCount(rule, column, severity, rows)
            for rule, column, rows in broken
            if rows and (severity := self._whole.severity(rule)) != "off"
        )
        return _EncodedBlock(numbers, add_violations(tuple(violations)), refused)

    def _positions(self, numbers: pl.DataFrame, pool: ThreadPoolExecutor | None) -> list[Positions]:
        def find(pair: tuple[pl.Series, ColumnBins]) -> Positions:
            series, bins = pair
            return find_bins(series.to_numpy(), bins)

        pairs = zip(numbers.get_columns(), self._bins, strict=True)
        return list(pool.map(find, pairs) if pool else map(find, pairs))

    def _count_predictions(self, block: pl.DataFrame) -> tuple[ColumnCounts, ColumnCounts | None]:
        """Count the predictions of the rows that were answered."""
        scores = select_scores(block, self._whole)
        counts = ColumnCounts.of(scores[~np.isnan(scores)], self._prediction)
        if self._labels is None:
            return counts, None
        if LABEL not in block.columns:
            return counts, ColumnCounts.of(np.empty(0), self._labels)
        classes = self._labels.categories
        codes = pl.Series(range(len(classes)), dtype=pl.Float64)
        labels = block.get_column(LABEL).drop_nulls().cast(pl.String)
        values = labels.replace_strict(list(classes), codes, default=-1.0, return_dtype=pl.Float64).to_numpy()
        return counts, ColumnCounts.of(values, self._labels)


def select_scores(block: pl.DataFrame, contract: Contract) -> Floats:
    """Return the predictions (n,) of stored rows as the profile counts them; NaN without an answer.

    They are the probability of the positive class, the largest probability of more than two classes, or the value.
    """
    if contract.answers_number:
        names = [VALUE]
    else:
        classes = matrix_layout.classes(contract)
        chosen = [classes[matrix_layout.positive(contract)]] if contract.task == "binary" else classes
        names = [f"{PROBABILITY_PREFIX}{label}" for label in chosen]
    present = [pl.col(name).cast(pl.Float64) for name in names if name in block.columns]
    if not present:
        return np.full(block.height, np.nan)
    scores: Floats = block.select(pl.max_horizontal(present)).to_series().fill_null(np.nan).to_numpy()
    return scores


def known_rows(block: pl.DataFrame, contract: Contract) -> pl.Series:
    """Return the mask (n,) of stored rows whose request is logged, and so any of their inputs is known.

    Args:
        block: Stored rows (n).
        contract: What ``observe_contract`` returned.
    """
    names = [INPUT_PREFIX + column.name for column in contract.inputs if INPUT_PREFIX + column.name in block.columns]
    if not names:
        return pl.repeat(False, block.height, dtype=pl.Boolean, eager=True)
    if not block.get_column(names[0]).null_count():
        return pl.repeat(True, block.height, dtype=pl.Boolean, eager=True)
    return block.select(pl.any_horizontal(pl.col(names).is_not_null())).to_series()


def _blocks(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows in blocks of at most about 130,000, small frames together."""
    pending: list[pl.DataFrame] = []
    for frame in frames:
        for part in frame.iter_slices(BLOCK_ROWS):
            if pending and sum(one.height for one in pending) + part.height > BLOCK_ROWS:
                yield _join(pending)
                pending = []
            pending.append(part)
    if pending:
        yield _join(pending)


def _join(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Join stored rows of several files, whose inputs may be stored in different dtypes."""
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")


def _moment(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None
