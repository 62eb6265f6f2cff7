"""Decisions of a model: what counts as another one, and how far a row is from it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.features import model_matrix
from headrace.core.models.fitted_model import Model, predicted_probabilities, predicted_values
from headrace.core.robustness.input_columns import NumberColumns
from headrace.core.statistics.weighted_metrics import EvaluatedRows, MetricAim

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Places = NDArray[np.int64]

_MOST_CELLS = 4_000_000
_LEAST = 1e-300


@dataclass(frozen=True)
class DecisionModel:
    """A model whose decisions are compared.

    Attributes:
        model: The model, with its threshold.
        amount: By how much a prediction must move to be another decision (regression), in the target's unit.
    """

    model: Model
    amount: float = 0.0

    @property
    def is_regression(self) -> bool:
        """Whether the decision is a number."""
        return self.model.contract.task == "regression"

    def compute(self, frame: pl.DataFrame) -> Floats:
        """Compute probabilities (n, k), or values (n, 1), for a typed table whose row features are computed again."""
        features = [feature.name for feature in self.model.contract.features if feature.name in frame.columns]
        matrix = self.model.encode(frame.drop(features))
        if self.is_regression:
            return predicted_values(self.model.pipeline, matrix)[:, np.newaxis]
        return predicted_probabilities(self.model.pipeline, matrix, len(self.model.classes))

    def compute_changed(self, frame: pl.DataFrame, numbers: NumberColumns, rows: Places, values: Floats) -> Floats:
        """Compute the same for m changed copies of rows, in calls of bounded size.

        Args:
            frame: Typed table of n rows.
            numbers: The changed columns (q).
            rows: Row of the table that each (m,) is a copy of.
            values: New values (m, q) of the columns.

        Returns:
            Probabilities (m, k), or values (m, 1).
        """
        at_a_time = max(1, _MOST_CELLS // max(1, frame.width))
        parts = [
            self.compute(numbers.write(frame[rows[start : start + at_a_time]], values[start : start + at_a_time]))
            for start in range(0, len(rows), at_a_time)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 1 if self.is_regression else len(self.model.classes)))

    def compute_each(self, frames: Iterable[pl.DataFrame]) -> list[Floats]:
        """Compute (n, k) for each table of the same columns, in few calls: each call of a forest costs milliseconds."""
        return [outputs for batch in _batches(frames) for outputs in self._compute_batch(batch)]

    def _compute_batch(self, frames: Sequence[pl.DataFrame]) -> list[Floats]:
        ends = np.cumsum([frame.height for frame in frames])
        return np.split(self.compute(pl.concat(frames)), ends[:-1])

    def choose(self, outputs: Floats) -> Places:
        """Return the place (n,) of the decided class, given probabilities (n, k)."""
        positive = self.model.positive
        if self.model.contract.task == "binary":
            return np.where(outputs[:, positive] >= self.model.threshold, positive, 1 - positive)
        chosen: Places = outputs.argmax(axis=1)
        return chosen

    def differ(self, outputs: Floats, before: Floats) -> Booleans:
        """Return whether each decision (n,) differs from the one before.

        Args:
            outputs: Probabilities (n, k), or values (n, 1).
            before: The same (n, k) before a change.
        """
        if self.is_regression:
            moved: Booleans = np.abs(outputs[:, 0] - before[:, 0]) > self.amount
            return moved
        return np.asarray(self.choose(outputs) != self.choose(before))

    def measure_margins(self, outputs: Floats, before: Floats) -> list[Floats]:
        """Return how far each row (n,) is from another decision: one vector, or for a number two, for up and down.

        Args:
            outputs: Probabilities (n, k), or values (n, 1).
            before: The same (n, k) before a change, whose decision is to be left.
        """
        if self.is_regression:
            moved = outputs[:, 0] - before[:, 0]
            return [-moved, moved]
        chosen = self.choose(before)
        rows = np.arange(len(outputs))
        ours = np.log(np.maximum(outputs[rows, chosen], _LEAST))
        others = outputs.copy()
        others[rows, chosen] = 0.0
        margin = ours - np.log(np.maximum(others.max(axis=1), _LEAST))
        return [margin]

    def outcome(self, outputs: Floats, actual: model_matrix.Target) -> EvaluatedRows:
        """Return predictions as what metrics are computed from.

        Args:
            outputs: Probabilities (n, k), or values (n, 1).
            actual: Encoded target (n,).
        """
        aim = MetricAim.of(self.model.contract)
        if self.is_regression:
            return EvaluatedRows(task="regression", actual=actual, values=outputs[:, 0], aim=aim)
        return EvaluatedRows(
            task=self.model.contract.task,
            actual=actual,
            probabilities=outputs,
            labels=self.choose(outputs),
            positive=self.model.positive,
            aim=aim,
        )


def _batches(frames: Iterable[pl.DataFrame]) -> Iterator[list[pl.DataFrame]]:
    """Yield frames in lists of bounded size."""
    batch: list[pl.DataFrame] = []
    cells = 0
    for frame in frames:
        if batch and cells + frame.height * frame.width > _MOST_CELLS:
            yield batch
            batch, cells = [], 0
        batch.append(frame)
        cells += frame.height * frame.width
    if batch:
        yield batch
