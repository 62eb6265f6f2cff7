"""The profile of the inputs of a training part: counts, dependence, repeats, and variation between blocks of time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from headrace.core.base.errors import DataError
from headrace.core.contracts.contract import Contract
from headrace.core.drift.input_bins import choose_bins
from headrace.core.drift.input_counts import ColumnCounts, InputCounts, Positions, find_bins
from headrace.core.drift.joint_drift import (
    MOST_COLUMNS,
    JointReference,
    JointSums,
    measure_features,
    score_bins,
    score_rows,
)
from headrace.core.drift.row_repeats import RowRepeats
from headrace.core.drift.window_variation import SPANS, WindowVariation, measure_variation
from headrace.core.features import matrix_layout
from headrace.core.features.bins import ColumnBins
from headrace.core.features.matrix_layout import MatrixColumn, table_column
from headrace.core.validation.row_digest import row_digest

MOST_SAMPLED = 100_000
MOST_BLOCKS = 200
_SCORED_SAMPLE = 10_000
_MICROSECONDS = 1_000_000
_NO_TIME = int(np.iinfo(np.int64).min)

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingRows:
    """Some rows of the training part.

    Attributes:
        matrix: Model matrix (n, p).
        times: Time (n,) of each row in microseconds since 1970; None if rows have no time.
        scores: What the model predicts for them (n,), as ``OutputProfile.prediction`` counts it; None to leave out how
            much predictions vary.
    """

    matrix: Floats
    times: Times | None = None
    scores: Floats | None = None

    def select(self, kept: Sequence[int]) -> Floats:
        """Return the profiled columns (n, k) of the matrix, then the scores, which are 0 if there are none."""
        scores = np.zeros(len(self.matrix)) if self.scores is None else self.scores
        return np.column_stack([self.matrix[:, kept], scores])


@dataclass(frozen=True)
class InputProfile:
    """What is known of the inputs of the training part.

    Attributes:
        counts: Counts of each input.
        joint: Dependence of the inputs; None of fewer than two.
        repeats: How often rows repeat one another.
        variations: How much hours, days and weeks differ; empty without a time column.
    """

    counts: InputCounts
    joint: JointReference | None
    repeats: RowRepeats
    variations: tuple[WindowVariation, ...]


def profile_inputs(read: Callable[[], Iterable[TrainingRows]], contract: Contract) -> InputProfile:
    """Profile the inputs of the training part.

    The bins follow from at most 100,000 rows, drawn evenly from all of them; the counts are of all rows. Of more than
    200 blocks of one length, 200 are drawn evenly.

    Args:
        read: Called three times; yields the training part, the same rows each time.
        contract: The contract.

    Raises:
        DataError: If there is no row.
    """
    # One thread: sums in another order would give another profile.
    with threadpool_limits(1, user_api="blas"):
        return _profile_inputs(read, contract)


def _profile_inputs(read: Callable[[], Iterable[TrainingRows]], contract: Contract) -> InputProfile:
    kept = profiled_columns(contract)
    columns = matrix_layout.columns(contract)
    sample, blocks = _read_sample(read, kept)
    bins = choose_bins(sample, [*(columns[position] for position in kept), MatrixColumn("prediction")])
    total = _count(read, kept, bins)
    inputs = sample[:, :-1]
    tables = score_bins(total)
    counters = [_BlockCounter(ids, bins, len(tables)) for ids in blocks]
    joint = JointSums.empty(len(tables))
    for rows in read():
        matrix = rows.select(kept)
        positions = [find_bins(values, column) for values, column in zip(matrix.T, bins, strict=True)]
        scores = score_rows(positions[: len(tables)], tables)
        joint = joint + JointSums.of(scores)
        if rows.times is not None:
            for counter in counters:
                counter.add(positions, scores, rows.times)
    reference = _describe_dependence(total, joint, inputs, tables)
    variations = (counter.measure(reference) for counter in counters)
    return InputProfile(
        total, reference, RowRepeats.of(_digest(inputs)), tuple(one for one in variations if one is not None)
    )


def profiled_columns(contract: Contract) -> list[int]:
    """Return the positions of the matrix columns that are profiled: all that do not derive from personal data."""
    row_features = {feature.name: feature.columns for feature in contract.features}
    personal = {column.name for column in contract.columns if column.personal}
    columns = matrix_layout.columns(contract)
    return [
        position
        for position in matrix_layout.counted_columns(contract)
        if not personal & set(row_features.get(columns[position].name, (table_column(columns[position]),)))
    ]


def event_times(frame: pl.DataFrame, contract: Contract) -> Times | None:
    """Return the times (n,) of typed rows in microseconds since 1970, by the contract's time column; None without one.

    A row without a time gets the least number, which is in no block.
    """
    if not contract.time_column or contract.time_column not in frame.columns:
        return None
    times = frame.get_column(contract.time_column).cast(pl.Datetime("us")).cast(pl.Int64)
    return times.fill_null(_NO_TIME).to_numpy()


class _BlockCounter:
    """Counts rows by block of time, for one length of block."""

    def __init__(self, ids: NDArray[np.int64], bins: Sequence[ColumnBins], scored: int) -> None:
        """Start without rows.

        Args:
            ids: Length of a block in seconds, then the numbers (b,) of the blocks to count, ascending.
            bins: The bins of each column, that of the predictions last.
            scored: Number of columns of the joint test.
        """
        self._seconds, self._ids, self._bins = int(ids[0]), ids[1:], bins
        self._counts = [np.zeros((len(self._ids), column.count + 1), np.int64) for column in bins]
        self._sums = [JointSums.empty(scored) for _ in self._ids]

    def add(self, positions: Sequence[Positions], scores: Floats, times: Times) -> None:
        """Count rows: their bins (n,) by column, scores (n, p) and times (n,)."""
        if not len(self._ids):
            return
        numbers = times // (self._seconds * _MICROSECONDS)
        blocks = np.minimum(np.searchsorted(self._ids, numbers), len(self._ids) - 1)
        chosen = np.flatnonzero(self._ids[blocks] == numbers)
        chosen = chosen[np.argsort(blocks[chosen], kind="stable")]
        blocks = blocks[chosen]
        for total, place in zip(self._counts, positions, strict=True):
            counts = np.bincount(blocks * total.shape[1] + place[chosen], minlength=total.size)
            np.add(total, counts.reshape(total.shape), out=total)
        present, starts = np.unique(blocks, return_index=True)
        for block, rows in zip(present.tolist(), np.split(chosen, starts[1:]), strict=True):
            self._sums[block] = self._sums[block] + JointSums.of(scores[rows])

    def measure(self, reference: JointReference | None) -> WindowVariation | None:
        """Measure how much the blocks differ; None if fewer than two have rows."""
        blocks = [
            InputCounts.of_totals([counts[block] for counts in self._counts[:-1]], self._bins[:-1])
            for block in range(len(self._ids))
        ]
        predictions = [ColumnCounts(self._bins[-1], counts[:-1], int(counts[-1])) for counts in self._counts[-1]]
        features, centres = measure_features(self._sums, reference) if reference else ((), ())
        return measure_variation(
            blocks, seconds=self._seconds, features=features, predictions=predictions, centres=centres
        )


def _count(read: Callable[[], Iterable[TrainingRows]], kept: Sequence[int], bins: Sequence[ColumnBins]) -> InputCounts:
    total: InputCounts | None = None
    for rows in read():
        counts = InputCounts.of(rows.matrix[:, kept], bins[:-1])
        total = counts if total is None else total + counts
    if total is None:
        raise DataError("the training part must hold rows to be profiled; it holds none.")
    return total


def _describe_dependence(
    counts: InputCounts, sums: JointSums, sample: Floats, tables: Sequence[Floats]
) -> JointReference | None:
    if len(tables) < 2:
        return None
    chosen = sample[:: max(1, -(-len(sample) // _SCORED_SAMPLE))]
    bins = [column.bins for column in counts.columns[:MOST_COLUMNS]]
    positions = [find_bins(values, column) for values, column in zip(chosen.T, bins, strict=False)]
    return JointReference.of([column.name for column in bins], sums, score_rows(positions, tables))


def _digest(sample: Floats) -> NDArray[np.uint64]:
    frame = pl.DataFrame(sample)
    return row_digest(frame, frame.columns, name="digest").get_column("digest").to_numpy()


def _read_sample(
    read: Callable[[], Iterable[TrainingRows]], kept: Sequence[int]
) -> tuple[Floats, list[NDArray[np.int64]]]:
    """Read a sample of the profiled columns and the scores, and which blocks of each length there are."""
    numbers: list[set[int]] = [set() for _ in SPANS]

    def matrices() -> Iterator[Floats]:
        for rows in read():
            if rows.times is not None:
                dated = rows.times[rows.times > _NO_TIME]
                for seconds, found in zip(SPANS, numbers, strict=True):
                    found.update(np.unique(dated // (seconds * _MICROSECONDS)).tolist())
            yield rows.select(kept)

    sample = sample_rows(matrices())
    generator = np.random.default_rng(0)
    chosen = []
    for seconds, found in zip(SPANS, numbers, strict=True):
        ids = np.array(sorted(found), np.int64)
        if len(ids) > MOST_BLOCKS:
            ids = np.sort(generator.choice(ids, MOST_BLOCKS, replace=False))
        chosen.append(np.concatenate([[seconds], ids]).astype(np.int64))
    return sample, chosen


def sample_rows(matrices: Iterator[Floats]) -> Floats:
    """Draw at most 100,000 rows (m, p), each with the same probability, whatever their number.

    Args:
        matrices: The rows, as matrices (n, p).

    Raises:
        DataError: If there is no matrix.
    """
    generator = np.random.default_rng(0)
    rate, rows, kept = 1.0, 0, list[Floats]()
    draws = list[Floats]()
    for matrix in matrices:
        draw = generator.random(len(matrix))
        chosen = draw < rate
        kept.append(matrix[chosen])
        draws.append(draw[chosen])
        rows += int(chosen.sum())
        while rows > MOST_SAMPLED:
            rate /= 2
            keep = [draw < rate for draw in draws]
            kept = [matrix[mask] for matrix, mask in zip(kept, keep, strict=True)]
            draws = [draw[mask] for draw, mask in zip(draws, keep, strict=True)]
            rows = sum(map(len, draws))
    if not kept:
        raise DataError("the training part must hold rows to be profiled; it holds none.")
    return np.concatenate(kept)
